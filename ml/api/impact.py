"""`projects/<slug>/impact`: what a volunteer's answers did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling.api.permissions import project_for
from labeling.api.principals import labels_as
from ml.selectors import impact

if TYPE_CHECKING:
    from rest_framework.request import Request

EXAMPLE = OpenApiExample(
    "after a week",
    value={
        "answers": 214,
        "skips": 9,
        "images": 203,
        "resolved": 180,
        "agreed": 171,
        "since": "2026-02-20T09:00:00Z",
        "days": 6,
        "sentences": [
            "You have answered 203 images.",
            "180 images have their label with your help.",
            "The classifier is better than when you joined. "
            "It names 79 to 86 of 100 images right that it never learned from.",
        ],
        "accuracy": {
            "then": {
                "estimate": 0.71,
                "low": 0.66,
                "high": 0.76,
                "n": 400,
                "at": "2026-02-19T18:00:00Z",
                "version": 3,
            },
            "now": {
                "estimate": 0.83,
                "low": 0.79,
                "high": 0.86,
                "n": 400,
                "at": "2026-02-28T07:30:00Z",
                "version": 41,
            },
            "is_better": True,
        },
    },
    response_only=True,
)


class ImpactPointShape(serializers.Serializer[Any]):
    """How good one version is, on today's audit images."""

    estimate = serializers.FloatField(allow_null=True)
    low = serializers.FloatField()
    high = serializers.FloatField()
    n = serializers.IntegerField()
    at = serializers.DateTimeField()
    version = serializers.IntegerField()


class ImpactAccuracyShape(serializers.Serializer[Any]):
    """Two versions on the same images."""

    then = ImpactPointShape()
    now = ImpactPointShape()
    is_better = serializers.BooleanField()


class ImpactShape(serializers.Serializer[Any]):
    """Counts, sentences that are true, and the classifier where it is shown to be better."""

    answers = serializers.IntegerField(help_text="A skip is none.")
    skips = serializers.IntegerField()
    images = serializers.IntegerField()
    resolved = serializers.IntegerField()
    agreed = serializers.IntegerField()
    since = serializers.DateTimeField()
    days = serializers.IntegerField()
    sentences = serializers.ListField(child=serializers.CharField())
    accuracy = ImpactAccuracyShape(allow_null=True)


class ImpactView(APIView):
    """What somebody's answers did."""

    @extend_schema(
        tags=["labeling"],
        operation_id="get_impact",
        summary="What your answers did",
        responses=ImpactShape,
        examples=[EXAMPLE],
    )
    def get(self, request: Request, slug: str) -> Response:
        """Tell whoever asks about their own answers."""
        project = project_for(request, slug)
        return Response(impact.page(project.pk, labels_as(request, project).pk))
