"""`manage.py bench crowd`: how few answers of how good a crowd make how many right labels?"""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ml.bench import crowd_play, crowds, pictures
from ml.evaluation import splits
from ml.services import embedding
from ml.simulation.rounds import SPLIT_COSINE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    import numpy.typing as npt

    from ml.services.labeled_folder import LabeledPicture
    from ml.types import Indices

SLUG = "bench-crowd"
RESAMPLES = 1000
FIRST_SEED = 1000
"""Seeds below were looked at while the method was made; what is reported is not."""


def measure(
    given: Sequence[LabeledPicture], *, seeds: int, now: datetime, say: Callable[[str], None]
) -> dict[str, Any]:
    """Store and embed the pictures, let all crowds answer, and give the figures."""
    say(f"storing and embedding {len(given)} images")
    stored = pictures.store(given, slug=SLUG, now=now)
    pictures.embed(stored.project_id, now=now)
    ids = sorted(stored.label_of)
    names, truth = np.unique([stored.label_of[key] for key in ids], return_inverse=True)
    vectors = embedding.load_matrix(embedding.original_set(stored.project_id).pk, ids)
    groups, _ = splits.near_duplicate_groups(vectors, cosine=SPLIT_COSINE)
    world = crowd_play.world_of(vectors, truth.astype(np.int64), groups, len(names))
    say(f"asking {len(crowds.CROWDS)} crowds about {len(ids)} images of {len(names)} labels")
    found = _play_all(world, seeds)
    return {"crowds": {name: _figures(found[name], name) for name in crowds.CROWDS}}


def _play_all(
    world: crowd_play.World, seeds: int
) -> dict[str, list[dict[str, crowd_play.Outcome]]]:
    jobs = [
        (name, seed) for seed in range(FIRST_SEED, FIRST_SEED + seeds) for name in crowds.CROWDS
    ]
    # Spawned: a fork would take the database connection along.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count() or 1, mp_context=context) as pool:
        played = list(pool.map(partial(crowd_play.play, world), *zip(*jobs, strict=True)))
    outcomes: dict[str, list[dict[str, crowd_play.Outcome]]] = {}
    for (name, _), found in zip(jobs, played, strict=True):
        outcomes.setdefault(name, []).append(found)
    return outcomes


def _figures(runs: list[dict[str, crowd_play.Outcome]], name: str) -> dict[str, Any]:
    """Give every method's error with its interval, and ours against the best of the others."""
    rng = np.random.default_rng([len(runs), list(crowds.CROWDS).index(name)])
    wrong = {key: np.concatenate([run[key].is_wrong for run in runs]) for key in runs[0]}
    n = len(next(iter(wrong.values())))
    drawn = [rng.integers(0, n, n) for _ in range(RESAMPLES)]
    best = min((key for key in crowd_play.ALTERNATIVES if not key.startswith("larder")),
               key=lambda key: wrong[key].mean())  # fmt: skip
    figures: dict[str, Any] = {}
    for key, is_wrong in wrong.items():
        answers = float(np.mean([run[key].answers_per_image for run in runs]))
        figures[key] = {
            "error": round(float(is_wrong.mean()), 5),
            "interval": _interval(is_wrong.astype(np.float64), drawn),
            "answers_per_image": round(answers, 3),
        }
    for key in crowd_play.POLICIES:
        excess = wrong[key].astype(np.float64) - wrong[best]
        details = [run[key].detail for run in runs]
        figures[key] |= {
            "best_alternative": best,
            "excess_error": round(float(excess.mean()), 5),
            "excess_interval": _interval(excess, drawn),
            **{fact: round(float(np.mean([d[fact] for d in details])), 5) for fact in details[0]},
        }
    return figures


def _interval(values: npt.NDArray[np.float64], drawn: list[Indices]) -> list[float]:
    """Give the 95 % percentile interval of the mean, images drawn with replacement."""
    means = [values[rows].mean() for rows in drawn]
    low, high = np.percentile(means, [2.5, 97.5])
    return [round(float(low), 5), round(float(high), 5)]
