"""Invitations: what the join page shows, joining, and the staff room's list of links."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import segno
from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling.api import links, principals
from labeling.api.permissions import project_for
from labeling.api.session import BrowserView
from labeling.api.throttling import JoinThrottle
from labeling.models import Invitation, Role, User
from labeling.selectors import people as people_selectors
from labeling.services import keys, people

if TYPE_CHECKING:
    from datetime import datetime

    from rest_framework.request import Request


class InvitedProjectSerializer(serializers.Serializer[Any]):
    """What somebody reads before joining."""

    slug = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    guide = serializers.CharField()
    consent = serializers.CharField()
    licence = serializers.CharField()


class InvitationViewSerializer(serializers.Serializer[Any]):
    """The join page."""

    project = InvitedProjectSerializer()
    role = serializers.ChoiceField(Role.choices)
    valid = serializers.BooleanField()
    reason = serializers.CharField(required=False)


class AcceptSerializer(serializers.Serializer[Any]):
    """A name and a yes."""

    display_name = serializers.CharField(max_length=200)
    consent = serializers.BooleanField()


class JoinedAnnotatorSerializer(serializers.Serializer[Any]):
    """Who joined."""

    id = serializers.UUIDField()
    display_name = serializers.CharField()


class JoinedSerializer(serializers.Serializer[Any]):
    """Where to go on, and the personal link to come back with."""

    annotator = JoinedAnnotatorSerializer()
    resume_url = serializers.CharField()
    project = serializers.CharField()


class InviteSerializer(serializers.Serializer[Any]):
    """A new link."""

    role = serializers.ChoiceField(Role.choices, default=Role.VOLUNTEER.value)
    use_limit = serializers.IntegerField(min_value=1, max_value=100_000, default=100)
    days = serializers.IntegerField(min_value=1, max_value=365, default=14)


class InvitationSerializer(serializers.ModelSerializer[Invitation]):
    """A link that was made; the link itself is not stored."""

    id = serializers.UUIDField(source="public_id")
    role = serializers.ChoiceField(Role.choices)

    class Meta:
        model = Invitation
        fields: tuple[str, ...] = (
            "id",
            "role",
            "created_at",
            "expires_at",
            "use_limit",
            "uses",
            "revoked_at",
        )


class NewInvitationSerializer(InvitationSerializer):
    """A link that was made just now: shown once."""

    url = serializers.SerializerMethodField()
    qr_svg = serializers.SerializerMethodField()

    class Meta(InvitationSerializer.Meta):
        fields = (*InvitationSerializer.Meta.fields, "url", "qr_svg")

    def get_url(self, invitation: Invitation) -> str:
        """The link."""
        return str(self.context["url"])

    def get_qr_svg(self, invitation: Invitation) -> str:
        """The link as a picture."""
        return qr_svg(str(self.context["url"]))


class InvitationPageView(APIView):
    """What an invitation is for."""

    permission_classes = (AllowAny,)
    throttle_classes = (JoinThrottle,)

    @extend_schema(
        tags=["people"],
        operation_id="get_invitation",
        summary="What an invitation is for, and whether it still works",
        responses=InvitationViewSerializer,
    )
    def get(self, request: Request, token: str) -> Response:
        """Show the project to who holds the link."""
        invitation = people_selectors.invitation_of(keys.digest_of(token))
        reason = people.why_not_valid(invitation, timezone.now())
        body = {"project": invitation.project, "role": invitation.role, "valid": not reason}
        if reason:
            body["reason"] = reason
        return Response(InvitationViewSerializer(body).data)


class AcceptView(BrowserView):
    """Joining."""

    throttle_classes = (JoinThrottle,)

    @extend_schema(
        tags=["people"],
        operation_id="accept_invitation",
        summary="Join a project",
        request=AcceptSerializer,
        responses={201: JoinedSerializer},
    )
    def post(self, request: Request, token: str) -> Response:
        """Join; this browser may label from now on."""
        given = AcceptSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        user_id = request.user.pk if isinstance(request.user, User) else None
        annotator, resume_token = people.accept_invitation(
            token=token,
            display_name=given.validated_data["display_name"],
            consented=given.validated_data["consent"],
            now=timezone.now(),
            user_id=user_id,
            annotator_ids=tuple(principals.joined_ids(request).values()),
        )
        links.become(request._request, annotator)
        body = {
            "annotator": {"id": annotator.public_id, "display_name": annotator.display_name},
            "resume_url": f"{settings.PUBLIC_URL}/resume/{resume_token}",
            "project": annotator.project.slug,
        }
        return Response(JoinedSerializer(body).data, status=201)


class StaffInvitationsView(APIView):
    """The links of a project."""

    @extend_schema(
        tags=["staff"],
        operation_id="list_invitations",
        summary="Links that were made",
        responses=InvitationSerializer(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        """List them, newest first."""
        project = project_for(request, slug, Role.MANAGER)
        rows = people_selectors.invitations(project.pk)
        return Response(InvitationSerializer(rows, many=True).data)

    @extend_schema(
        tags=["staff"],
        operation_id="invite",
        summary="Make a link; it is shown once",
        request=InviteSerializer,
        responses={201: NewInvitationSerializer},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Make one."""
        project = project_for(request, slug, Role.MANAGER)
        given = InviteSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        now: datetime = timezone.now()
        invitation, token = people.invite(
            project_id=project.pk,
            role=given.validated_data["role"],
            use_limit=given.validated_data["use_limit"],
            ttl=timedelta(days=given.validated_data["days"]),
            created_by_id=request.user.pk,
            now=now,
        )
        context = {"url": f"{settings.PUBLIC_URL}/join/{token}"}
        return Response(NewInvitationSerializer(invitation, context=context).data, status=201)


class RevokeInvitationView(APIView):
    """Withdraw a link."""

    @extend_schema(
        tags=["staff"],
        operation_id="revoke_invitation",
        summary="Withdraw a link; who joined stays",
        request=None,
        responses={204: None},
    )
    def post(self, request: Request, slug: str, public_id: str) -> Response:
        """Close it."""
        project = project_for(request, slug, Role.MANAGER)
        people.revoke_invitation(
            invitation_id=people_selectors.invitation(project.pk, public_id).pk,
            user_id=request.user.pk,
            now=timezone.now(),
        )
        return Response(status=204)


def qr_svg(url: str) -> str:
    """Draw an address as a QR code."""
    drawing = io.BytesIO()
    segno.make(url, error="m").save(drawing, kind="svg", scale=4, border=2, xmldecl=False)
    return drawing.getvalue().decode("utf-8")
