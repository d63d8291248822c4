"""`staff/projects/<slug>/drift`: uploads that look different from what was there before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling.api.permissions import Role, project_for
from ml.selectors import upload_drift

if TYPE_CHECKING:
    from rest_framework.request import Request


class DriftedUploadsSerializer(serializers.Serializer[Any]):
    """A batch of uploads that looks different."""

    source = serializers.CharField()  # type: ignore[assignment] # a field of that name
    day = serializers.DateField()
    images = serializers.IntegerField()
    audit_share = serializers.FloatField(help_text="Of what comes next of it, 0 to 1.")
    usual_share = serializers.FloatField()
    sentence = serializers.CharField()
    measured_at = serializers.DateTimeField()


class DriftView(APIView):
    """Uploads that look different."""

    @extend_schema(
        tags=["staff"],
        operation_id="list_drifted_uploads",
        summary="Uploads of the last 30 days that look different from what was there before",
        responses=DriftedUploadsSerializer(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        """Give them, the newest first."""
        project = project_for(request, slug, Role.MANAGER)
        found = upload_drift.drifted(project.pk, now=timezone.now())
        return Response(DriftedUploadsSerializer(found, many=True).data)
