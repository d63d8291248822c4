"""Fill the window of acquired images: the project's acquisition function over the whole pool."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from labeling.selectors import crowd, doubts
from labeling.selectors import queue as queue_selectors
from labeling.services import queue
from labeling.services.slots import DOUBTED, SECOND_OPINION
from ml import acquisition
from ml.acquisition import PreparedRows
from ml.acquisition.classifier import most_doubtful, probabilities_at
from ml.acquisition.rescore import rescore
from ml.acquisition.shards import RollingShard
from ml.acquisition.turns import spread
from ml.errors import MlError
from ml.heads import ridge, several
from ml.selectors import embeddings, outlook
from ml.services import contains, rare, similar
from ml.types import Pool

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    import numpy.typing as npt

    from labeling.selectors.consensus import TrainingRows
    from labeling.selectors.projects import ProjectRow
    from ml.types import Embeddings, Head, Indices, Probabilities, Rows, Scores, Weights

_MEAN_ROWS = 16_384
_shards: dict[tuple[int, int], RollingShard] = {}
SHORT_WINDOW = 40
"""Entries chosen by functions whose picks cost time each, and while it is cold: they last until the
next refill, which comes with the next head. Herding picks lazily: 200 cost no more than 20."""


class UnknownAcquisitionFunctionError(MlError):
    """The project names a function that does not exist (in this version)."""

    code = "unknown_acquisition_function"
    status = 409


@dataclass(frozen=True, slots=True)
class Scored:
    """The candidates with what the classifier says of them.

    Attributes:
        image_ids: (n,) candidates that have a vector.
        groups: (n,) split groups.
        prepared: (n, d) centred unit rows, or what gives them when asked.
        probabilities: (n, k), with several labels an image one each; None without a classifier,
            and in a pool too large to keep them.
        labeled: (m, d) labeled images and those in work, prepared the same way.
        head: the classifier, or None.
        doubt: (n,) margin scores, where there is a classifier.
    """

    image_ids: Indices
    groups: Indices
    prepared: Embeddings | Rows
    probabilities: Probabilities | None
    labeled: Embeddings
    head: Head | None = None
    doubt: Scores | None = None

    def said_of(self, chosen: Indices) -> tuple[Indices, Probabilities]:
        """Give those of the chosen images that are candidates, and their probabilities.

        Raises:
            NeedsProbabilitiesError: there is no classifier.
        """
        positions = np.flatnonzero(np.isin(self.image_ids, chosen))
        said = probabilities_at(self.pool(), positions, "prior")
        return self.image_ids[positions], said

    def pool(self, counts: Weights | None = None) -> Pool:
        """Give what an acquisition function chooses from."""
        said = self.probabilities
        if said is not None and self.head is not None and self.head.several is not None:
            said = most_doubtful(said)
        return Pool(
            image_ids=self.image_ids,
            embeddings=self.prepared,
            probabilities=said,
            groups=self.groups,
            labeled=self.labeled,
            head=self.head,
            labeled_counts=counts,
            doubt=self.doubt,
        )


@dataclass(frozen=True, slots=True)
class Labeled:
    """What is labeled so far, as far as choosing the next images needs it."""

    image_ids: Indices
    counts: npt.NDArray[np.float64]  # (k,) labeled images of each label
    data_version: int = 0  # the newest answer when they were read

    @classmethod
    def of(cls, rows: TrainingRows) -> Labeled:
        """Count the labels; an image of several counts for each."""
        if rows.is_several:
            return cls(rows.image_ids, several.counts(rows.posteriors), rows.data_version)
        counts = rows.posteriors.sum(axis=0, dtype=np.float64)
        return cls(rows.image_ids, counts, rows.data_version)

    @property
    def is_cold(self) -> bool:
        """Whether the classifier is not to be asked yet."""
        return acquisition.cold_start(self.counts, len(self.counts))


def score_candidates(
    *, project_id: int, set_id: int, head: Head | None, labeled: Labeled
) -> Scored:
    """Rescore the pool: one matrix product over all candidates that have a vector.

    Of a very large pool it is a shard, another at each call, and the images that were most in
    doubt (`shards`). Vectors stay where they are mapped, and are prepared by the block.

    What people hold, or have answered since the labels were read, counts as labeled. The window is
    chosen anew while they look, and would be filled with the neighbours of those very images: with
    five people the first 100 chosen came from 60 split groups, and come from 89 since.
    """
    rows = queue_selectors.candidates(project_id)
    shard = _shards.setdefault((project_id, set_id), RollingShard())
    looked = shard.next(rows.image_ids)
    ids, groups = rows.image_ids[looked], rows.groups[looked]
    known = embeddings.has_vector(set_id, ids)
    ids, groups = ids[known], groups[known]
    raw, places = embeddings.stored_rows(set_id, ids)
    in_work = queue_selectors.in_work(project_id, since=labeled.data_version)
    taken = np.union1d(labeled.image_ids, in_work)
    answered = embeddings.load_matrix(set_id, taken[embeddings.has_vector(set_id, taken)])
    if not len(ids):
        # Nothing to choose from, so nothing to centre or to score.
        no_rows = np.empty((0, raw.shape[1]), dtype=np.float32)
        said = None if head is None else np.empty((0, len(labeled.counts)))
        return Scored(ids, groups, no_rows, said, no_rows, head)
    centre = _mean(raw, places, answered) if head is None else head.centre
    prepared = PreparedRows(raw, places, centre)
    seen = ridge.prepare(answered, centre)
    if head is None:
        return Scored(ids, groups, prepared, None, seen)
    found = rescore(prepared, head)
    shard.saw(ids, found.doubt)
    return Scored(ids, groups, prepared, found.probabilities, seen, head, found.doubt)


def _mean(
    raw: npt.NDArray[np.float16], places: Indices, answered: Embeddings
) -> npt.NDArray[np.float64]:
    """Give the (d,) mean of the rows at these places and the answered ones, block by block."""
    total = answered.sum(axis=0, dtype=np.float64)
    for start in range(0, len(places), _MEAN_ROWS):
        total += raw[places[start : start + _MEAN_ROWS]].sum(axis=0, dtype=np.float64)
    mean: npt.NDArray[np.float64] = total / (len(places) + len(answered))
    return mean


def function_name(project: ProjectRow, labeled: Labeled, *, has_head: bool) -> str:
    """Name the function whose turn it is: herding while it is cold, then the project's own.

    Functions that need no classifier, and those with a cold start of their own, come at once. Where
    the project's own does not pay, a fallback chooses meanwhile (`ml.services.outlook`); where it
    compares labels with each other and an image may bear several, the default does.

    Raises:
        UnknownAcquisitionFunctionError: the project's own does not exist.
    """
    wanted = acquisition.current_name(project.acquisition_function)
    if wanted not in acquisition.ACQUISITION_FUNCTIONS:
        raise UnknownAcquisitionFunctionError(
            f"There is no acquisition function {wanted!r}; choose one of "
            f"{', '.join(acquisition.ACQUISITION_FUNCTIONS)} in the project's settings."
        )
    chosen = outlook.fallback(project.pk) or wanted
    if project.mode == "MULTI" and chosen in acquisition.NEEDS_ONE_LABEL:
        chosen = acquisition.DEFAULT
    return acquisition.whose_turn(chosen, can_ask=has_head and not labeled.is_cold)


def is_low(project: ProjectRow, n_chosen: int) -> bool:
    """Tell whether less than half of the last refill's `n_chosen` can still be claimed.

    Of a large window a few dozen suffice: a refill takes less than a second.
    """
    waiting = queue_selectors.window_sizes(project.pk)["ACQUIRED"]
    return 2 * waiting < min(project.window_size, n_chosen, SHORT_WINDOW)


def refill(
    *,
    project: ProjectRow,
    scored: Scored,
    labeled: Labeled,
    model_version: UUID | None,
    rng: np.random.Generator,
    now: datetime,
    again: Sequence[queue.RefillEntry] = (),
) -> Indices:
    """Replace the acquired window; give the new images chosen, best first, or none.

    What staff have asked for by pictures comes first (`similar`).

    Priorities fall from 0 by 1 a place, so that the window is served in the order chosen. Before
    all comes now and then one whose label is doubted (`label_errors`, or `again`), where their
    share allows. Shares are spread evenly over the rest: the one that labeling's sweep has found
    for second opinions (the images that ActiveLab scores lowest, chosen with certainty), and small
    ones for what may be of a rare label or of none (`rare`) and for questions about one label
    (`contains`). A pool with nothing new asks for none, so that labeling ends.
    """
    wanted = similar.entries(
        project_id=project.pk, image_ids=scored.image_ids, groups=scored.groups, rng=rng, now=now
    )
    if len(scored.image_ids) == 0:
        return np.empty(0, dtype=np.int64)
    has_head = scored.head is not None or scored.probabilities is not None
    name = function_name(project, labeled, has_head=has_head)
    size = _window(project, name, is_cold=labeled.is_cold or not has_head)
    doubted = [*again, *_doubted(project, labeled, rng)]
    pool = scored.pool(labeled.counts)
    shares = rare.choose(project, pool, labeled.image_ids, size=size, without=wanted, rng=rng)
    if contains.has_others(project, now):
        taken = [*wanted, *doubted, *chain.from_iterable(shares)]
        shares.append(contains.choose(project, pool, size=size, without=taken, rng=rng))
    new = list(chain.from_iterable(shares))
    asked = {each.image_id for each in (*wanted, *doubted, *new)}
    again = [each for each in _second_opinions(project.pk, size) if each.image_id not in asked]
    positions, chances = acquisition.ACQUISITION_FUNCTIONS[name](
        pool, batch_size=max(size - len(again) - len(asked), 1), rng=rng
    )
    chosen = scored.image_ids[positions]
    fresh = [
        queue.RefillEntry(image_id, 0.0, float(chance))
        for image_id, chance in zip(chosen.tolist(), chances, strict=True)
        if image_id not in asked
    ]
    queue.refill(
        project_id=project.pk,
        entries=[*wanted, *doubted, *_in_order(spread(fresh, [again, *shares], rng))],
        policy=f"{name} 1",
        model_version=model_version,
        now=now,
    )
    return np.array([each.image_id for each in (*wanted, *fresh, *new)], dtype=np.int64)


def _window(project: ProjectRow, name: str, *, is_cold: bool) -> int:
    """Say how many entries a function fills the window with."""
    is_slow = name in acquisition.WEIGHS_EVERY_PICK - {"max_herding", "uherding"}
    is_short = is_slow or (is_cold and name in acquisition.NEEDS_NO_PROBABILITIES - {"random"})
    return min(project.window_size, SHORT_WINDOW) if is_short else project.window_size


def _second_opinions(project_id: int, size: int) -> list[queue.RefillEntry]:
    share, _ = crowd.relabel_share(project_id)
    ids = crowd.relabel_candidates(project_id, round(share * size))
    return [queue.RefillEntry(image_id, 0.0, 1.0, SECOND_OPINION) for image_id in ids]


DOUBTED_CHANCE = 0.2
"""A refill asks about a doubted label this often, so that a list of them is spread over answers."""


def _doubted(
    project: ProjectRow, labeled: Labeled, rng: np.random.Generator
) -> list[queue.RefillEntry]:
    """Give the next doubted label to ask about, within its share of all labels, or nothing.

    One at a time and first, since a window is seldom served to its end before the next refill.
    """
    if project.doubt_serving_share <= 0 or rng.random() >= DOUBTED_CHANCE:
        return []
    ids = doubts.to_ask(
        project.pk, share=project.doubt_serving_share, n_settled=len(labeled.image_ids)
    )
    return [queue.RefillEntry(image_id, 1.0, DOUBTED_CHANCE, DOUBTED) for image_id in ids[:1]]


def _in_order(entries: list[queue.RefillEntry]) -> list[queue.RefillEntry]:
    return [replace(each, priority=-float(place)) for place, each in enumerate(entries)]
