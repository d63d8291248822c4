"""Fill the window of acquired images: the project's acquisition function over the whole pool."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from labeling.selectors import crowd
from labeling.selectors import queue as queue_selectors
from labeling.services import queue
from labeling.services.slots import SECOND_OPINION
from ml import acquisition
from ml.errors import MlError
from ml.heads import calibration, ridge
from ml.selectors import embeddings
from ml.types import Head, Pool

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    import numpy.typing as npt

    from labeling.selectors.projects import ProjectRow
    from ml.types import Indices, Probabilities

COLD_START = "herding"
BATCHES = {"herding": 40, "uherding": 40}
"""Functions that weigh every pick against the ones before cost time by pick: a window of 40 lasts
until the next refill, which comes with the next head."""


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
        prepared: (n, d) centred unit rows.
        probabilities: (n, k), or None without a classifier.
        labeled: (m, d) labeled images, prepared the same way.
    """

    image_ids: Indices
    groups: Indices
    prepared: npt.NDArray[np.float32]
    probabilities: Probabilities | None
    labeled: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Labeled:
    """What is labeled so far, as far as choosing the next images needs it."""

    image_ids: Indices
    counts: npt.NDArray[np.float64]  # (k,) labeled images of each label

    @property
    def is_cold(self) -> bool:
        """Whether the classifier is not to be asked yet."""
        return acquisition.cold_start(self.counts, len(self.counts))


def score_candidates(
    *, project_id: int, set_id: int, head: Head | None, labeled: Labeled
) -> Scored:
    """Rescore the pool: one matrix product over all candidates that have a vector."""
    rows = queue_selectors.candidates(project_id)
    known = embeddings.has_vector(set_id, rows.image_ids)
    ids, groups = rows.image_ids[known], rows.groups[known]
    vectors = embeddings.load_matrix(set_id, ids)
    have = labeled.image_ids[embeddings.has_vector(set_id, labeled.image_ids)]
    answered = embeddings.load_matrix(set_id, have)
    if not len(ids):
        # Nothing to choose from, so nothing to centre or to score.
        d, k = vectors.shape[1], len(labeled.counts)
        no_rows = np.empty((0, d), dtype=np.float32)
        return Scored(ids, groups, no_rows, None if head is None else np.empty((0, k)), no_rows)
    if head is not None:
        centre = head.centre
    else:
        centre = np.concatenate([vectors, answered]).mean(axis=0, dtype=np.float64)
    prepared = ridge.prepare(vectors, centre)
    probabilities = None
    if head is not None:
        linear = (prepared @ head.weights.astype(np.float32)).astype(np.float64) + head.bias
        probabilities = calibration.softmax(linear, head.temperature)
    return Scored(ids, groups, prepared, probabilities, ridge.prepare(answered, centre))


def function_name(project: ProjectRow, labeled: Labeled, *, has_head: bool) -> str:
    """Name the function whose turn it is: herding while cold, then the project's own.

    Raises:
        UnknownAcquisitionFunctionError: the project's own does not exist.
    """
    wanted = project.acquisition_function
    if wanted not in acquisition.ACQUISITION_FUNCTIONS:
        raise UnknownAcquisitionFunctionError(
            f"There is no acquisition function {wanted!r}; choose one of "
            f"{', '.join(acquisition.ACQUISITION_FUNCTIONS)} in the project's settings."
        )
    if wanted in acquisition.NEEDS_NO_PROBABILITIES:
        return wanted
    return wanted if has_head and not labeled.is_cold else COLD_START


def is_low(project: ProjectRow, n_chosen: int) -> bool:
    """Tell whether less than half of the last refill's `n_chosen` can still be claimed.

    Of a large window a few dozen suffice: a refill takes less than a second.
    """
    waiting = queue_selectors.window_sizes(project.pk)["ACQUIRED"]
    return 2 * waiting < min(project.window_size, n_chosen, *BATCHES.values())


def refill(
    *,
    project: ProjectRow,
    scored: Scored,
    labeled: Labeled,
    model_version: UUID | None,
    rng: np.random.Generator,
    now: datetime,
) -> Indices:
    """Replace the acquired window; give the new images chosen, best first, or none.

    Priorities fall from 0 by 1 a place, so that the window is served in the order chosen. The share
    of it that labeling's sweep has found goes to second opinions, spread evenly: the images that
    ActiveLab scores lowest, chosen with certainty. A pool with nothing new asks for none, so that
    labeling ends.
    """
    if len(scored.image_ids) == 0:
        return np.empty(0, dtype=np.int64)
    name = function_name(project, labeled, has_head=scored.probabilities is not None)
    pool = Pool(
        scored.image_ids, scored.prepared, scored.probabilities, scored.groups, scored.labeled
    )
    size = min(project.window_size, BATCHES.get(name, project.window_size))
    again = _second_opinions(project.pk, size)
    positions, chances = acquisition.ACQUISITION_FUNCTIONS[name](
        pool, batch_size=max(size - len(again), 1), rng=rng
    )
    chosen = scored.image_ids[positions]
    fresh = [
        queue.RefillEntry(image_id, 0.0, float(chance))
        for image_id, chance in zip(chosen.tolist(), chances, strict=True)
    ]
    queue.refill(
        project_id=project.pk,
        entries=_in_turn(fresh, again),
        policy=f"{name} 1",
        model_version=model_version,
        now=now,
    )
    return chosen


def _second_opinions(project_id: int, size: int) -> list[queue.RefillEntry]:
    share, _ = crowd.relabel_share(project_id)
    ids = crowd.relabel_candidates(project_id, round(share * size))
    return [queue.RefillEntry(image_id, 0.0, 1.0, SECOND_OPINION) for image_id in ids]


def _in_turn(
    fresh: list[queue.RefillEntry], again: list[queue.RefillEntry]
) -> list[queue.RefillEntry]:
    """Spread second opinions evenly among new images, each kind in its own order."""
    places = [((place + 1) / (len(fresh) + 1), each) for place, each in enumerate(fresh)]
    places += [((place + 1) / (len(again) + 1), each) for place, each in enumerate(again)]
    merged = [each for _, each in sorted(places, key=lambda pair: pair[0])]
    return [replace(each, priority=-float(place)) for place, each in enumerate(merged)]
