"""What a refit goes by: read once at its start, so that all its stages see the same answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from labeling.selectors import consensus, projects
from ml.heads import challenger, codec
from ml.models import TrainingKind
from ml.selectors import embeddings
from ml.selectors import registry as registry_selectors
from ml.services import common_ground, fitting, lending, narrowed, runs, snapshots
from ml.types import LabeledSet

if TYPE_CHECKING:
    from uuid import UUID

    from labeling.selectors.consensus import TrainingRows
    from labeling.selectors.projects import ProjectRow
    from ml.models import EmbeddingSet
    from ml.selectors.registry import ChampionView
    from ml.services.lending import Lending
    from ml.types import Head

FORCED = frozenset({"staff", "handover", *challenger.KINDS})
"""Triggers that refit even where no label is new."""


@dataclass(slots=True)
class Basis:
    """The project, its answers and its champion at the start of a refit.

    Attributes:
        project: the project.
        is_forced: whether to learn even where no label is new.
        rows: the labeled images that have a vector.
        champion: what serves, or None.
        embedding_set: whose vectors are learned from; None while there are none.
        kept: what the last refit left for the next one; stages change it, the run stores it.
        lending: whether labels may lend each other strength, and what that changes.
        head_kind: another kind of head than the usual one, asked for by staff; else empty.
        last_seen: the last answer that the last refit had seen.
    """

    project: ProjectRow
    is_forced: bool
    rows: TrainingRows
    champion: ChampionView | None
    embedding_set: EmbeddingSet | None
    kept: dict[str, Any]
    lending: Lending
    head_kind: str = ""
    last_seen: int = 0

    @classmethod
    def read(cls, project: ProjectRow, *, trigger: str) -> Basis:
        """Read what there is to learn from."""
        last = runs.newest_ended(project.pk, TrainingKind.HEAD)
        rows = consensus.training_rows(project.pk)
        champion = registry_selectors.champion(project.pk)
        embedding_set = embeddings.serving_set(project.pk)
        kept = dict(last.settings) if last else {}
        if embedding_set is not None:
            known = embeddings.has_vector(embedding_set.pk, rows.image_ids)
            rows = snapshots.only(rows, known)
        return cls(
            project,
            trigger in FORCED,
            rows,
            champion,
            embedding_set,
            kept,
            narrowed.joined(
                lending.plan(project, rows, embedding_set, kept), project, embedding_set, champion
            ),
            trigger if trigger in challenger.KINDS else "",
            last.data_version if last else 0,
        )

    @property
    def precision(self) -> float:
        """The share of accepted answers that shall be right."""
        return self.project.target_accuracy or fitting.TARGET_ACCURACY

    @property
    def seen(self) -> int:
        """The last answer that the usual kind of head has seen once this refit is over."""
        return self.last_seen if self.head_kind else self.rows.data_version

    @property
    def champion_id(self) -> UUID | None:
        """The public id of what serves."""
        return None if self.champion is None else self.champion.public_id

    def labeled(self, set_id: int) -> LabeledSet:
        """Give the images to learn from with their vectors."""
        rows = self.lending.rows
        return LabeledSet(
            image_ids=rows.image_ids,
            embeddings=embeddings.load_matrix(set_id, rows.image_ids),
            targets=common_ground.targets_of(rows),
            weights=rows.weights,
            groups=rows.groups,
            label_order=tuple(rows.codes),
            is_several=rows.is_several,
        )

    def serving_head(self) -> Head | None:
        """Give the champion's head in the order of the labels as they are now."""
        if self.champion is None:
            return None
        head = replace(codec.from_bytes(self.champion.head), temperature=self.champion.temperature)
        steps = projects.heirs(self.project.pk, self.rows.codes)
        return fitting.for_labels(head, tuple(self.rows.codes), steps)
