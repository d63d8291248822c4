"""Doubts about labels: noted by `ml`, settled by an expert's answer or by a second opinion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction

from labeling.models import (
    ABOUT_ONE_LABEL,
    AnnotationKind,
    Consensus,
    ConsensusState,
    LabelDoubt,
    LabelDoubtState,
    Partition,
    Project,
)
from labeling.selectors import doubts as selectors
from labeling.selectors import projects, several

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from labeling.models import Annotation

BATCH = 500


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a label may be wrong; labels by code.

    Attributes:
        image_id: a settled pool image; any other is left out.
        label: what it is labeled; where images may bear several, the label that is doubted, and
            `suggested` and `alike` are the same.
        suggested, suggested_probability: what heads without its split group prefer.
        own_probability: what they give the label it has.
        alike, alike_share: what most of the labeled images most like it are, and their share.
        own_share: the share of those with the label it has.
        score: 0 (sure) to 1.
        is_shown: where images may bear several, whether it is said to show the label; shares and
            probabilities are then of that answer (`own`) and of the other one.
    """

    image_id: int
    label: str
    suggested: str
    suggested_probability: float
    own_probability: float
    alike: str
    alike_share: float
    own_share: float
    score: float
    is_shown: bool | None = None


def note(*, project_id: int, doubts: Sequence[Doubt], now: datetime) -> int:
    """Make these the open doubts of a project; give how many are new.

    A label that an expert has kept stays kept, and what an expert has decided is not doubted.
    Open doubts that are not among them are doubted no more; a later search may doubt them again.
    """
    with transaction.atomic():
        # One search at a time; claims and answers do not wait for this lock.
        Project.objects.select_for_update(no_key=True).get(pk=project_id)
        wanted = _wanted(project_id, doubts)
        rows = {
            (row.image_id, row.label_id): row
            for row in LabelDoubt.objects.filter(project_id=project_id).order_by("pk")
        }
        fields = [*_FIELDS, "state", "settled_at", "updated_at"]
        new, changed = [], []
        for key, values in wanted.items():
            row = rows.get(key)
            if row is None:
                row = LabelDoubt(
                    project_id=project_id, image_id=key[0], label_id=key[1], created_at=now
                )
                new.append(row)
            elif row.state in (LabelDoubtState.OPEN, LabelDoubtState.GONE):
                changed.append(row)
            else:
                continue
            _fill(row, values, now)
        LabelDoubt.objects.bulk_create(new, batch_size=BATCH)
        LabelDoubt.objects.bulk_update(changed, fields, batch_size=BATCH)
        gone = [
            row.pk
            for key, row in rows.items()
            if row.state == LabelDoubtState.OPEN and key not in wanted
        ]
        _close(gone, LabelDoubtState.GONE, now)
    return len(new)


def follow(annotation: Annotation, now: datetime) -> None:
    """Settle the doubt about an image with an expert's answer; open it again with an undo.

    Inside the transaction that stores the answer, for experts' answers alone.
    """
    answer = annotation.undoes or annotation
    if annotation.kind == AnnotationKind.UNDO:
        LabelDoubt.objects.filter(annotation=answer).update(
            state=LabelDoubtState.OPEN, settled_at=None, annotation=None, updated_at=now
        )
        return
    said = {row.label_id for row in answer.labels.order_by("pk")}
    of_image = LabelDoubt.objects.filter(image_id=answer.image_id).order_by("pk")
    if answer.kind in ABOUT_ONE_LABEL:
        of_image = of_image.filter(label_id__in=said)
    # Where none is open an expert may decide again what one had settled: the newest word counts.
    rows = [*of_image.filter(state=LabelDoubtState.OPEN)] or [
        *of_image.filter(annotation__isnull=False)
    ]
    for row in rows:
        row.state = _verdict(answer.kind, said, row)
        row.settled_at, row.annotation = now, answer
        row.save(update_fields=["state", "settled_at", "annotation"])


def sweep(*, now: datetime) -> int:
    """Settle the doubts that second opinions have answered; give how many."""
    return sum(_settle_answered(project_id, now) for project_id in projects.ids())


def _settle_answered(project_id: int, now: datetime) -> int:
    """Settle what people have answered; an expert who settles it at this moment wins."""
    settled = 0
    for found in selectors.outcomes(project_id):
        state = LabelDoubtState.GONE
        if found.was_asked and found.state == ConsensusState.NONE_OF_THESE:
            state = LabelDoubtState.NONE_OF_THESE
        elif found.was_asked:
            state = LabelDoubtState.KEPT if found.is_same else LabelDoubtState.CHANGED
        settled += _close([found.doubt_id], state, now)
    return settled


_FIELDS = (
    "suggested_id",
    "suggested_probability",
    "own_probability",
    "alike_id",
    "alike_share",
    "own_share",
    "score",
    "is_shown",
)


def _wanted(
    project_id: int, doubts: Sequence[Doubt]
) -> dict[tuple[int, int], tuple[int | float | None, ...]]:
    """Give the values of `_FIELDS` of the doubts that may be asked about, by image and label."""
    scheme = projects.current_scheme(project_id)
    id_of = dict(zip(scheme.codes, scheme.label_ids, strict=True))
    decided = selectors.decided_by_experts(project_id)
    settled = selectors.settled_by_experts(project_id)
    stands = _stands(project_id, doubts)
    return {
        (each.image_id, id_of[each.label]): (
            id_of[each.suggested],
            each.suggested_probability,
            each.own_probability,
            id_of[each.alike],
            each.alike_share,
            each.own_share,
            each.score,
            each.is_shown,
        )
        for each in doubts
        if {each.label, each.suggested, each.alike} <= id_of.keys()
        and (each.image_id, id_of[each.label], each.is_shown) in stands
        and each.image_id not in decided
        and (each.image_id, id_of[each.label]) not in settled
    }


def _stands(project_id: int, doubts: Sequence[Doubt]) -> set[tuple[int, int | None, bool | None]]:
    """Give what is said of the settled pool images among these: image, label, and yes or no.

    No audit image is noted (rule 1).
    """
    ids = list({each.image_id for each in doubts})
    found: dict[int, int | None] = {}
    for start in range(0, len(ids), BATCH):
        rows = Consensus.objects.filter(
            project_id=project_id,
            state__in=several.SETTLED,
            image__partition=Partition.POOL,
            image_id__in=ids[start : start + BATCH],
        )
        found.update(rows.values_list("image_id", "label_id"))
    if not several.is_several(project_id):
        return {(image_id, label_id, None) for image_id, label_id in found.items()}
    known = several.of_images(list(found), projects.current_scheme(project_id))
    return {
        (image_id, label_id, is_shown)
        for image_id, labels in known.items()
        for label_id, is_shown in labels.items()
    }


def _fill(row: LabelDoubt, values: tuple[int | float | None, ...], now: datetime) -> None:
    for name, value in zip(_FIELDS, values, strict=True):
        setattr(row, name, value)
    row.state, row.settled_at, row.updated_at = LabelDoubtState.OPEN, None, now


def _close(keys: Sequence[int], state: str, now: datetime) -> int:
    closed = 0
    for start in range(0, len(keys), BATCH):
        closed += LabelDoubt.objects.filter(
            pk__in=keys[start : start + BATCH], state=LabelDoubtState.OPEN
        ).update(state=state, settled_at=now)
    return closed


def _verdict(kind: str, said: set[int], doubt: LabelDoubt) -> LabelDoubtState:
    """Judge a doubt by an expert's answer, which says yes to the labels `said`, or is of one."""
    if kind in (AnnotationKind.CANT_TELL, AnnotationKind.UNSURE):
        return LabelDoubtState.CANT_TELL
    if doubt.is_shown is not None:
        is_shown = doubt.label_id in said and kind != AnnotationKind.NO
        return LabelDoubtState.KEPT if is_shown == doubt.is_shown else LabelDoubtState.CHANGED
    if kind == AnnotationKind.LABEL:
        is_same = doubt.label_id in said
        return LabelDoubtState.KEPT if is_same else LabelDoubtState.CHANGED
    if kind == AnnotationKind.NONE_OF_THESE:
        return LabelDoubtState.NONE_OF_THESE
    return LabelDoubtState.CANT_TELL
