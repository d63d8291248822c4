"""What the audit slice says of two versions: pairs on measured images, in draw order.

One image a split group, so pairs are independent. Nothing here trains, tunes or steers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from labeling.selectors import consensus, projects, several
from ml.evaluation import label_sets
from ml.heads import codec, ridge
from ml.models import Comparison
from ml.selectors import audited, embeddings

if TYPE_CHECKING:
    import numpy.typing as npt

    from labeling.selectors.consensus import AuditRows
    from ml.models import ModelVersion
    from ml.types import Indices

DISPUTED = "DISPUTED"
WAITING = ("OPEN", DISPUTED)
"""States in which more answers, or an expert, will change what is known of an image."""
UNKNOWN = ""
"""Stands where a version has no vector of an image; no label code is empty."""


@dataclass(frozen=True, slots=True)
class AuditTruth:
    """The measured audit images whose label is settled, in draw order.

    Attributes:
        image_ids: (n,).
        codes: (n,) label codes people agreed on, experts' questions settled.
        n_open: measured images that still wait for answers, or for an expert.
        n_for_experts: of those, the ones that wait for an expert.
    """

    image_ids: Indices
    codes: npt.NDArray[np.object_]
    n_open: int
    n_for_experts: int = 0


@dataclass(frozen=True, slots=True)
class Pairs:
    """The same images, judged by two versions.

    Attributes:
        wins: the challenger alone is right.
        losses: the reference alone is right.
        ties: both or neither.
    """

    wins: int
    losses: int
    ties: int

    @property
    def n(self) -> int:
        """How many images both could be asked about."""
        return self.wins + self.losses + self.ties


@dataclass(frozen=True, slots=True)
class Table:
    """What two versions said of the same audit images, in draw order; (n,) each.

    Attributes:
        image_ids: database keys.
        truth: label codes people agreed on.
        said: codes the challenger predicts; `UNKNOWN` where it has no vector.
        reference: codes the reference predicts, or stands for.
    """

    image_ids: Indices
    truth: npt.NDArray[np.object_]
    said: npt.NDArray[np.object_]
    reference: npt.NDArray[np.object_]

    def counts(self) -> Pairs:
        """Count wins, losses and ties of the challenger."""
        return count(self.truth, self.said, self.reference)

    def by_label(self) -> dict[str, Pairs]:
        """Count them by the label of the image, labels in the order of their codes.

        Of sets by each label in them: right is who says that it is there, where the image shows it.
        """
        if any(label_sets.is_set(code) for code in self.truth):
            return self._by_member()
        return {
            code: count(self.truth[here], self.said[here], self.reference[here])
            for code in sorted(set(self.truth.tolist()))
            for here in [self.truth == code]
        }

    def _by_member(self) -> dict[str, Pairs]:
        known = (self.said != UNKNOWN) & (self.reference != UNKNOWN)
        columns = (column[known].tolist() for column in (self.truth, self.said, self.reference))
        sets = ([frozenset(label_sets.members(one)) for one in column] for column in columns)
        rows = list(zip(*sets, strict=True))
        found = {}
        for label in sorted({label for truth, _, _ in rows for label in truth}):
            here = [(label in said, label in was) for truth, said, was in rows if label in truth]
            wins, losses = here.count((True, False)), here.count((False, True))
            found[label] = Pairs(wins, losses, len(here) - wins - losses)
        return found

    def to_json(self) -> dict[str, Any]:
        """Give it as a row can hold it: codes once, columns as places among them."""
        codes = sorted({*self.truth, *self.said, *self.reference})
        place = {code: at for at, code in enumerate(codes)}
        columns = {"truth": self.truth, "said": self.said, "reference": self.reference}
        return {
            "codes": codes,
            "image": self.image_ids.tolist(),
            **{name: [place[code] for code in column] for name, column in columns.items()},
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Table:
        """Read what `to_json` wrote."""
        codes = np.array(stored["codes"], dtype=object)
        columns = (np.array(stored[name], dtype=np.int64) for name in COLUMNS)
        truth, said, reference = (codes[column] for column in columns)
        return cls(np.array(stored["image"], dtype=np.int64), truth, said, reference)


COLUMNS = ("truth", "said", "reference")


def audit_truth(project_id: int) -> AuditTruth:
    """Read the audit slice as it stands; a label changed since simply reads differently.

    Versions are compared on images that all had the same chance: a label that staff want
    to know better must not count for more in what decides which version serves.
    """
    rows = consensus.audit_rows(project_id, measured_only=True)
    is_alike = audited.drawn_alike(rows)
    # What an expert has yet to look at is not the truth yet, and may be the truth tomorrow.
    states = np.array(rows.states, dtype=object)
    waits = (rows.is_pending | np.isin(states, WAITING)) & is_alike
    codes, known = _truth(project_id, rows)
    known &= ~waits & is_alike
    return AuditTruth(
        image_ids=rows.image_ids[known],
        codes=codes[known],
        n_open=int(waits.sum()),
        n_for_experts=int(((rows.is_pending | (states == DISPUTED)) & is_alike).sum()),
    )


def _truth(
    project_id: int, rows: AuditRows
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.bool_]]:
    """Give the (n,) codes of audit images, and which stand.

    With several labels an image its set, as far as people were asked about labels of today.
    """
    if several.is_several(project_id):
        found = several.sets(project_id, rows.image_ids)
        is_asked = np.asarray(found.known.any(axis=1), dtype=np.bool_)
        return label_sets.of_rows(found.shows, rows.codes, found.known), is_asked
    codes = np.array([*rows.codes, UNKNOWN], dtype=object)
    return codes[rows.label_index], rows.label_index >= 0


def table(version: ModelVersion, reference: ModelVersion | str, truth: AuditTruth) -> Table:
    """Ask two versions about the audit slice; a reference that is a code always says that code."""
    said = answers(version, truth.image_ids)
    if isinstance(reference, str):
        theirs = np.full(len(said), reference, dtype=object)
    else:
        theirs = answers(reference, truth.image_ids)
        theirs[_cannot_know(reference, truth.codes)] = UNKNOWN
    said[_cannot_know(version, truth.codes)] = UNKNOWN
    return Table(truth.image_ids, truth.codes, said, theirs)


def answers(version: ModelVersion, image_ids: Indices) -> npt.NDArray[np.object_]:
    """Give the (n,) label codes a version predicts; `UNKNOWN` where it has no vector.

    With several labels an image, the set of those that are more likely than not. A version without
    weights knows nothing.
    """
    said = np.full(len(image_ids), UNKNOWN, dtype=object)
    if version.head is None:
        return said
    known = embeddings.has_vector(version.embedding_set_id, image_ids)
    vectors = embeddings.load_matrix(version.embedding_set_id, image_ids[known])
    head = codec.from_bytes(bytes(version.head))
    if head.several is not None:
        shown = ridge.predict(head, vectors) > 0.5
        said[known] = label_sets.of_rows(shown, _today(version))
        return said
    scores = ridge.scores(head, vectors)
    said[known] = np.array(_today(version), dtype=object)[scores.argmax(axis=1)]
    return said


def _today(version: ModelVersion) -> tuple[str, ...]:
    """Give the labels of a version by what they were merged into since; others as they were."""
    into = projects.heirs(version.project_id, projects.current_scheme(version.project_id).codes)
    return tuple(
        into[code][0] if len(into.get(code, ())) == 1 else code for code in version.label_order
    )


def _cannot_know(version: ModelVersion, codes: npt.NDArray[np.object_]) -> npt.NDArray[np.bool_]:
    """Tell which (n,) labels were split off one that the version knows: it has no word for them."""
    into = projects.heirs(version.project_id, projects.current_scheme(version.project_id).codes)
    heirs = {one for code in version.label_order if len(into.get(code, ())) > 1
             for one in into[code]}  # fmt: skip
    return np.isin(codes, list(heirs - set(version.label_order)))


def count(
    truth: npt.NDArray[np.object_],
    challenger: npt.NDArray[np.object_],
    reference: npt.NDArray[np.object_],
) -> Pairs:
    """Count (n,) answers against the truth; images that one of the two does not know are left out.

    Source: `methods.md` §6: only discordant images matter to the test.
    """
    known = (challenger != UNKNOWN) & (reference != UNKNOWN)
    truth = truth[known]
    right = label_sets.same(truth, challenger[known])
    was_right = label_sets.same(truth, reference[known])
    wins = int(np.sum(right & ~was_right))
    losses = int(np.sum(~right & was_right))
    return Pairs(wins, losses, int(known.sum()) - wins - losses)


def of_version(version_id: int) -> list[Comparison]:
    """List the comparisons a version was the challenger of, newest first."""
    found = Comparison.objects.filter(challenger_id=version_id)
    return list(found.select_related("reference", "challenger").order_by("-pk"))


def running(project_id: int) -> list[Comparison]:
    """List the comparisons that wait for more audit answers, oldest first."""
    found = Comparison.objects.filter(project_id=project_id, decision="RUNNING")
    return list(found.select_related("reference", "challenger").order_by("pk"))
