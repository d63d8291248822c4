"""Which audit images a closer look asks about first, and what it would bring.

By what the champion says of the audit slice; nothing here has seen an answer to an image that is
still waiting, so an image's chance of being asked about depends on chance and the classifier alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labeling.consensus import shares
from ml.evaluation import closer_look, intervals, pooling
from ml.evaluation.closer_look import Expected
from ml.selectors import audited, metrics, versions

if TYPE_CHECKING:
    from uuid import UUID

    import numpy.typing as npt

    from ml.selectors.audit_predictions import Answers
    from ml.selectors.metrics import Measured

    Vector = npt.NDArray[np.float64]

LABELS_IN_TIME = 0.8
"""Share of the labels that are to be known so well where all are asked for."""

_FORESEEN = 6
"""Steps from no more answers to all that wait."""

_NARROWEST, _LITTLE = 1e-6, 1e-6


@dataclass(frozen=True, slots=True)
class Slice:
    """The audit slice of a project, images with an answer first, as in `Measured.expected`.

    Attributes:
        version: the champion.
        found: what it says and what is known.
        expected: what it says of all of them.
        image_ids: (n,) all of them.
        reached: (n,) chance of each to have been asked about by now.
        n_met: how many have an answer.
    """

    version: UUID
    found: Measured
    expected: Expected
    image_ids: npt.NDArray[np.int64]
    reached: Vector
    n_met: int


@dataclass(frozen=True, slots=True)
class Step:
    """What is expected of some more answers.

    Attributes:
        images: how many more audit images are asked about.
        of_label: (k,) how many of them are of each label.
        half_width: (k,) of each label's interval then; pooled where all labels are asked for.
    """

    images: int
    of_label: Vector
    half_width: Vector


def read(project_id: int) -> Slice | None:
    """Read the audit slice and what the champion says of it.

    None where nothing says what the images may be of: no champion, or several labels an image.
    """
    pointer = versions.pointer(project_id)
    rows = audited.audit(project_id)
    found = metrics.measured(rows, pointer.version) if pointer else None
    if pointer is None or found is None or found.expected is None:
        return None
    image_ids = np.concatenate([rows.image_ids, rows.waiting])
    return Slice(
        pointer.version, found, found.expected, image_ids, rows.reached, len(rows.image_ids)
    )


def wanted(found: Measured, requests: list[tuple[str, float]]) -> Vector:
    """Say how much each of k labels matters for requests of (label code, half-width).

    A code of "" asks for every label, the widest first (`ml.evaluation.closer_look.matters`).
    """
    matters = np.zeros(len(found.codes))
    for code, half_width in requests:
        if code:
            matters[[each == code for each in found.codes]] = 1.0
        else:
            wide = closer_look.matters(pooled_half_widths(found), half_width)
            matters = np.maximum(matters, wide)
    return matters


def weights_of_new(here: Slice, said: Answers, matters: Vector, *, ordinary: float) -> Vector:
    """Say how much more (m,) new images tell than those of the slice do on average.

    Args:
        here: the slice.
        said: what its champion says of the new images.
        matters: (k,) how much each label matters.
        ordinary: chance of a new image to join the slice.
    """
    column_of = {code: column for column, code in enumerate(here.found.codes)}
    columns = np.array([*(column_of.get(code, -1) for code in said.label_order), -1])
    slice_, n = here.expected, len(here.image_ids)
    both = Expected(
        np.concatenate([slice_.columns, columns[said.top]]),
        np.concatenate([slice_.p, said.top_p]),
        np.concatenate([slice_.stands_for, np.full(len(said.p), 1 / ordinary)]),
        slice_.k,
    )
    found: Vector = closer_look.weights(both, matters, beside=n)[n:]
    return found


def pooled_half_widths(found: Measured) -> Vector:
    """Give half the width of each label's partially pooled interval, (k,); 0.5 where unknown."""
    rows = metrics.by_labels(found)
    right, cases = metrics.pooled_cases(rows)
    if not sum(cases):
        return np.full(len(rows), 0.5)
    likelier = [row.likelier for row in rows]
    drawn = intervals.pooled(right, cases, practice=found.practice, likelier=likelier)
    return np.array([(one.high - one.low) / 2 for one in drawn])


def foresee(here: Slice, matters: Vector, *, is_pooled: bool) -> list[Step]:
    """Say what more answers are expected to bring, from none to all that wait.

    By what the classifier expects of the images that wait, scaled to what is known by now.

    Args:
        here: the slice.
        matters: (k,) how much each label matters.
        is_pooled: for the partially pooled figures of all labels, not each label's own.
    """
    weight = closer_look.weights(here.expected, matters)
    n_waiting = len(here.image_ids) - here.n_met
    known = pooled_half_widths(here.found) if is_pooled else _own_half_widths(here.found)
    more = sorted({round(each) for each in np.linspace(0, 1, _FORESEEN) ** 2 * n_waiting})
    now = _thought(here, here.reached, is_pooled=is_pooled)
    scale = np.clip(known / np.maximum(now.half_width, _NARROWEST), 0.5, 2.0)
    steps = [Step(0, np.zeros(len(known)), known)]
    for images in more[1:]:
        chance = closer_look.reach(weight, here.reached, here.n_met + images)
        then = _thought(here, chance, is_pooled=is_pooled)
        width = np.minimum(steps[-1].half_width, then.half_width * scale)
        steps.append(Step(images, then.of_label - now.of_label, width))
    return steps


def _own_half_widths(found: Measured) -> Vector:
    rows = metrics.by_labels(found)
    return np.array([(row.high - row.low) / 2 if row.n else 0.5 for row in rows])


def _thought(here: Slice, chance: Vector, *, is_pooled: bool) -> Step:
    """Say what the classifier alone lets expect where images have these chances of being met."""
    p, first = here.expected.p, np.zeros_like(here.expected.p)
    first[:, 0] = 1.0
    parts = (p * first, p * (1 - first))
    # What has an answer has one; of what waits, those that are due by then.
    is_met = (chance - here.reached) / np.maximum(1 - here.reached, _LITTLE)
    is_met[: here.n_met] = 1.0
    right, wrong = (here.expected.sums(part * is_met[:, None]) for part in parts)
    cases = right + wrong
    stand = here.expected.stands_for[:, None]
    likelier, than = (
        (here.expected.sums(part * chance[:, None]) + _LITTLE)
        / (here.expected.sums(part * stand) + _LITTLE)
        for part in parts
    )
    shift = np.log(likelier / than)
    if not is_pooled:
        rows = zip(right.tolist(), cases.tolist(), shift.tolist(), strict=True)
        return Step(0, cases, np.array([_half_width(*row) for row in rows]))
    # Without the hint of labeled images, which takes long and tells the same at every step.
    drawn = pooling.partially_pooled(right, cases, likelier=shift)
    return Step(0, cases, np.array([(one.high - one.low) / 2 for one in drawn]))


def _half_width(right: float, cases: float, shift: float) -> float:
    if cases < _LITTLE:
        return 0.5
    # As `intervals.answers_missing_for`: a few right ones do not promise that all will be.
    share = (right + 2) / (cases + 4)
    low, high = shares.around(share, cases)
    _, low, high = closer_look.moved(share, low, high, n=cases, shift=shift, variance=0.0)
    return (high - low) / 2
