"""What annotators wrote to the coordinator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling.api.permissions import project_for
from labeling.api.principals import labels_as, signed_in
from labeling.api.throttling import MessageThrottle
from labeling.models import Role
from labeling.selectors import people as people_selectors
from labeling.services import people, roster

if TYPE_CHECKING:
    from rest_framework.request import Request


class WriteMessageSerializer(serializers.Serializer[Any]):
    """A message to the coordinator."""

    text = serializers.CharField(max_length=2000)


class MessageSerializer(serializers.Serializer[Any]):
    """A message to the coordinator, as staff read it."""

    id = serializers.IntegerField()
    display_name = serializers.CharField(source="annotator.display_name")
    text = serializers.CharField()
    created_at = serializers.DateTimeField()
    handled_at = serializers.DateTimeField(allow_null=True)


class HandledSerializer(serializers.Serializer[Any]):
    """Whether a message needs nobody any more."""

    handled = serializers.BooleanField()


class MessagesView(APIView):
    """A volunteer's word to the coordinator."""

    throttle_classes = (MessageThrottle,)

    @extend_schema(
        tags=["people"],
        operation_id="message_coordinator",
        summary="Write to the coordinator; nobody can write back",
        request=WriteMessageSerializer,
        responses={204: None},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Keep it."""
        project = project_for(request, slug)
        given = WriteMessageSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        people.message_coordinator(
            annotator_id=labels_as(request, project).pk,
            text=given.validated_data["text"],
            now=timezone.now(),
        )
        return Response(status=204)


class StaffMessagesView(APIView):
    """What annotators wrote."""

    @extend_schema(
        tags=["staff"],
        operation_id="list_messages",
        summary="What annotators wrote; what is not handled first, then the newest",
        responses=MessageSerializer(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        """List them."""
        project = project_for(request, slug, Role.MANAGER)
        rows = people_selectors.messages(project.pk)
        return Response(MessageSerializer(rows, many=True).data)


class HandledView(APIView):
    """One message."""

    @extend_schema(
        tags=["staff"],
        operation_id="handle_message",
        summary="Tick a message off, or untick it",
        request=HandledSerializer,
        responses=MessageSerializer,
    )
    def post(self, request: Request, slug: str, message_id: int) -> Response:
        """Do it; twice is as once."""
        project = project_for(request, slug, Role.MANAGER)
        asked = HandledSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        message = roster.mark_handled(
            project_id=project.pk,
            message_id=message_id,
            is_handled=asked.validated_data["handled"],
            user_id=signed_in(request).pk,
            now=timezone.now(),
        )
        return Response(MessageSerializer(message).data)
