"""`staff/projects/<slug>/agreement`: how far people agree, and the error of an export."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling.api.permissions import Role, project_for
from labeling.selectors import agreement as selectors
from labeling.services import agreement

if TYPE_CHECKING:
    from rest_framework.request import Request

BASES = (selectors.MODEL, selectors.CHECKED)
EXAMPLE = OpenApiExample(
    "two snapshots",
    value={
        "now": {
            "at": "2026-03-02T03:00:00Z",
            "alpha": {"estimate": 0.81, "low": 0.77, "high": 0.85},
            "by_label": [
                {
                    "code": "soy-milk",
                    "name": "Soy milk",
                    "estimate": 0.62,
                    "low": 0.48,
                    "high": 0.74,
                    "n_images": 58,
                }
            ],
            "expected_error": 0.034,
            "expected_error_interval": [0.021, 0.05],
            "expected_error_basis": "checked",
            "expected_error_checked": 160,
            "expected_error_by_model": 0.019,
            "expected_error_means": "Put right by 160 labels whose truth experts have said.",
            "n_images": 412,
            "n_answers": 990,
            "n_exported": 1800,
        },
        "points": [
            {
                "at": "2026-03-01T03:00:00Z",
                "alpha": 0.79,
                "low": 0.74,
                "high": 0.84,
                "expected_error": 0.05,
                "expected_error_interval": [0.016, 0.16],
                "expected_error_basis": "model",
            },
            {
                "at": "2026-03-02T03:00:00Z",
                "alpha": 0.81,
                "low": 0.77,
                "high": 0.85,
                "expected_error": 0.034,
                "expected_error_interval": [0.021, 0.05],
                "expected_error_basis": "checked",
            },
        ],
    },
    response_only=True,
)


class AlphaSerializer(serializers.Serializer[Any]):
    """Krippendorff's alpha with its 95 % interval."""

    estimate = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()


class LabelAlphaSerializer(serializers.Serializer[Any]):
    """Agreement on one label against all others; null where too little was said of it."""

    code = serializers.CharField(allow_blank=True)
    name = serializers.CharField()
    estimate = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    n_images = serializers.IntegerField()


class AgreementNowSerializer(serializers.Serializer[Any]):
    """One snapshot in full."""

    at = serializers.DateTimeField()
    alpha = AlphaSerializer(allow_null=True)
    by_label = LabelAlphaSerializer(many=True)
    expected_error = serializers.FloatField(allow_null=True)
    expected_error_interval = serializers.ListField(
        child=serializers.FloatField(), allow_null=True, min_length=2, max_length=2
    )
    expected_error_basis = serializers.ChoiceField(BASES, allow_null=True)
    expected_error_checked = serializers.IntegerField(
        help_text="Labels whose truth an expert has said."
    )
    expected_error_by_model = serializers.FloatField(
        allow_null=True, help_text="Mean of 1 - P(label): too low where people err alike."
    )
    expected_error_means = serializers.CharField(allow_blank=True)
    n_images = serializers.IntegerField()
    n_answers = serializers.IntegerField()
    n_exported = serializers.IntegerField()


class AgreementPointSerializer(serializers.Serializer[Any]):
    """One snapshot on the curve."""

    at = serializers.DateTimeField()
    alpha = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    expected_error = serializers.FloatField(allow_null=True)
    expected_error_interval = serializers.ListField(
        child=serializers.FloatField(), allow_null=True, min_length=2, max_length=2
    )
    expected_error_basis = serializers.ChoiceField(BASES, allow_null=True)


class AgreementSerializer(serializers.Serializer[Any]):
    """The newest snapshot, and the curve."""

    now = AgreementNowSerializer(allow_null=True)
    points = AgreementPointSerializer(many=True)


class AgreementView(APIView):
    """How far people agree."""

    @extend_schema(
        tags=["staff"],
        operation_id="get_agreement",
        summary="Agreement and expected label error, now and over time",
        responses=AgreementSerializer,
        examples=[EXAMPLE],
    )
    def get(self, request: Request, slug: str) -> Response:
        """Read the snapshots."""
        project = project_for(request, slug, Role.MANAGER)
        return Response(selectors.page(project.pk))

    @extend_schema(
        tags=["staff"],
        operation_id="measure_agreement",
        summary="Take a snapshot now; one is taken daily anyway",
        request=None,
        responses=AgreementSerializer,
    )
    def post(self, request: Request, slug: str) -> Response:
        """Take one and read them all."""
        project = project_for(request, slug, Role.MANAGER)
        agreement.take(project_id=project.pk, now=timezone.now())
        return Response(selectors.page(project.pk))
