"""The one writer of `Consensus`: from the live answers of an image to its label or its question."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from labeling.consensus import crowd, narrowing, retirement
from labeling.consensus.types import Answers, Decision, State, Vote
from labeling.models import (
    AnnotationKind,
    Consensus,
    Image,
    Mode,
    Partition,
)
from labeling.selectors import annotators, projects, votes
from labeling.selectors import crowd as crowd_selectors
from labeling.selectors import several as several_selectors
from labeling.services import consensus_rows, set_decisions, skills, slots

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import numpy.typing as npt

    from labeling.consensus.crowd import Pool, Skill
    from labeling.consensus.types import Hint
    from labeling.models import Project
    from labeling.selectors.projects import SchemeView
    from labeling.selectors.votes import LiveAnswer

FEWEST_TO_COUNT = 2
"""One vote alone tells nothing about its author."""
_SAME = 1e-7


@dataclass(frozen=True, slots=True)
class _Decided:
    posterior: npt.NDArray[np.float64]
    decision: Decision
    n_votes: int
    needed: int
    is_expert: bool
    counted: dict[str, Any] | None = None
    label_id: int | None = None
    """Where it is no column: a group, or a label that was split."""


@dataclass(frozen=True, slots=True)
class _Reader:
    """What deciding a batch of images needs besides their answers."""

    project: Project
    scheme: SchemeView
    column_of: dict[int, int]
    n_active: int
    pool: Pool
    skills: dict[int, Skill]
    priors: dict[int, npt.NDArray[np.float32]]
    asked: dict[int, frozenset[int]]
    hints: dict[int, list[Hint]]

    @property
    def k(self) -> int:
        return max(len(self.scheme.label_ids), 1)

    def policy(self, image: Image) -> slots.Policy:
        return slots.Policy.of(self.project, image.partition, self.n_active)


def update(*, image_id: int, now: datetime) -> Consensus:
    """Write what the live answers of an image say now; inside the caller's transaction.

    The caller holds the image's lock (`slots.lock_images`). An answer by an expert, or a label that
    came with an import, decides alone, the newest first. The classifier's prior is weak, capped and
    for pool images only: what is measured is never steered by what it measures (rule 1).

    Every answer is weighed by the stored skill of who gave it. Where people have told something
    about each other (two votes, or an expert's word), their skills follow in the same transaction.
    """
    image = Image.objects.select_related("project").get(pk=image_id)
    return update_locked(project=image.project, image=image, now=now)


def update_locked(
    *, project: Project, image: Image, now: datetime, scheme: SchemeView | None = None
) -> Consensus:
    """As `update`, for an image that the caller has read and locked, and a scheme it knows."""
    lately = annotators.active_lately(project, now)
    return _update([image], project, now, scheme=scheme, n_active=lately)[0][0]


def update_few(
    *, project: Project, images: Sequence[Image], now: datetime, scheme: SchemeView
) -> list[Consensus]:
    """As `update_locked` for each of some images, by the same number of statements."""
    lately = annotators.active_lately(project, now)
    return [row for row, _ in _update(images, project, now, scheme=scheme, n_active=lately)]


def update_many(
    *, project: Project, images: Sequence[Image], now: datetime, keeps_skills: bool = False
) -> list[Consensus]:
    """Decide locked images of one project; give the rows that have changed.

    As `update`, in a fixed number of queries however many images there are. With `keeps_skills`
    an image whose votes are as they were adds to skills what it did: after a sweep, which has
    weighed all images together, the order of deciding them changes nothing then.
    """
    found = _update(images, project, now, keeps_skills=keeps_skills)
    return [row for row, is_changed in found if is_changed]


def _update(
    images: Sequence[Image],
    project: Project,
    now: datetime,
    *,
    keeps_skills: bool = False,
    scheme: SchemeView | None = None,
    n_active: int | None = None,
) -> list[tuple[Consensus, bool]]:
    ids = [image.pk for image in images]
    answers = votes.of_images(ids)
    scheme = scheme or projects.current_scheme(project.pk)
    n_active = n_active or annotators.active_count(project, now)
    reader = _reader(project, scheme, images, answers, n_active)
    stored = consensus_rows.stored(ids)
    found, moves = [], []
    for image in images:
        row = stored.get(image.pk) or consensus_rows.new(image, project)
        before, decided = row.counted, _decide(image, answers[image.pk], reader, row.counted)
        if keeps_skills and skills.has_same_votes(before, decided.counted):
            decided = replace(decided, counted=before)
        is_changed = _write(row, decided, reader.scheme, now)
        found.append((row, is_changed))
        moves.append((before, row.counted))
    consensus_rows.store([row for row, is_changed in found if is_changed])
    skills.move(moves, scheme_id=reader.scheme.id, now=now)
    return found


def live_votes(image_ids: Sequence[int], scheme: SchemeView) -> dict[int, list[list[Any]]]:
    """Give the votes of images as `skills.record` stores them."""
    codes = crowd_selectors.outcomes(scheme)
    column_of = scheme.column_of
    return {
        image_id: skills.named(opinions(answers, column_of), codes)
        for image_id, answers in votes.of_images(image_ids).items()
    }


def recount_skills(records: dict[int, dict[str, Any]], *, scheme: SchemeView, now: datetime) -> int:
    """Let locked images add these records to skills instead of what they add; give how many do.

    An image whose votes are no longer those of its record keeps what it adds.
    """
    live = live_votes(list(records), scheme)
    moves = []
    for row in Consensus.objects.filter(image_id__in=list(records)).order_by("image_id"):
        record = records[row.image_id]
        if live[row.image_id] == record["votes"]:
            moves.append((row.counted, record))
            consensus_rows.set_counted(row.pk, record)
    skills.move(moves, scheme_id=scheme.id, now=now)
    return len(moves)


# --- reading ------------------------------------------------------------------------------


def _reader(
    project: Project,
    scheme: SchemeView,
    images: Sequence[Image],
    answers: dict[int, list[LiveAnswer]],
    n_active: int,
) -> _Reader:
    people = {answer.annotator_id for said in answers.values() for answer in said}
    is_single = project.mode == Mode.SINGLE
    hints = {}
    if is_single and scheme.lineage.several:
        hints = votes.hints_of(answers, scheme.lineage)
        people |= {hint.annotator for given in hints.values() for hint in given}
    pool_ids = [image.pk for image in images if image.partition != Partition.AUDIT]
    return _Reader(
        project=project,
        scheme=scheme,
        column_of=scheme.column_of,
        n_active=n_active,
        pool=crowd_selectors.pool(project.pk, scheme),
        skills=crowd_selectors.skills(people, scheme) if people and is_single else {},
        priors=crowd_selectors.priors(pool_ids, scheme) if pool_ids and is_single else {},
        asked={}
        if is_single
        else several_selectors.asked([one for said in answers.values() for one in said], scheme),
        hints=hints,
    )


def _write(row: Consensus, found: _Decided, scheme: SchemeView, now: datetime) -> bool:
    """Bring a row up to what was found; tell whether that changes it."""
    decision = found.decision
    label_id = found.label_id
    if decision.label is not None:
        label_id = scheme.label_ids[decision.label]
    is_as_before = (row.state, row.label_id) == (decision.state.value, label_id)
    posterior = found.posterior.astype(np.float32)
    if row.pk is not None and is_as_before and _is_same(row, found, posterior, scheme.id):
        return False
    row.scheme_id, row.posterior = scheme.id, posterior.tobytes()
    row.state, row.label_id = decision.state.value, label_id
    row.effective_votes, row.n_votes = found.needed, found.n_votes
    row.is_expert, row.counted, row.updated_at = found.is_expert, found.counted, now
    if decision.state == State.OPEN:
        row.resolved_at = None
    elif not is_as_before or row.resolved_at is None:
        row.resolved_at = now
    return True


def _is_same(
    row: Consensus, found: _Decided, posterior: npt.NDArray[np.float32], scheme_id: int
) -> bool:
    before = (row.scheme_id, row.effective_votes, row.n_votes, row.is_expert, row.counted)
    after = (scheme_id, found.needed, found.n_votes, found.is_expert, found.counted)
    if before != after:
        return False
    stored = np.frombuffer(bytes(row.posterior), dtype=np.float32)
    return bool(np.abs(stored - posterior).max() <= _SAME)


# --- deciding -----------------------------------------------------------------------------


def _decide(
    image: Image, answers: list[LiveAnswer], reader: _Reader, added: dict[str, Any] | None
) -> _Decided:
    deciders = [answer for answer in answers if answer.decides_alone]
    if reader.project.mode == Mode.MULTI:
        found = set_decisions.decide(answers, reader.scheme, reader.asked, reader.policy(image))
        return _Decided(
            found.posterior, found.decision, found.n_votes, found.needed, found.is_expert
        )
    if deciders:
        return _by_decree(deciders[-1], answers, reader)
    return _by_crowd(image, answers, reader, added)


def _named(answer: LiveAnswer, column_of: dict[int, int]) -> list[int]:
    """Give the columns an answer says yes to; labels retired since are left out."""
    return [column_of[label_id] for label_id in answer.label_ids if label_id in column_of]


def _group(answer: LiveAnswer, reader: _Reader) -> int | None:
    """Give the group that an answer names, if any."""
    return next((one for one in answer.label_ids if one in reader.scheme.lineage.several), None)


def opinions(answers: list[LiveAnswer], column_of: dict[int, int]) -> list[Vote]:
    """Give the opinions of those who do not decide alone; none of these is the last column."""
    found = []
    for answer in answers:
        named = _named(answer, column_of)
        if answer.kind == AnnotationKind.NONE_OF_THESE:
            named = [max(column_of.values(), default=0) + 1]
        if named and answer.is_opinion and not answer.decides_alone:
            found.append(Vote(answer.annotator_id, named[0], tells=not answer.is_confirmed))
    return found


def _by_decree(answer: LiveAnswer, answers: list[LiveAnswer], reader: _Reader) -> _Decided:
    k = reader.k
    posterior, truth = np.full(k, 1 / k), np.zeros(k + 1)
    decision, n_votes = Decision(State.UNUSABLE), len(answers)
    named = _named(answer, reader.column_of)
    if answer.kind == AnnotationKind.NONE_OF_THESE:
        decision = Decision(State.NONE_OF_THESE)
        truth[k] = 1.0
    elif answer.kind == AnnotationKind.LABEL and named:
        posterior = np.zeros(k)
        posterior[named] = 1.0
        truth[named[0]] = 1.0
        decision = Decision(State.RESOLVED, named[0])
        early = votes.said_too_early(reader.scheme.label_ids[named[0]], answers)
        answers = [one for one in answers if one.annotation_id not in early]
    elif answer.kind == AnnotationKind.LABEL and (group := _group(answer, reader)):
        columns = list(reader.scheme.lineage.several[group])
        posterior = np.zeros(k)
        posterior[columns] = 1 / len(columns)
        known = Decision(State.RESOLVED)
        return _Decided(posterior, known, n_votes, 1, is_expert=True, label_id=group)
    elif answer.kind == AnnotationKind.LABEL:  # Its label was retired: the question is open again.
        decision = Decision(State.OPEN)
    counted = None
    if truth.any():
        counted = _counted(opinions(answers, reader.column_of), truth, reader, fewest=1)
    is_decided = decision.state != State.OPEN
    return _Decided(posterior, decision, n_votes, 1, is_expert=is_decided, counted=counted)


def _by_crowd(
    image: Image, answers: list[LiveAnswer], reader: _Reader, added: dict[str, Any] | None
) -> _Decided:
    said = opinions(answers, reader.column_of)
    k, project = reader.k, reader.project
    is_audit = image.partition == Partition.AUDIT
    rule = reader.policy(image)
    counted = Answers.of(
        [vote for vote in said if vote.label < k],
        none_of_these=sum(vote.label == k for vote in said),
        cant_tell=sum(not answer.is_opinion for answer in answers),
    )
    prior = None if is_audit else reader.priors.get(image.pk)
    own = skills.added(added, crowd_selectors.outcomes(reader.scheme)) if added else {}
    hints = reader.hints.get(image.pk, [])
    posterior = crowd.posterior(said, reader.skills, reader.pool, prior=prior, own=own, hints=hints)
    alone = None
    if prior is not None:
        alone = crowd.posterior(said, reader.skills, reader.pool, own=own, hints=hints)
    if hints:
        found = narrowing.decide(
            said,
            hints,
            posterior,
            alone,
            cant_tell=counted.cant_tell,
            policy=narrowing.Policy(
                reader.pool, rule.needed, rule.cap, project.retirement_risk, is_audit
            ),
        )
        return _Decided(
            posterior[:k] / posterior[:k].sum(),
            found.decision,
            found.n_votes,
            rule.needed,
            is_expert=False,
            counted=_counted(said, posterior, reader, fewest=FEWEST_TO_COUNT),
            label_id=found.label,
        )
    decision = retirement.decide(
        counted,
        posterior,
        people=alone,
        pool=reader.pool,
        needed=rule.needed,
        cap=rule.cap,
        risk=project.retirement_risk,
        is_audit=is_audit,
    )
    return _Decided(
        posterior[:k] / posterior[:k].sum(),
        decision,
        counted.n_votes,
        rule.needed,
        is_expert=False,
        counted=_counted(said, posterior, reader, fewest=FEWEST_TO_COUNT),
    )


def _counted(
    said: list[Vote], truth: npt.NDArray[np.float64], reader: _Reader, *, fewest: int
) -> dict[str, Any] | None:
    """Give what the image tells about who voted, or None where it tells nothing."""
    if sum(vote.tells for vote in said) < fewest:
        return None
    return skills.record(said, truth, crowd_selectors.outcomes(reader.scheme))
