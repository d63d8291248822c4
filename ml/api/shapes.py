"""What requests and replies of the prediction API look like."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ml.services.prediction import MAX_IMAGES, Queueing

MAX_TOP = 100
MODES = [("SINGLE", "one label an image"), ("MULTI", "several labels an image")]


class ErrorShape(serializers.Serializer[Any]):
    """Every error of the API."""

    code = serializers.CharField(help_text="Stable; what programs look at.")
    message = serializers.CharField(help_text="A sentence for people.")
    detail = serializers.JSONField(help_text="What the sentence is about; may be empty.")


class LabelOptionShape(serializers.Serializer[Any]):
    """A label that predictions may name."""

    code = serializers.SlugField(help_text="Never changes.")
    name = serializers.CharField(help_text="May be renamed.")


class ServingVersionShape(serializers.Serializer[Any]):
    """The model version behind an answer."""

    id = serializers.UUIDField()
    number = serializers.IntegerField()
    evidence = serializers.ChoiceField(
        choices=["PROVISIONAL", "PROVEN"],
        help_text="PROVEN once the audit slice showed that it is not worse than what it replaced.",
    )


class LabelListShape(serializers.Serializer[Any]):
    """What a client needs to know before it asks."""

    project = serializers.SlugField()
    name = serializers.CharField()
    mode = serializers.ChoiceField(choices=MODES)
    scheme_version = serializers.IntegerField()
    labels = LabelOptionShape(many=True)
    champion = ServingVersionShape(allow_null=True)
    may_queue = serializers.BooleanField(help_text="Whether this caller may send `queue`.")


@extend_schema_field({"type": "string", "format": "binary"})
class PictureField(serializers.FileField):
    """A file as the form sends it; without this the schema would ask for an address."""


class PredictRequest(serializers.Serializer[Any]):
    """Pictures and what to do with them."""

    images = serializers.ListField(
        child=PictureField(allow_empty_file=True),
        required=False,
        max_length=MAX_IMAGES,
        help_text=f"1 to {MAX_IMAGES} pictures: JPEG, PNG, WebP, HEIC …; repeat the field.",
    )
    image = PictureField(
        required=False, allow_empty_file=True, help_text="The same for a single picture."
    )
    k = serializers.IntegerField(
        default=3, min_value=1, max_value=MAX_TOP, help_text="How many labels an answer names."
    )
    queue = serializers.ChoiceField(
        choices=Queueing.choices,
        default=Queueing.NO.value,
        error_messages={
            "invalid_choice": f'"{{input}}" is not one of: {", ".join(Queueing.values)}.'
        },
        help_text="Store the pictures and queue them for labeling: all of them (`true`) or those "
        "that were not accepted (`unsure`). Only where project and token allow it.",
    )
    version = serializers.IntegerField(
        required=False, min_value=1, help_text="The same as the query parameter."
    )


class RankedLabelShape(serializers.Serializer[Any]):
    """One label of an answer."""

    label = serializers.SlugField()  # type: ignore[assignment]
    name = serializers.CharField()
    probability = serializers.FloatField(min_value=0, max_value=1)
    accepted = serializers.BooleanField(
        required=False,
        help_text="With several labels an image only: whether it reaches the label's threshold.",
    )


class AnswerShape(serializers.Serializer[Any]):
    """What the version is sure enough of."""

    label = serializers.SlugField(help_text="Of a label or of a group.")  # type: ignore[assignment]
    name = serializers.CharField()
    probability = serializers.FloatField(
        min_value=0, max_value=1, help_text="Of a group the sum over its labels."
    )
    level = serializers.ChoiceField(choices=["label", "group"])


class NoteShape(serializers.Serializer[Any]):
    """Why a picture was not queued, or not stored again."""

    code = serializers.ChoiceField(choices=["duplicate", "queue_limit"])
    message = serializers.CharField()
    retry_after_s = serializers.IntegerField(required=False)


class PictureErrorShape(serializers.Serializer[Any]):
    """Why one picture has no answer."""

    code = serializers.CharField()
    message = serializers.CharField()


class PictureAnswerShape(serializers.Serializer[Any]):
    """The answer for one picture; with `error` there is nothing but it and `name`."""

    name = serializers.CharField(help_text="The file name that was sent.")
    error = PictureErrorShape(required=False)
    id = serializers.UUIDField(required=False, help_text="Of the prediction.")
    mode = serializers.ChoiceField(choices=MODES, required=False)
    top = RankedLabelShape(
        many=True,
        required=False,
        help_text="Likeliest first, calibrated. With several labels an image the probabilities "
        "stand each for itself and do not sum to 1; more than `k` come where more are accepted.",
    )
    labels = serializers.ListField(
        child=serializers.SlugField(),
        required=False,
        help_text="With several labels an image only: all that reach their thresholds, likeliest "
        "first; none where the version is sure of none.",
    )
    answer = AnswerShape(
        required=False,
        allow_null=True,
        help_text="With one label an image: the likeliest label where it reaches the version's "
        "threshold; else the likeliest group of labels where its labels together do; else null.",
    )
    accepted = serializers.BooleanField(
        required=False,
        help_text="Whether the likeliest label reaches the version's threshold; with several "
        "labels an image, whether any reaches its own.",
    )
    uncertainty = serializers.FloatField(
        required=False,
        help_text="1 - (p1 - p2): 0 is certain, 1 a tie of the best two labels. With several "
        "labels an image 1 - |2p - 1| of the most doubtful one: 1 is a tie of yes and no.",
    )
    model_version = ServingVersionShape(required=False)
    queued = serializers.BooleanField(required=False)
    queue_note = NoteShape(required=False, allow_null=True)


class PredictReply(serializers.Serializer[Any]):
    """One result a picture, in the order they were sent."""

    results = PictureAnswerShape(many=True)


class HumanAnswerShape(serializers.Serializer[Any]):
    """What people say of a queued picture; null in `human` until they agree."""

    state = serializers.ChoiceField(choices=["RESOLVED", "NONE_OF_THESE", "UNUSABLE"])
    label = serializers.SlugField(allow_null=True)  # type: ignore[assignment]
    name = serializers.CharField(allow_null=True)
    resolved_at = serializers.DateTimeField(allow_null=True)


class FeedbackShape(serializers.Serializer[Any]):
    """What the client said."""

    right = serializers.BooleanField()
    label = serializers.SlugField(allow_null=True)  # type: ignore[assignment]
    at = serializers.DateTimeField()


class PredictionShape(serializers.Serializer[Any]):
    """A stored answer."""

    id = serializers.UUIDField()
    project = serializers.SlugField()
    mode = serializers.ChoiceField(choices=MODES)
    top = RankedLabelShape(many=True)
    labels = serializers.ListField(
        child=serializers.SlugField(),
        required=False,
        help_text="With several labels an image only: all that reach their thresholds, likeliest "
        "first; none where the version is sure of none.",
    )
    answer = AnswerShape(
        required=False, allow_null=True, help_text="With one label an image only, as it was given."
    )
    accepted = serializers.BooleanField()
    uncertainty = serializers.FloatField()
    model_version = ServingVersionShape()
    queued = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    feedback = FeedbackShape(allow_null=True)
    human = HumanAnswerShape(allow_null=True)


class FeedbackRequest(serializers.Serializer[Any]):
    """Whether the likeliest label was right, and if not, what it is."""

    right = serializers.BooleanField()
    label = serializers.SlugField(  # type: ignore[assignment]
        required=False, allow_blank=True, help_text="The right label, where you know it."
    )


class FeedbackReply(serializers.Serializer[Any]):
    """What became of the feedback."""

    right = serializers.BooleanField()
    label = serializers.SlugField(allow_null=True)  # type: ignore[assignment]
    at = serializers.DateTimeField()
    answer = serializers.ChoiceField(
        choices=["recorded", "waiting", "not_stored"],
        help_text="recorded: an annotation of the queued picture. waiting: it becomes one once "
        "the picture's partition is decided, unless that is the audit slice, which is labeled "
        "blind. not_stored: kept beside the prediction only.",
    )
