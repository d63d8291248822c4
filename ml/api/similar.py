"""`staff/projects/<slug>/find-more`: more pictures like a few, served before all others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling.api.permissions import Role, project_for
from ml.selectors import similar as selectors
from ml.services import similar

if TYPE_CHECKING:
    from uuid import UUID

    from rest_framework.request import Request

MOST_WANTED = 100
EXAMPLES = [
    OpenApiExample("like a label", value={"label": "soy-milk", "count": 20}, request_only=True),
    OpenApiExample(
        "like one picture",
        value={"images": ["7b1d1f0e-6d56-4c8f-9f6e-0a6f4a1f2b11"], "count": 20},
        request_only=True,
    ),
]


class FindMoreSerializer(serializers.Serializer[Any]):
    """Pictures, or the label whose newest pictures are taken."""

    images = serializers.ListField(
        child=serializers.UUIDField(), max_length=similar.MOST_LIKE, required=False, default=list
    )
    label = serializers.CharField(  # type: ignore[assignment] # a field of that name, no caption
        max_length=64, required=False, allow_blank=True, default=""
    )
    count = serializers.IntegerField(min_value=1, max_value=MOST_WANTED, required=False, default=20)

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        """Refuse what names neither, or both."""
        if bool(given["images"]) == bool(given["label"]):
            raise serializers.ValidationError("Give images, or the code of a label; not both.")
        return given


class SearchSerializer(serializers.Serializer[Any]):
    """A search under way."""

    id = serializers.UUIDField()
    label = serializers.CharField(  # type: ignore[assignment] # a field of that name, no caption
        help_text="Whose pictures are the examples; empty where pictures were chosen."
    )
    label_name = serializers.CharField()
    like = serializers.ListField(child=serializers.UUIDField(), help_text="Some of the examples.")
    n_like = serializers.IntegerField()
    count = serializers.IntegerField()
    found = serializers.IntegerField(allow_null=True, help_text="Null until a worker has looked.")
    answered = serializers.IntegerField()
    created_at = serializers.DateTimeField()


class FindMoreView(APIView):
    """What staff want more of."""

    @extend_schema(
        tags=["staff"],
        operation_id="list_searches",
        summary="What is looked for, and how much of it is answered",
        responses=SearchSerializer(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        """List what has not ended."""
        project = project_for(request, slug, Role.MANAGER)
        return Response(SearchSerializer(selectors.under_way(project.pk), many=True).data)

    @extend_schema(
        tags=["staff"],
        operation_id="find_more",
        summary="Look for more pictures like these; people are shown them next",
        request=FindMoreSerializer,
        responses={201: SearchSerializer(many=True)},
        examples=EXAMPLES,
    )
    def post(self, request: Request, slug: str) -> Response:
        """Ask for them; a worker looks within seconds."""
        project = project_for(request, slug, Role.MANAGER)
        given = FindMoreSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        similar.ask(
            project_id=project.pk,
            like=given.validated_data["images"],
            label_code=given.validated_data["label"],
            count=given.validated_data["count"],
            user_id=request.user.pk,
            now=timezone.now(),
        )
        found = selectors.under_way(project.pk)
        return Response(SearchSerializer(found, many=True).data, status=201)


class StopView(APIView):
    """Enough."""

    @extend_schema(
        tags=["staff"],
        operation_id="stop_search",
        summary="Look for no more of it",
        request=None,
        responses={204: None},
    )
    def post(self, request: Request, slug: str, public_id: UUID) -> Response:
        """End it; twice is as once."""
        project = project_for(request, slug, Role.MANAGER)
        similar.stop(
            project_id=project.pk, public_id=public_id, user_id=request.user.pk, now=timezone.now()
        )
        return Response(status=204)
