"""Questions about one label, as "does this picture show a glacier?".

Which label is asked lies in the policy of the queue's entry, from where every assignment has it;
codes never change. Only pool images of projects with several labels an image are asked so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Count, Exists, OuterRef, Q

from labeling.models import (
    ABOUT_ONE_LABEL,
    AGAIN,
    AnnotationKind,
    AnnotationLabel,
    Assignment,
    AssignmentState,
    Consensus,
)
from labeling.selectors import several

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from labeling.selectors.projects import SchemeView

_POLICY = "contains 1 "


def policy(code: str) -> str:
    """Give the policy of entries that ask about the label of that code."""
    return _POLICY + code


def policy_again(code: str) -> str:
    """Give the policy of entries that ask for a second opinion of it, of an image with a set."""
    return AGAIN + code


def asked_code(policy: str) -> str | None:
    """Give the code of the label that a policy asks about; None where it asks for all labels."""
    for start in (_POLICY, AGAIN):
        if policy.startswith(start):
            return policy.removeprefix(start)
    return None


def is_again(policy: str) -> bool:
    """Tell whether a policy asks for a second opinion of one label."""
    return policy.startswith(AGAIN)


def asked_again(project_id: int) -> int:
    """Count the second opinions of one label that somebody holds or has given."""
    states = (AssignmentState.OPEN, AssignmentState.ANSWERED)
    given = Assignment.objects.filter(project_id=project_id, is_again=True)
    return given.filter(state__in=states).count()


@dataclass(frozen=True, slots=True)
class Again:
    """Second opinions of one label: those given, and those that contradict whoever said all."""

    answered: int
    otherwise: int


def answers_again(project_id: int) -> Again:
    """Count the second opinions of one label that were given, by one query."""
    whole = AnnotationLabel.objects.filter(
        annotation__image=OuterRef("annotation__image"),
        annotation__kind=AnnotationKind.LABEL,
        annotation__withdrawn_at__isnull=True,
        label=OuterRef("label"),
    )
    rows = AnnotationLabel.objects.filter(
        annotation__project_id=project_id,
        annotation__assignment__is_again=True,
        annotation__kind__in=ABOUT_ONE_LABEL,
        annotation__withdrawn_at__isnull=True,
    ).annotate(was_named=Exists(whole))
    is_other = Q(value=AnnotationKind.YES, was_named=False) | Q(
        value=AnnotationKind.NO, was_named=True
    )
    counted = rows.aggregate(answered=Count("pk"), otherwise=Count("pk", filter=is_other))
    return Again(**counted)


def may_be_asked_again(image_ids: Sequence[int]) -> set[int]:
    """Give those of some images whose set one person alone has decided, in nobody's hands."""
    held = Assignment.objects.filter(image=OuterRef("image"), state=AssignmentState.OPEN)
    rows = Consensus.objects.filter(
        ~Exists(held),
        image_id__in=list(image_ids),
        state__in=several.SETTLED,
        n_votes=1,
        is_expert=False,
    )
    return set(rows.values_list("image_id", flat=True))


def asked_label(assignment: Assignment | None, scheme: SchemeView) -> int | None:
    """Give the label that an assignment asks about alone.

    None where it asks for all labels, or where the label has left the scheme since: then the whole
    picture may be answered.
    """
    code = None if assignment is None else asked_code(assignment.policy)
    return scheme.label_ids[scheme.codes.index(code)] if code in scheme.codes else None


def counts(asked: Mapping[int, str]) -> dict[int, int]:
    """Count the live answers to one question each, of image to label code; one query."""
    if not asked:
        return {}
    rows = (
        AnnotationLabel.objects.filter(
            annotation__image_id__in=list(asked),
            annotation__kind__in=ABOUT_ONE_LABEL,
            annotation__withdrawn_at__isnull=True,
            annotation__annotator__quarantined_at__isnull=True,
        )
        .values_list("annotation__image_id", "label__code")
        .annotate(n=Count("pk"))
        .order_by("annotation__image_id", "label__code")
    )
    return {image_id: n for image_id, code, n in rows if asked[image_id] == code}


def answered(image_ids: Sequence[int]) -> set[tuple[int, str]]:
    """Give the images and label codes among these that somebody has been asked about alone."""
    rows = AnnotationLabel.objects.filter(
        annotation__image_id__in=list(image_ids),
        annotation__kind__in=ABOUT_ONE_LABEL,
        annotation__withdrawn_at__isnull=True,
    )
    return set(rows.order_by("pk").values_list("annotation__image_id", "label__code"))
