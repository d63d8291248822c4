"""Images that people say fit none of the labels, and what staff are asked about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from django.db.models import Prefetch

from labeling.models import (
    Annotation,
    AnnotationKind,
    Consensus,
    ConsensusState,
    LabelProposal,
    LabelProposalImage,
    LabelProposalState,
    Partition,
)

if TYPE_CHECKING:
    import numpy.typing as npt
    from django.db.models import QuerySet


@dataclass(frozen=True, slots=True)
class Unmatched:
    """Pool images that somebody says fit no label, and that have none.

    Attributes:
        image_ids: (n,) in the order of the answers.
        groups: (n,) split groups; no group is -1 times the image's key.
    """

    image_ids: npt.NDArray[np.int64]
    groups: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Overview:
    """What staff see of labels that the scheme may lack.

    Attributes:
        n_unmatched: images that people say fit no label and that no proposal was settled about.
        waiting: the proposals that wait, the oldest first.
    """

    n_unmatched: int
    waiting: list[LabelProposal]


def overview(project_id: int) -> Overview:
    """Give the proposals that wait, and the count that says something where none does."""
    n_unmatched = len(set(unmatched(project_id).image_ids.tolist()) - judged_before(project_id))
    return Overview(n_unmatched, list(waiting(project_id)))


def unmatched(project_id: int) -> Unmatched:
    """Read them in one query; audit images are never among them: they steer nothing (rule 1)."""
    said = (
        Annotation.objects.filter(
            project_id=project_id,
            kind=AnnotationKind.NONE_OF_THESE,
            withdrawn_at__isnull=True,
            annotator__quarantined_at__isnull=True,
            image__partition=Partition.POOL,
            image__flagged_at__isnull=True,
            image__removed_at__isnull=True,
        )
        .exclude(image__consensus__state=ConsensusState.RESOLVED)
        .order_by("pk")
        .values_list("image_id", "image__split_group_id")
    )
    group_of: dict[int, int] = {}
    for image_id, group in said:
        group_of.setdefault(image_id, -image_id if group is None else group)
    return Unmatched(
        np.array(list(group_of), dtype=np.int64),
        np.array(list(group_of.values()), dtype=np.int64),
    )


def is_any(project_id: int) -> bool:
    """Tell whether people agree that some image fits no label, or a proposal waits; two queries."""
    none = Consensus.objects.filter(project_id=project_id, state=ConsensusState.NONE_OF_THESE)
    proposals = LabelProposal.objects.filter(project_id=project_id, state=LabelProposalState.OPEN)
    return none.exists() or proposals.exists()


def judged_before(project_id: int) -> set[int]:
    """Give the images that staff have seen in a proposal and made no label of."""
    seen = LabelProposalImage.objects.filter(
        proposal__project_id=project_id, is_chosen__isnull=False
    )
    return set(seen.order_by("pk").values_list("image_id", flat=True))


def waiting(project_id: int) -> QuerySet[LabelProposal]:
    """Give the proposals that wait for staff, the largest first, with their images."""
    entries = LabelProposalImage.objects.select_related("image").order_by("place", "pk")
    return (
        LabelProposal.objects.filter(project_id=project_id, state=LabelProposalState.OPEN)
        .prefetch_related(Prefetch("entries", queryset=entries))
        .order_by("created_at", "pk")
    )
