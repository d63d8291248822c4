"""Merging labels into one and splitting one into several, without starting over.

No answer is rewritten: what was said stays under the label it named, and is read through the kept
steps (`labeling.consensus.lineage`). After a merge it counts for the label that is left. After a
split it says only that the image is one of the new labels, so the image is asked about again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q

from labeling.errors import LabelingError
from labeling.models import (
    Consensus,
    ConsensusState,
    Label,
    LabelMapping,
    LabelMappingKind,
    Mode,
    Partition,
    Project,
)
from labeling.selectors import projects as project_selectors
from labeling.services import ask_again, crowd, schemes, slots
from labeling.services.journal import record_event

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from labeling.models import LabelScheme
    from labeling.selectors.projects import SchemeView

FEWEST = 2
BATCH = 500


class TooFewToMergeError(LabelingError):
    """One label cannot be merged with nothing, nor split into one."""

    code = "too_few_labels"


class RetiredLabelError(LabelingError):
    """A label that is not in the scheme any more has no place in a step of it."""

    code = "label_retired"
    status = 409


class SeveralLabelsError(LabelingError):
    """Where an image has several labels, asking one of them again would drop the others."""

    code = "several_labels"
    status = 409


@dataclass(frozen=True, slots=True)
class Step:
    """What a merge or a split did.

    Attributes:
        labels: what the label is now, or the labels that took its place.
        images: images that had the labels of before.
        audit_images: of those, the ones that are measured.
        decided: open or disputed images that the merge has settled.
        asked_again: answers that are asked for again after a split.
    """

    labels: tuple[Label, ...]
    images: int
    audit_images: int
    decided: int = 0
    asked_again: int = 0


def merge_labels(
    *,
    project_id: int,
    codes: Sequence[str],
    name: str,
    now: datetime,
    user_id: int | None = None,
) -> Step:
    """Merge several labels into one of this name; all their answers count for it.

    The name of one of them keeps that one, with its code; any other name makes a new label. Images
    that people gave two of the labels, and that were disputed for nothing else, have one now.

    Raises:
        LabelNotFoundError: the project has no such label.
        TooFewToMergeError: fewer than two labels were named.
        RetiredLabelError: one of them has left the scheme.
        LabelTakenError: another live label has that name.
        LastLabelsError: fewer than two labels would be left.
    """
    with transaction.atomic():
        project = _locked(project_id)
        merged = _live(project, codes)
        if len(merged) < FEWEST:
            raise TooFewToMergeError("Choose two labels or more to make one of them.")
        _refuse_last(project, len(merged) - 1)
        before = project_selectors.current_scheme(project_id)
        old_names = {label.pk: label.name for label in merged}
        heir = _survivor(project, merged, schemes.clean_name(name), now)
        after = schemes.new_scheme(project, now)
        _remember(
            LabelMappingKind.MERGE, before, after, [(label, heir) for label in merged], old_names
        )
        ids = [label.pk for label in merged]
        found = _carry_over(project, ids, heir)
        decided = _decide_waiting(project, ids, now)
        ask_again.tell(project, now)
        detail = {
            "from": [label.code for label in merged],
            "names": list(old_names.values()),
            "name": heir.name,
            "images": found[0],
            "audit_images": found[1],
            "decided": decided,
        }
        record_event(
            project_id=project_id,
            user_id=user_id,
            verb="labels_merged",
            now=now,
            target=heir.code,
            detail=detail,
        )
    return Step((heir,), *found, decided=decided)


def split_label(
    *, label_id: int, names: Sequence[str], now: datetime, user_id: int | None = None
) -> Step:
    """Put several new labels in the place of one; its images are asked about again.

    Answers that named it are withdrawn by compensating rows, so that the same people may say which
    of the new labels it is: those of measured images at once, those of many others by a job
    (`ask_again`). Until then an image in the pool is held to be each of them alike, and one in the
    audit slice waits for its answers: it counts neither as right nor as wrong. Gold references to
    the label are withdrawn; they do not say which.

    Raises:
        TooFewToMergeError: fewer than two names.
        RetiredLabelError: the label has left the scheme.
        SeveralLabelsError: the project gives several labels to an image.
        LabelTakenError: another live label has one of the names, or two are the same.
    """
    clean = [schemes.clean_name(name) for name in names]
    if len(clean) < FEWEST:
        raise TooFewToMergeError("Name two labels or more to split it into.")
    with transaction.atomic():
        label = Label.objects.select_related("project").get(pk=label_id)
        project = _locked(label.project_id)
        (label,) = _live(project, [label.code])
        if project.mode == Mode.MULTI:
            raise SeveralLabelsError(
                "An image of this project has several labels; to ask one again would drop the "
                "others. Add the new labels and retire this one instead."
            )
        before = project_selectors.current_scheme(project.pk)
        _retire([label], now)
        heirs = [_in_its_place(project, name, label, now) for name in clean]
        after = schemes.new_scheme(project, now)
        pairs = [(label, heir) for heir in heirs]
        _remember(LabelMappingKind.SPLIT, before, after, pairs, {label.pk: label.name})
        named = _that_mean(before, label)
        found = _counts(project, [label.pk])
        asked_again = ask_again.begin(project=project, label=label, named=named, now=now)
        ask_again.tell(project, now)
        detail = {
            "name": label.name,
            "into": [heir.code for heir in heirs],
            "images": found[0],
            "audit_images": found[1],
            "asked_again": asked_again,
        }
        record_event(
            project_id=project.pk,
            user_id=user_id,
            verb="label_split",
            now=now,
            target=label.code,
            detail=detail,
        )
    return Step(tuple(heirs), *found, asked_again=asked_again)


# --- the scheme ---------------------------------------------------------------------------


def _locked(project_id: int) -> Project:
    return Project.objects.select_for_update(no_key=True).get(pk=project_id)


def _live(project: Project, codes: Sequence[str]) -> list[Label]:
    """Give the labels of these codes, in the order of the scheme."""
    found = [project_selectors.label(project.pk, code) for code in dict.fromkeys(codes)]
    gone = [label.name for label in found if label.retired_at is not None]
    if gone:
        raise RetiredLabelError(
            f"{', '.join(gone)} left the labels before. Reload the page, and choose again."
        )
    groups = [label.name for label in found if label.is_group]
    if groups:
        raise schemes.GroupOfLabelsError(
            f"{', '.join(groups)} stands for several labels. Choose the labels themselves."
        )
    return sorted(found, key=lambda label: (label.position, label.pk))


def _refuse_last(project: Project, n_fewer: int) -> None:
    n_live = project.labels.filter(retired_at__isnull=True, is_group=False).count()
    if n_live - n_fewer < schemes.FEWEST_LABELS:
        raise schemes.LastLabelsError(
            "Only one label would be left, and a scheme needs at least two. "
            "Merge fewer, or add another label first."
        )


def _retire(labels: Iterable[Label], now: datetime) -> None:
    for label in labels:
        label.retired_at = now
        label.save(update_fields=["retired_at"])


def _survivor(project: Project, merged: Sequence[Label], name: str, now: datetime) -> Label:
    """Retire all but the label of that name, or all, and make a new one in their place."""
    same = [label for label in merged if label.name.casefold() == name.casefold()]
    if same:
        _retire((label for label in merged if label is not same[0]), now)
        if same[0].name != name:
            same[0].name = name
            same[0].save(update_fields=["name"])
        return same[0]
    _retire(merged, now)
    heir = _in_its_place(project, name, merged[0], now)
    if len({label.parent_id for label in merged}) > 1:
        heir.parent = None
        heir.save(update_fields=["parent"])
    return heir


def _in_its_place(project: Project, name: str, before: Label, now: datetime) -> Label:
    heir = schemes.create_label(project, name, now)
    # "None of these" from before the step was not said too early: there was the label of before.
    heir.position, heir.created_at = before.position, before.created_at
    heir.parent_id = before.parent_id
    heir.save(update_fields=["position", "created_at", "parent"])
    return heir


def _remember(
    kind: LabelMappingKind,
    before: SchemeView,
    after: LabelScheme,
    pairs: Sequence[tuple[Label, Label]],
    old_names: dict[int, str],
) -> None:
    LabelMapping.objects.bulk_create(
        LabelMapping(
            project_id=after.project_id,
            kind=kind,
            from_scheme_id=before.id,
            to_scheme=after,
            from_label=label,
            to_label=heir,
            from_name=old_names[label.pk],
            to_name=heir.name,
            created_at=after.created_at,
        )
        for label, heir in pairs
    )


def _that_mean(scheme: SchemeView, label: Label) -> list[int]:
    """Give the labels whose answers counted for this one: itself, and what was merged into it."""
    columns = scheme.column_of
    return [label_id for label_id, column in columns.items() if column == columns[label.pk]]


# --- the images ---------------------------------------------------------------------------


def _counts(project: Project, label_ids: Collection[int]) -> tuple[int, int]:
    """Count the images that have one of the labels, and the measured ones among them."""
    rows = Consensus.objects.filter(
        project=project, label_id__in=label_ids, state=ConsensusState.RESOLVED
    )
    return rows.count(), rows.filter(image__partition=Partition.AUDIT).count()


def _carry_over(project: Project, label_ids: Collection[int], heir: Label) -> tuple[int, int]:
    """Let the images of the merged labels be of the one label; gold is read through the steps."""
    found = _counts(project, label_ids)
    rows = Consensus.objects.filter(project=project, label_id__in=label_ids)
    slots.lock_images(rows.exclude(label=heir).values_list("image_id", flat=True))
    rows.update(label=heir)
    return found


def _decide_waiting(project: Project, label_ids: Collection[int], now: datetime) -> int:
    """Decide the open and disputed images anew where somebody named one of the labels."""
    waiting = Consensus.objects.filter(
        project=project,
        state__in=(ConsensusState.OPEN, ConsensusState.DISPUTED),
        image__annotations__withdrawn_at__isnull=True,
        image__annotations__labels__label_id__in=label_ids,
    )
    ids = sorted(set(waiting.values_list("image_id", flat=True)))
    decided = 0
    for start in range(0, len(ids), BATCH):
        batch = ids[start : start + BATCH]
        crowd.decide_batch(project, batch, now, keeps_skills=False)
        settled = Q(state__in=(ConsensusState.OPEN, ConsensusState.DISPUTED))
        decided += Consensus.objects.filter(~settled, image_id__in=batch).count()
    return decided
