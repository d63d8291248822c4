"""Gold: references set by experts, handed out unseen to check annotators.

Setting a reference is an expert's answer to the image: its label stands from then on, for the
head too (`Consensus.is_expert`). An image of the audit slice is refused: it measures, and what is
measured is not chosen by hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction

from labeling.errors import LabelingError
from labeling.models import (
    Annotation,
    AnnotationKind,
    AuditEvent,
    GoldReference,
    Image,
    Label,
    LabelValue,
    Mode,
    Project,
)
from labeling.selectors import gold as gold_selectors
from labeling.services import decisions, gold_scores, gold_stream, slots
from labeling.services.journal import record_event

if TYPE_CHECKING:
    import uuid
    from collections.abc import Sequence
    from datetime import datetime

STARTS_AT = 20
SHARE = 0.05
MOST_AT_ONCE = 500


class TooManyReferencesError(LabelingError):
    """More references in one call than can be stored while a browser waits."""

    code = "too_many_references"


@dataclass(frozen=True, slots=True)
class Given:
    """A reference as it was asked for."""

    image: uuid.UUID
    label: str
    note: str = ""
    further: Sequence[str] = ()
    """The other labels where images may bear several."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it: set, changed, unchanged or refused, with code and sentence then."""

    image: uuid.UUID
    status: str
    code: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class _Setter:
    project: Project
    user_id: int
    annotator_id: int
    now: datetime


def set_references(
    *,
    project_id: int,
    references: Sequence[Given],
    user_id: int,
    annotator_id: int,
    now: datetime,
) -> list[Outcome]:
    """Set references, each in a transaction of its own; one that is refused stops no other.

    Args:
        references: at most 500; of two for one image the last one stands.
        user_id: who sets them, an expert or above.
        annotator_id: that user's row in the project, under which their word is stored.

    Raises:
        TooManyReferencesError: more than 500.
    """
    if len(references) > MOST_AT_ONCE:
        raise TooManyReferencesError(
            f"{len(references)} references in one call; send at most {MOST_AT_ONCE}."
        )
    project = Project.objects.get(pk=project_id)
    setter = _Setter(project, user_id, annotator_id, now)
    live = project.labels.filter(retired_at__isnull=True, is_group=False)
    labels = {row.code: row for row in live}
    outcomes = []
    for given in references:
        outcomes.append(_set(setter, given, labels))
        if outcomes[-1].status in {"set", "changed"}:
            gold_scores.rescore_all(project_id, given.image, now)
    _serve_by_count(project_id, user_id, now)
    return outcomes


def withdraw(
    *, project_id: int, image_public_ids: Sequence[uuid.UUID], user_id: int, now: datetime
) -> int:
    """Withdraw references; give how many. What the expert said of the images stays.

    The answers given to them as gold count for nobody any more.
    """
    found = Image.objects.filter(project_id=project_id, public_id__in=image_public_ids)
    withdrawn = 0
    for image_id, public_id in list(found.order_by("pk").values_list("pk", "public_id")):
        if _withdraw(project_id, image_id, user_id, now):
            withdrawn += 1
            gold_scores.rescore_all(project_id, public_id, now)
    _serve_by_count(project_id, user_id, now)
    return withdrawn


def _set(setter: _Setter, given: Given, labels: dict[str, Label]) -> Outcome:
    codes = list(dict.fromkeys([given.label, *given.further]))
    unknown = [code for code in codes if code not in labels]
    if unknown:
        return _refused(given, "unknown_label", f"{unknown[0]!r} is no label of this project now.")
    if len(codes) > 1 and setter.project.mode == Mode.SINGLE:
        return _refused(given, "one_label", f"One label a picture, got {len(codes)}.")
    with transaction.atomic():
        image = (
            Image.objects.select_for_update(no_key=True)
            .filter(project=setter.project, public_id=given.image)
            .first()
        )
        if image is None:
            return _refused(given, "image_not_found", "This project has no such image.")
        why_not = gold_selectors.why_not(image)
        if why_not is not None:
            return _refused(given, *why_not)
        named = [labels[code] for code in codes]
        return Outcome(given.image, _store(setter, image, named, given.note.strip()))


def _refused(given: Given, code: str, message: str) -> Outcome:
    return Outcome(given.image, "refused", code, message)


def _store(setter: _Setter, image: Image, named: Sequence[Label], note: str) -> str:
    """Write a reference for a locked image; give what that was."""
    before = gold_selectors.of_image(image.pk)
    label, *further = named
    stood = set(gold_selectors.labels_of(before)) if before is not None else set()
    if before is not None and (stood, before.note) == (set(named), note):
        return "unchanged"
    if stood != set(named) and not _has_said(setter, image, named):
        decisions.adjudicate(
            project_id=setter.project.pk,
            image_id=image.pk,
            annotator_id=setter.annotator_id,
            kind=AnnotationKind.LABEL,
            label_code=label.code,
            label_codes=[each.code for each in further],
            now=setter.now,
        )
    # One of somebody in quarantine is there as well, though it counts for nobody.
    GoldReference.objects.filter(image=image, withdrawn_at__isnull=True).update(
        withdrawn_at=setter.now
    )
    reference = GoldReference.objects.create(
        image=image,
        label=label,
        annotator_id=setter.annotator_id,
        set_by_id=setter.user_id,
        note=note,
        created_at=setter.now,
    )
    reference.further.set(further)
    record_event(
        project_id=setter.project.pk,
        user_id=setter.user_id,
        verb="gold_set",
        target=str(image.public_id),
        detail={
            "label": "|".join(each.code for each in named),
            "before": "|".join(sorted(each.code for each in stood)) or None,
        },
        now=setter.now,
    )
    return "set" if before is None else "changed"


def _has_said(setter: _Setter, image: Image, named: Sequence[Label]) -> bool:
    """Tell whether this expert's word on the image stands already, and names just these labels.

    Keeping a decision as gold is no second decision: the first one settled what was asked.
    """
    live = Annotation.objects.filter(
        annotator_id=setter.annotator_id,
        image=image,
        is_expert=True,
        kind=AnnotationKind.LABEL,
        withdrawn_at__isnull=True,
        image__consensus__is_expert=True,
        image__consensus__label__in=named,
    ).first()
    said = [] if live is None else list(live.labels.values_list("label_id", "value"))
    return set(said) == {(each.pk, LabelValue.YES) for each in named}


@transaction.atomic
def _withdraw(project_id: int, image_id: int, user_id: int, now: datetime) -> bool:
    image = slots.lock_images([image_id])[0]
    standing_ones = GoldReference.objects.filter(image=image, withdrawn_at__isnull=True)
    if not standing_ones.update(withdrawn_at=now):
        return False
    gold_stream.close_entries([image.pk], now)
    record_event(
        project_id=project_id,
        user_id=user_id,
        verb="gold_withdrawn",
        target=str(image.public_id),
        now=now,
    )
    return True


def _serve_by_count(project_id: int, user_id: int, now: datetime) -> None:
    """Begin to serve gold with the 20th reference, and stop where fewer are left.

    A share that staff have ever chosen is theirs, be it 0.
    """
    n = gold_selectors.count(project_id)
    is_chosen = AuditEvent.objects.filter(
        project_id=project_id, verb="settings_changed", detail__has_key="gold_serving_share"
    ).exists()
    before, after = (0.0, SHARE) if n >= STARTS_AT else (SHARE, 0.0)
    changed = Project.objects.filter(pk=project_id, gold_serving_share=before)
    if not is_chosen and changed.update(gold_serving_share=after):
        record_event(
            project_id=project_id,
            user_id=user_id,
            verb="gold_serving_changed",
            detail={"gold_serving_share": [before, after], "references": n},
            now=now,
        )
