"""What a simulated play knows and its project does not: the truth, and what is held out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labeling.selectors import projects
from ml.evaluation import splits
from ml.evaluation.geometry import prepare
from ml.selectors import embeddings
from ml.simulation.rounds import SPLIT_COSINE, SimulationTable

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from ml.simulation.conditions import Conditions
    from ml.types import Embeddings, Groups, Indices, Labels

    Mask = npt.NDArray[np.bool_]

TRUTH_FILE = "truth.json"


@dataclass(frozen=True, slots=True)
class Table:
    """All images of a template, and what one seed makes of them under some conditions.

    Attributes:
        image_ids: (n,) keys, ascending.
        embeddings: (n, d), raw.
        groups: (n,) split groups.
        codes: label codes.
        truth: (n,) columns of `codes`.
        said: (n,) what the crowd answers.
        is_held_out: (n,) rows that accuracy is measured on.
        is_pool: (n,) rows that may be asked about; a row may be neither.
    """

    image_ids: Indices
    embeddings: Embeddings
    groups: Groups
    codes: tuple[str, ...]
    truth: Labels
    said: Labels
    is_held_out: Mask
    is_pool: Mask

    @classmethod
    def load(cls, project_id: int, folder: Path, conditions: Conditions, *, seed: int) -> Table:
        """Read the template's truth and vectors, and draw the seed's split and crowd."""
        raw = json.loads((folder / TRUTH_FILE).read_text(encoding="utf-8"))
        ids = np.array(sorted(int(key) for key in raw), dtype=np.int64)
        codes = tuple(projects.current_scheme(project_id).codes)
        column = {code: place for place, code in enumerate(codes)}
        truth = np.array([column[raw[str(key)]["code"]] for key in ids], dtype=np.int64)
        given = np.array([bool(raw[str(key)]["held_out"]) for key in ids])
        vectors = embeddings.load_matrix(embeddings.original_set(project_id).pk, ids)
        groups, _ = splits.near_duplicate_groups(vectors, cosine=SPLIT_COSINE)
        held_out = given if given.any() else conditions.held_out(groups, seed)
        is_pool = ~held_out
        is_pool[is_pool] = conditions.kept(truth[is_pool], len(codes), seed)
        prepared = prepare(vectors, vectors.mean(axis=0, dtype=np.float64))
        said = conditions.answers(truth, prepared, len(codes), seed)
        return cls(ids, vectors, groups, codes, truth, said, held_out, is_pool)

    def arrays(self) -> SimulationTable:
        """Give the pool and the test set as `ml.simulation.rounds` plays them."""
        pool, test = self.is_pool, self.is_held_out
        return SimulationTable(
            image_ids=self.image_ids[pool],
            embeddings=self.embeddings[pool],
            labels=self.truth[pool],
            groups=self.groups[pool],
            label_order=self.codes,
            test_embeddings=self.embeddings[test],
            test_labels=self.truth[test],
        )
