"""`projects/<slug>/disputes`: the expert page. Blind: counts come after the decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling.api import queue_payloads as payloads
from labeling.api.permissions import Role, project_for
from labeling.api.principals import annotator_for
from labeling.selectors import queue as queue_selectors
from labeling.services import annotations as annotation_service

if TYPE_CHECKING:
    from uuid import UUID

    from rest_framework.request import Request


class DisputesView(APIView):
    """What people could not agree on."""

    @extend_schema(
        tags=["experts"],
        operation_id="list_disputes",
        summary="Disputed images, oldest first",
        responses=payloads.DisputeSerializer(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        """Give the images alone: an expert decides without knowing what others said."""
        project = project_for(request, slug, Role.EXPERT)
        images = queue_selectors.disputes(project.pk)
        return Response([{"image": payloads.image(row), "answers": []} for row in images])


class DisputeView(APIView):
    """One disputed image."""

    @extend_schema(
        tags=["experts"],
        operation_id="adjudicate",
        summary="Decide a disputed image",
        request=payloads.AdjudicationRequestSerializer,
        responses={201: payloads.AdjudicatedSerializer},
    )
    def post(self, request: Request, slug: str, public_id: UUID) -> Response:
        """Let the expert's answer stand alone; give what people had said."""
        project = project_for(request, slug, Role.EXPERT)
        annotator = annotator_for(request, project)
        asked = payloads.AdjudicationRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        image_id = queue_selectors.image_id(project.pk, public_id)
        annotation = annotation_service.adjudicate(
            project_id=project.pk,
            image_id=image_id,
            annotator_id=annotator.pk,
            kind=asked.validated_data["kind"],
            label_code=asked.validated_data.get("label"),
            now=timezone.now(),
        )
        said = queue_selectors.said_by_people(image_id)
        body: dict[str, Any] = {
            "annotation": payloads.annotation(annotation),
            "answers": [
                {"label": row.label_code, "kind": row.kind, "count": row.count} for row in said
            ],
        }
        return Response(body, status=201)
