"""What the queue's API takes in and gives out: one serializer a shape, one function a payload.

An assignment's payload has the same keys for every reason (rule 7): nothing here reads `reason`,
`model_version` or the entry, and of `policy` only which question is asked. Among questions about
the whole picture, and among those about one label, nothing tells one reason from another.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rest_framework import serializers

from labeling.api.practice import AfterSerializer
from labeling.models import AnnotationKind, FlagReason
from labeling.selectors import questions
from labeling.services import anchoring

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labeling.models import Annotation, Assignment, Image
    from labeling.selectors.progress import Progress
    from labeling.services.queue import Claimed, DoneReason

ANSWERS = [(kind.value, kind.label) for kind in AnnotationKind if kind is not AnnotationKind.UNDO]
ADJUDICATIONS = [
    (kind.value, kind.label)
    for kind in (AnnotationKind.LABEL, AnnotationKind.NONE_OF_THESE, AnnotationKind.CANT_TELL)
]
MOST_PER_CLAIM = 20
LONGEST_SHOWN = 20_000
CLIENT = r"^[A-Za-z0-9_-]{1,64}$"


class ClientSerializer(serializers.Serializer[Any]):
    """Which tab is asking."""

    client = serializers.RegexField(CLIENT, help_text="Made up by the tab, once.")


class ReleaseRequestSerializer(ClientSerializer):
    """Give back what a tab holds."""

    may_return = serializers.BooleanField(
        default=False,
        help_text="The page may be loaded anew: its images stay with the tab for 20 seconds.",
    )


class ClaimRequestSerializer(ClientSerializer):
    """Ask for images to label."""

    count = serializers.IntegerField(
        required=False, min_value=1, max_value=MOST_PER_CLAIM, help_text="How many to hold."
    )


class AnswerRequestSerializer(ClientSerializer):
    """One answer."""

    assignment = serializers.UUIDField()
    key = serializers.UUIDField(help_text="Made up for this answer; a retry sends the same.")
    kind = serializers.ChoiceField(ANSWERS)
    labels = serializers.ListField(
        child=serializers.CharField(max_length=64), default=list, max_length=100
    )
    flag_reason = serializers.ChoiceField(FlagReason.choices, required=False, allow_blank=True)
    time_spent_ms = serializers.IntegerField(
        required=False, allow_null=True, min_value=0, max_value=24 * 3600 * 1000
    )
    shown = serializers.DictField(required=False, help_text="What the page showed.")

    def validate_shown(self, given: dict[str, Any]) -> dict[str, Any]:
        """Refuse what no database stores: half a character, NUL, or a book."""
        text = json.dumps(given, ensure_ascii=False, allow_nan=True)
        if len(text) > LONGEST_SHOWN:
            raise serializers.ValidationError(f"At most {LONGEST_SHOWN} characters of JSON.")
        if "\\u0000" in text or any("\ud800" <= one <= "\udfff" for one in text):
            raise serializers.ValidationError("Not text: it holds NUL or half a character.")
        return given


class UndoRequestSerializer(serializers.Serializer[Any]):
    """Take an answer back."""

    key = serializers.UUIDField()
    client = serializers.RegexField(CLIENT, required=False)


class AdjudicationRequestSerializer(serializers.Serializer[Any]):
    """An expert's decision."""

    kind = serializers.ChoiceField(ADJUDICATIONS)
    label = serializers.CharField(  # type: ignore[assignment] # a field of that name, not a caption
        max_length=64, required=False, allow_null=True
    )
    labels = serializers.ListField(
        child=serializers.CharField(max_length=64),
        required=False,
        help_text="In place of `label` where an image may bear several.",
    )


class ImageRefSerializer(serializers.Serializer[Any]):
    """Where an image is."""

    id = serializers.UUIDField()
    url = serializers.CharField()
    thumb_url = serializers.CharField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()


class SuggestionSerializer(serializers.Serializer[Any]):
    """The classifier's guess."""

    label = serializers.CharField()  # type: ignore[assignment] # a field of that name, no caption


class AssignmentSerializer(serializers.Serializer[Any]):
    """An image to label; `suggestion` is null wherever the project suggests nothing.

    Where `asks` is the code of a label, the question is whether the picture shows that one: the
    answer is YES, NO or UNSURE, and says nothing of other labels. Null asks for the whole picture.
    """

    id = serializers.UUIDField()
    image = ImageRefSerializer()
    expires_at = serializers.DateTimeField()
    suggestion = SuggestionSerializer(allow_null=True)
    asks = serializers.CharField(allow_null=True)


class DoneSerializer(serializers.Serializer[Any]):
    """Why there is nothing to label."""

    code = serializers.CharField()
    message = serializers.CharField()


class ProgressSerializer(serializers.Serializer[Any]):
    """How far the project and this annotator are."""

    labeled = serializers.IntegerField()
    total = serializers.IntegerField()
    mine = serializers.IntegerField(help_text="Your answers; a skip is none.")
    skipped = serializers.IntegerField()


class ClaimedSerializer(serializers.Serializer[Any]):
    """What the tab holds now."""

    assignments = AssignmentSerializer(many=True)
    done = DoneSerializer(allow_null=True)
    progress = ProgressSerializer()


class AnnotationSerializer(serializers.Serializer[Any]):
    """A stored answer."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(ANSWERS)
    labels = serializers.ListField(child=serializers.CharField())
    image = ImageRefSerializer()
    created_at = serializers.DateTimeField()


class AnsweredSerializer(ClaimedSerializer):
    """A stored answer, and what the tab holds now."""

    annotation = AnnotationSerializer()
    after = AfterSerializer()


class AnnotationListSerializer(serializers.Serializer[Any]):
    """An annotator's last answers, newest first."""

    results = AnnotationSerializer(many=True)


class AnnotationIdSerializer(serializers.Serializer[Any]):
    """Which answer."""

    id = serializers.UUIDField()


class UndoneSerializer(serializers.Serializer[Any]):
    """The answer taken back, and its image again."""

    annotation = AnnotationIdSerializer()
    assignment = AssignmentSerializer(allow_null=True)
    progress = ProgressSerializer()


class RenewedSerializer(serializers.Serializer[Any]):
    """Until when the tab holds its images."""

    expires_at = serializers.DateTimeField()


class SaidSerializer(serializers.Serializer[Any]):
    """How often something was said of an image."""

    label = serializers.CharField(allow_null=True)  # type: ignore[assignment] # as above
    kind = serializers.ChoiceField(ADJUDICATIONS)
    count = serializers.IntegerField()


def image(row: Image) -> dict[str, Any]:
    """Say where an image is; its address tells nothing but the image."""
    return {
        "id": str(row.public_id),
        "url": f"/api/v1/images/{row.public_id}/full",
        "thumb_url": f"/api/v1/images/{row.public_id}/thumb",
        "width": row.width,
        "height": row.height,
    }


def assignment(row: Assignment) -> dict[str, Any]:
    """Give an image to label, and nothing about why."""
    label = anchoring.shown_label(row)
    return {
        "id": str(row.public_id),
        "image": image(row.image),
        "expires_at": row.expires_at,
        "suggestion": None if label is None else {"label": label},
        "asks": questions.asked_code(row.policy),
    }


def done(reason: DoneReason | None) -> dict[str, Any] | None:
    """Say why nothing is left, or None."""
    return None if reason is None else {"code": reason.code, "message": reason.message}


def progress(counts: Progress) -> dict[str, Any]:
    """Give the counts of the progress bar."""
    return {
        "labeled": counts.labeled,
        "total": counts.total,
        "mine": counts.mine,
        "skipped": counts.skipped,
    }


def claimed(found: Claimed, counts: Progress) -> dict[str, Any]:
    """Give what a tab holds."""
    return {
        "assignments": [assignment(row) for row in found.assignments],
        "done": done(found.done),
        "progress": progress(counts),
    }


def annotation(row: Annotation, labels: Sequence[str] | None = None) -> dict[str, Any]:
    """Give a stored answer to whoever gave it; with `labels` given, they are not asked for."""
    if labels is None:
        labels = [said.label.code for said in row.labels.all()]
    return {
        "id": str(row.public_id),
        "kind": row.kind,
        "labels": list(dict.fromkeys(labels)),
        "image": image(row.image),
        "created_at": row.created_at,
    }
