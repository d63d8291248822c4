"""The label error to be expected of an export, put right by every label whose truth is known.

Truth comes from experts: audit images they were asked about, each with its probability, and gold,
which they chose by hand and which people answer unknowingly. Of each is asked what people alone
would have made of it, by the same rules as in production; whether that is wrong is what counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labeling.consensus import crowd, error, retirement
from labeling.consensus.types import Answers, State
from labeling.models import Adjudication, Consensus, Image, Mode, Partition, Project
from labeling.selectors import agreement as selectors
from labeling.selectors import crowd as crowd_selectors
from labeling.selectors import gold as gold_selectors
from labeling.selectors import projects, votes
from labeling.services import consensus, skills, slots

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    import numpy.typing as npt

    from labeling.consensus.crowd import Pool, Skill
    from labeling.consensus.error import Expected
    from labeling.consensus.types import Vote
    from labeling.selectors.projects import SchemeView
    from labeling.selectors.votes import LiveAnswer

SEED = 0xE44
"""The same for all: a figure is the same wherever the same rows are."""
MOST_ASKED = 4000
"""Of so many labels the risks are known well enough: what is not known is how wrong they are."""
BATCH = 2000
"""SQLite takes 32,766 parameters in one statement."""


def expected(project: Project) -> Expected | None:
    """Estimate the share of an export's labels that is wrong, with its 95 % interval.

    Labels of experts and of imports are taken at their word. None with several labels an image, or
    without a label. The same rows give the same figure.

    How sure the model is of each label is asked anew, of a random sample where they are many: what
    is stored with a decided image is from the time of its decision, and people have become better
    known since.
    """
    if project.mode != Mode.SINGLE:
        return None
    found = selectors.exported(project.pk)
    rng = np.random.default_rng(SEED)
    ids = list(found.by_people)
    if len(ids) > MOST_ASKED:
        ids = sorted(rng.choice(ids, MOST_ASKED, replace=False).tolist())
    risk = [
        one
        for start in range(0, len(ids), BATCH)
        for one in _risks(
            project, {key: found.by_people[key] for key in ids[start : start + BATCH]}
        )
    ]
    return error.expected(
        np.array(risk, dtype=np.float64),
        checked(project),
        n_labels=len(found.by_people),
        n_sure=found.n_sure,
        rng=rng,
    )


def checked(project: Project) -> error.Checked:
    """Give the labels people alone gave, or would have given, whose truth an expert has said."""
    truth = _truth(project)
    rows: list[tuple[float, bool, float]] = []
    ids = sorted(truth)
    for start in range(0, len(ids), BATCH):
        batch = {image_id: truth[image_id] for image_id in ids[start : start + BATCH]}
        audit = {image_id for image_id, one in batch.items() if one.is_audit}
        rows += _People.of(project, list(batch), audit).judged(batch)
    table = np.array(rows, dtype=np.float64).reshape(len(rows), 3)
    return error.Checked(table[:, 0], table[:, 1] > 0, table[:, 2])


@dataclass(frozen=True, slots=True)
class _Truth:
    """What an expert said of an image: a label, or None for none of these.

    `weight` is 1 / probability of being asked; gold, chosen by hand, stands for itself.
    """

    label_id: int | None
    weight: float
    is_audit: bool


def _truth(project: Project) -> dict[int, _Truth]:
    """Read the experts' words: questions about audit images settled, and gold that stands."""
    found = {
        row.image_id: _Truth(row.label_id, 1.0, is_audit=False)
        for row in gold_selectors.live(project.pk)
    }
    settled = Adjudication.objects.filter(
        project=project,
        settled_at__isnull=False,
        annotation__withdrawn_at__isnull=True,
        annotation__annotator__quarantined_at__isnull=True,
        annotation__kind__in=("LABEL", "NONE_OF_THESE"),
    ).values_list("image_id", "probability", "annotation__labels__label_id")
    for image_id, probability, label_id in settled.order_by("pk"):
        found[image_id] = _Truth(label_id, 1.0 / probability, is_audit=True)
    return found


def _risks(project: Project, labels: dict[int, int]) -> list[float]:
    """Give 1 - P(label) of images by what is known of people now."""
    audit = Image.objects.filter(pk__in=list(labels), partition=Partition.AUDIT)
    is_audit = set(audit.values_list("pk", flat=True))
    people = _People.of(project, list(labels), is_audit)
    found = (people.risk(image_id, label_id) for image_id, label_id in labels.items())
    return [risk for risk in found if risk is not None]


@dataclass(frozen=True, slots=True)
class _Named:
    """A label by people alone, how sure the model is of it, and whether they would stop there."""

    label_id: int
    risk: float
    is_decided: bool


@dataclass(frozen=True, slots=True)
class _People:
    """What is needed to decide images by people's answers alone."""

    project: Project
    scheme: SchemeView
    pool: Pool
    skills: dict[int, Skill]
    priors: dict[int, npt.NDArray[np.float32]]
    answers: dict[int, list[LiveAnswer]]
    counted: dict[int, dict[str, Any] | None]
    n_people: int

    @classmethod
    def of(cls, project: Project, image_ids: list[int], audit: set[int]) -> _People:
        """Read it for these images; those of the audit slice get no word of the classifier."""
        scheme = projects.current_scheme(project.pk)
        answers = votes.of_images(image_ids)
        people = {one.annotator_id for said in answers.values() for one in said}
        counted = Consensus.objects.filter(image_id__in=image_ids)
        return cls(
            project=project,
            scheme=scheme,
            pool=crowd_selectors.pool(project.pk, scheme),
            skills=crowd_selectors.skills(people, scheme),
            priors=crowd_selectors.priors(
                [image_id for image_id in image_ids if image_id not in audit], scheme
            ),
            answers=answers,
            counted=dict(counted.values_list("image_id", "counted")),
            n_people=len(people),
        )

    def risk(self, image_id: int, label_id: int) -> float | None:
        """Give 1 - P(label) after all answers; None of a label that is no longer in the scheme."""
        said = consensus.opinions(self.answers[image_id], self.column_of)
        if label_id not in self.column_of or not said:
            return None
        shares, _ = self._posteriors(image_id, said)
        return _risk(shares, self.column_of[label_id])

    def judged(self, truth: dict[int, _Truth]) -> list[tuple[float, bool, float]]:
        """Give risk, whether it is wrong, and weight of what people would name on each image.

        Also where they would not be sure enough to stop: labels of before, when less was known of
        people, are in an export with the same risk.
        """
        found = []
        for image_id, one in truth.items():
            said = [each for each in self.answers[image_id] if not each.decides_alone]
            # Gold gets answers without end; in production the first that decide are the last.
            cap = self._rule(is_audit=one.is_audit).cap
            ends = [len(said)] if one.is_audit else range(1, min(cap, len(said)) + 1)
            named = None
            for end in ends:
                named = self._decide(image_id, said[:end], is_audit=one.is_audit) or named
                if named is not None and named.is_decided:
                    break
            if named is not None:
                found.append((named.risk, named.label_id != one.label_id, one.weight))
        return found

    def _rule(self, *, is_audit: bool) -> slots.Policy:
        partition = Partition.AUDIT if is_audit else Partition.POOL
        return slots.Policy.of(self.project, partition, self.n_people)

    @property
    def column_of(self) -> dict[int, int]:
        return {label_id: place for place, label_id in enumerate(self.scheme.label_ids)}

    def _posteriors(
        self, image_id: int, said: list[Vote]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64] | None]:
        """Give the (k + 1,) posterior, and the one of people alone where the classifier helps."""
        prior = self.priors.get(image_id)
        # What these very answers have added to anybody's skill may know the truth: left out.
        own = skills.added(self.counted.get(image_id), crowd_selectors.outcomes(self.scheme))
        posterior = crowd.posterior(said, self.skills, self.pool, prior=prior, own=own)
        if prior is None:
            return posterior, None
        return posterior, crowd.posterior(said, self.skills, self.pool, own=own)

    def _decide(
        self, image_id: int, answers: Sequence[LiveAnswer], *, is_audit: bool
    ) -> _Named | None:
        """Give the label people would have given, and its risk; None where they named none."""
        column_of, k = self.column_of, len(self.scheme.label_ids)
        said = consensus.opinions(list(answers), column_of)
        labels = sorted({vote.label for vote in said if vote.label < k})
        if not labels:
            return None
        posterior, alone = self._posteriors(image_id, said)
        rule = self._rule(is_audit=is_audit)
        decision = retirement.decide(
            Answers.of(
                [vote for vote in said if vote.label < k],
                none_of_these=sum(vote.label == k for vote in said),
                cant_tell=sum(not one.is_opinion for one in answers),
            ),
            posterior,
            people=alone,
            pool=self.pool,
            needed=rule.needed,
            cap=rule.cap,
            risk=self.project.retirement_risk,
            is_audit=is_audit,
        )
        shares = posterior if alone is None else alone
        label = max(labels, key=lambda column: float(shares[column]))
        is_decided = decision.state == State.RESOLVED
        if is_decided and decision.label is not None:
            label = decision.label
        return _Named(self.scheme.label_ids[label], _risk(posterior, label), is_decided)


def _risk(posterior: npt.NDArray[np.float64], label: int) -> float:
    """Give 1 - P(label) among labels, as an export says it: "none of these" is no label."""
    return min(max(1.0 - float(posterior[label] / posterior[:-1].sum()), 0.0), 1.0)
