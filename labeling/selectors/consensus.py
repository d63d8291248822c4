"""What consensus says, as arrays: the labels to train on, the audit slice, the version of both."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from django.db.models import F, Q

from labeling.models import (
    Annotation,
    AnnotationKind,
    AnnotatorKind,
    Consensus,
    ConsensusState,
    CrowdModel,
    Image,
    Partition,
)
from labeling.selectors import adjudication, label_order, projects, several

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import numpy.typing as npt
    from django.db.models import QuerySet

    from labeling.selectors.projects import SchemeView


@dataclass(frozen=True, slots=True)
class TrainingRows:
    """Resolved pool images and their labels; audit images are never among them (rule 1).

    Attributes:
        image_ids: (n,) int64, ascending.
        posteriors: (n, k) float32 in the order of the current scheme, rows sum to 1 (in a
            project with several labels an image, each entry is a probability of its own).
        weights: (n,) float64, positive.
        groups: (n,) int64 split groups; an image without one is a group of its own, below 0.
        scheme_id: the current scheme version.
        codes: (k,) label codes, one a column.
        data_version: `data_version` of before the rows were read: what was answered since may
            or may not be among them, what was answered until then is.
        label_changes: the same for what changed without an answer.
        is_several: several labels an image; one half stands where nobody was asked.
    """

    image_ids: npt.NDArray[np.int64]
    posteriors: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float64]
    groups: npt.NDArray[np.int64]
    scheme_id: int
    codes: tuple[str, ...]
    data_version: int
    label_changes: int = 0
    is_several: bool = False


@dataclass(frozen=True, slots=True)
class AuditRows:
    """The audit slice in its random draw order, one row an image.

    Attributes:
        image_ids: (n,) int64.
        label_index: (n,) int64 column in `codes`; -1 where no label stands (unresolved, none of
            these, unusable, or a label retired since): look at `states` for which.
        states: (n,) consensus state, "OPEN" where nobody has answered.
        draw_order: (n,) float64 ascending, the order of measuring.
        order_weight: (n,) float64, so many times as early each is asked about.
        reached: (n,) float64, chance of each to have been asked about before that was its weight.
        groups: (n,) int64 split groups.
        sources: (n,) where each image came from.
        n_votes: (n,) int64 answers behind the label.
        is_expert: (n,) bool, decided by an expert or a trusted import.
        inclusion_probability: (n,) float64 in (0, 1].
        is_pending: (n,) bool, an expert has yet to look (`services.adjudication`): what people
            say is not the truth yet.
        is_checked: (n,) bool, people agreed, and an expert drawn by chance has looked since.
        people_index: (n,) int64 column that people alone had named, where `is_checked`; else -1.
        check_probability: (n,) float64 of being looked at, where `is_checked`; else 1.
        named: (n,) columns that people have named of an image whose label is open: one that waits
            for an expert, or has none; empty for all others.
        group_code: (n,) the group of labels that an image is of where people know no more than
            that; else "".
        scheme_id: the current scheme version.
        codes: (k,) label codes.
        n_people: how many different annotators stand behind all the labels: with 1 the figure
            rests on one person's word (rule 2).
        scheme: the version itself.
    """

    image_ids: npt.NDArray[np.int64]
    label_index: npt.NDArray[np.int64]
    states: tuple[str, ...]
    draw_order: npt.NDArray[np.float64]
    order_weight: npt.NDArray[np.float64]
    reached: npt.NDArray[np.float64]
    groups: npt.NDArray[np.int64]
    sources: tuple[str, ...]
    n_votes: npt.NDArray[np.int64]
    is_expert: npt.NDArray[np.bool_]
    inclusion_probability: npt.NDArray[np.float64]
    is_pending: npt.NDArray[np.bool_]
    is_checked: npt.NDArray[np.bool_]
    people_index: npt.NDArray[np.int64]
    check_probability: npt.NDArray[np.float64]
    named: tuple[tuple[int, ...], ...]
    group_code: tuple[str, ...]
    scheme_id: int
    codes: tuple[str, ...]
    n_people: int
    scheme: SchemeView


def data_version(project_id: int) -> int:
    """Give the key of the newest answer: it grows with every answer, undo and adjudication."""
    newest = Annotation.objects.filter(project_id=project_id).order_by("-pk").values_list("pk")[:1]
    row = newest.first()
    return int(row[0]) if row else 0


def label_changes(project_id: int) -> int:
    """Count how often labels have changed without an answer: by a sweep, or a quarantine."""
    counted = CrowdModel.objects.filter(project_id=project_id).values_list("label_changes")
    row = counted.first()
    return int(row[0]) if row else 0


def training_rows(project_id: int) -> TrainingRows:
    """Read every resolved pool image that is neither flagged nor removed, in a few queries.

    Images whose label has been retired since are left out. With several labels an image, those that
    show no label at all are among them: they say no to each; and so are those whose set is open
    still and of which some label is known: people were asked about that one alone. Distributions
    written under older scheme versions are brought to the current order by label.
    """
    scheme = projects.current_scheme(project_id)
    is_several = several.is_several(project_id)
    stands = Q(state=ConsensusState.RESOLVED, label_id__in=list(scheme.column_of))
    if is_several:
        stands = Q(state__in=(*several.SETTLED, ConsensusState.OPEN))
    rows = _pool_rows(project_id, scheme, stands, is_several=is_several)
    return _of_something(rows) if is_several else rows


def _of_something(rows: TrainingRows) -> TrainingRows:
    """Leave out the rows that say nothing of any label."""
    said = (rows.posteriors != several.UNKNOWN).any(axis=1)
    if said.all():
        return rows
    return replace(
        rows,
        image_ids=rows.image_ids[said],
        posteriors=rows.posteriors[said],
        weights=rows.weights[said],
        groups=rows.groups[said],
    )


def narrowed_rows(project_id: int) -> TrainingRows:
    """Read the pool images of which people know no more than that they are one of several labels.

    They said a group, or a label that was split since; rows are spread over what it may be. Such a
    row teaches, and is never asked whether the classifier is right.
    """
    scheme = projects.current_scheme(project_id)
    narrowed = Q(
        state__in=(ConsensusState.OPEN, ConsensusState.RESOLVED),
        label_id__in=list(scheme.lineage.several),
    )
    return _pool_rows(project_id, scheme, narrowed)


def may_be(project_id: int, image_ids: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Tell for (n,) images of `narrowed_rows` which (n, k) labels each may be."""
    scheme = projects.current_scheme(project_id)
    rows = Consensus.objects.filter(
        project_id=project_id, label_id__in=list(scheme.lineage.several)
    ).values_list("image_id", "label_id")
    label_of = dict(rows.order_by("image_id"))
    found = np.zeros((len(image_ids), len(scheme.codes)), dtype=np.bool_)
    for place, image_id in enumerate(image_ids.tolist()):
        found[place, list(scheme.lineage.several.get(label_of.get(image_id, 0), ()))] = True
    return found


def _pool_rows(
    project_id: int, scheme: SchemeView, where: Q, *, is_several: bool = False
) -> TrainingRows:
    version, changes = data_version(project_id), label_changes(project_id)
    rows = list(
        Consensus.objects.filter(
            where,
            project_id=project_id,
            image__partition=Partition.POOL,
            image__flagged_at__isnull=True,
            image__removed_at__isnull=True,
        )
        .order_by("image_id")
        .values_list("image_id", "posterior", "scheme_id", "image__split_group_id")
    )
    ids = np.array([row[0] for row in rows], dtype=np.int64)
    groups = np.array([-row[0] if row[3] is None else row[3] for row in rows], dtype=np.int64)
    return TrainingRows(
        image_ids=ids,
        posteriors=_posteriors(rows, scheme, is_several),
        weights=np.ones(len(rows)),
        groups=groups,
        scheme_id=scheme.id,
        codes=tuple(scheme.codes),
        data_version=version,
        label_changes=changes,
        is_several=is_several,
    )


def _posteriors(
    rows: Sequence[tuple[Any, ...]], scheme: SchemeView, is_several: bool
) -> npt.NDArray[np.float32]:
    label_ids = tuple(scheme.label_ids)
    remap = several.remap if is_several else label_order.remap
    out = np.zeros((len(rows), len(label_ids)), dtype=np.float32)
    by_scheme: dict[int, list[int]] = {}
    for place, row in enumerate(rows):
        by_scheme.setdefault(row[2], []).append(place)
    for old_id, places in by_scheme.items():
        old = label_ids if old_id == scheme.id else label_order.label_ids(old_id)
        stored = b"".join(bytes(rows[place][1]) for place in places)
        matrix = np.frombuffer(stored, dtype=np.float32).reshape(len(places), len(old))
        out[places] = remap(matrix, old, label_ids, scheme.lineage)
    return out


def audit_rows(project_id: int, measured_only: bool = True) -> AuditRows:
    """Read the audit images that are neither flagged nor removed, in draw order.

    With `measured_only` one image a split group, the one drawn to be measured, so that rows are
    independent; without, every audit image.
    """
    scheme = projects.current_scheme(project_id)
    rows = list(
        _audit_images(project_id, measured_only)
        .order_by("split_group__draw_order", "pk")
        .values_list(
            "pk",
            "consensus__label_id",
            "consensus__state",
            "consensus__n_votes",
            "consensus__is_expert",
            "split_group__draw_order",
            "split_group_id",
            "source",
            "inclusion_probability",
            "split_group__order_weight",
            "split_group__reached",
        )
    )
    column_of = scheme.column_of
    resolved = ConsensusState.RESOLVED
    index = [column_of.get(row[1], -1) if row[2] == resolved else -1 for row in rows]
    undecided = [row[0] for row, at in zip(rows, index, strict=True) if at < 0 and row[3]]
    checks = adjudication.checks(project_id, undecided, scheme.standing)
    people = [column_of.get(checks.said.get(row[0], 0), -1) for row in rows]
    groups = {group.id: group.code for group in scheme.groups}
    return AuditRows(
        image_ids=np.array([row[0] for row in rows], dtype=np.int64),
        label_index=np.array(index, dtype=np.int64),
        states=tuple(row[2] or ConsensusState.OPEN.value for row in rows),
        draw_order=np.array([row[5] for row in rows], dtype=np.float64),
        order_weight=np.array([row[9] for row in rows], dtype=np.float64),
        reached=np.array([row[10] for row in rows], dtype=np.float64),
        groups=np.array([row[6] for row in rows], dtype=np.int64),
        sources=tuple(row[7] for row in rows),
        n_votes=np.array([row[3] or 0 for row in rows], dtype=np.int64),
        is_expert=np.array([bool(row[4]) for row in rows], dtype=np.bool_),
        inclusion_probability=np.array([row[8] for row in rows], dtype=np.float64),
        is_pending=np.array([row[0] in checks.pending for row in rows], dtype=np.bool_),
        is_checked=np.array(people, dtype=np.int64) >= 0,
        people_index=np.array(people, dtype=np.int64),
        check_probability=np.array(
            [checks.probability.get(row[0], 1.0) for row in rows], dtype=np.float64
        ),
        named=tuple(
            tuple(sorted({column_of.get(key, -1) for key in checks.named.get(row[0], ())} - {-1}))
            for row in rows
        ),
        group_code=tuple(groups.get(row[1], "") if row[2] == resolved else "" for row in rows),
        scheme_id=scheme.id,
        codes=tuple(scheme.codes),
        n_people=_people_behind(project_id),
        scheme=scheme,
    )


def _audit_images(project_id: int, measured_only: bool) -> Any:
    images = Image.objects.filter(
        project_id=project_id,
        partition=Partition.AUDIT,
        split_group__isnull=False,
        flagged_at__isnull=True,
        removed_at__isnull=True,
    )
    return images.filter(split_group__measured_image_id=F("pk")) if measured_only else images


def came_with_pictures(project_id: int) -> bool:
    """Tell whether all labels of audit images came with an import, so that nobody was asked."""
    said = _audit_answers(project_id)
    return said.exists() and not said.exclude(annotator__kind=AnnotatorKind.IMPORT).exists()


def _people_behind(project_id: int) -> int:
    return _audit_answers(project_id).values("annotator_id").distinct().count()


def _audit_answers(project_id: int) -> QuerySet[Annotation]:
    return Annotation.objects.filter(
        project_id=project_id,
        image__partition=Partition.AUDIT,
        withdrawn_at__isnull=True,
        annotator__quarantined_at__isnull=True,
    ).exclude(kind__in=(AnnotationKind.UNDO, AnnotationKind.SKIP, AnnotationKind.FLAG))


@dataclass(frozen=True, slots=True)
class Decided:
    """What people agreed on for one image."""

    state: str
    code: str | None
    resolved_at: datetime | None


def decided(image_id: int) -> Decided | None:
    """Give what people agreed on, or None while they have not."""
    row = (
        Consensus.objects.filter(
            image_id=image_id,
            state__in=(
                ConsensusState.RESOLVED,
                ConsensusState.NONE_OF_THESE,
                ConsensusState.UNUSABLE,
            ),
        )
        .select_related("label")
        .first()
    )
    if row is None:
        return None
    return Decided(row.state, row.label.code if row.label else None, row.resolved_at)
