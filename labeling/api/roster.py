"""`staff/projects/<slug>/people`: who answers and how well; pause, quarantine, role, anonymise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling.api import queue_payloads as payloads
from labeling.api.permissions import Role, holds_role, project_for
from labeling.api.practice import NamedLabelSerializer
from labeling.api.principals import signed_in
from labeling.models import PausedReason
from labeling.selectors import roster as selectors
from labeling.services import quarantine, roster

if TYPE_CHECKING:
    from uuid import UUID

    from rest_framework.request import Request

    from labeling.models import Annotation, Annotator, Project

PAUSE_EXAMPLE = OpenApiExample(
    "pause", value={"paused": True, "why": "Answers faster than one can look."}, request_only=True
)
PERSON_EXAMPLE = OpenApiExample(
    "a volunteer",
    value={
        "id": "5f0c1c8e-93a8-4b13-a0a7-0f5d2b6d8f11",
        "display_name": "Ada",
        "role": "VOLUNTEER",
        "has_account": False,
        "is_you": False,
        "answers": 214,
        "skips": 9,
        "joined_at": "2026-02-20T09:00:00Z",
        "last_seen_at": "2026-03-01T12:00:00Z",
        "skill": {"estimate": 0.86, "low": 0.8, "high": 0.91, "n": 131.4},
        "gold": {
            "right": 18,
            "wrong": 2,
            "interval": {"estimate": 0.86, "low": 0.7, "high": 0.97, "n": 20},
        },
        "paused": False,
        "paused_reason": "",
        "paused_at": None,
        "pause_lifted_at": None,
        "quarantined": False,
        "quarantined_at": None,
        "anonymised": False,
        "onboarded": True,
        "suggestions": None,
    },
    response_only=True,
)
ANONYMISE_EXAMPLE = OpenApiExample("confirm", value={"display_name": "Ada"}, request_only=True)


class ShareSerializer(serializers.Serializer[Any]):
    """A share with its 95 % interval; `estimate` is null where nothing is known."""

    estimate = serializers.FloatField(allow_null=True)
    low = serializers.FloatField()
    high = serializers.FloatField()
    n = serializers.FloatField()


class GoldCountSerializer(serializers.Serializer[Any]):
    """Answers to gold images."""

    right = serializers.IntegerField()
    wrong = serializers.IntegerField()
    interval = ShareSerializer(allow_null=True)


class SuggestionsSerializer(serializers.Serializer[Any]):
    """What suggestions do to somebody's answers."""

    accepted_wrong = ShareSerializer()
    same_without = ShareSerializer()
    shown = serializers.IntegerField()


class PersonSerializer(serializers.Serializer[Any]):
    """Somebody who answers."""

    id = serializers.UUIDField()
    display_name = serializers.CharField()
    role = serializers.ChoiceField(Role.choices)
    has_account = serializers.BooleanField()
    is_you = serializers.BooleanField()
    answers = serializers.IntegerField(help_text="A skip is none.")
    skips = serializers.IntegerField()
    joined_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField(allow_null=True)
    skill = ShareSerializer(allow_null=True)
    gold = GoldCountSerializer()
    paused = serializers.BooleanField()
    paused_reason = serializers.ChoiceField(PausedReason.choices, allow_blank=True)
    paused_at = serializers.DateTimeField(allow_null=True)
    pause_lifted_at = serializers.DateTimeField(allow_null=True)
    quarantined = serializers.BooleanField()
    quarantined_at = serializers.DateTimeField(allow_null=True)
    anonymised = serializers.BooleanField()
    onboarded = serializers.BooleanField()
    suggestions = SuggestionsSerializer(allow_null=True)


class OfLabelSerializer(serializers.Serializer[Any]):
    """How well somebody knows one label."""

    code = serializers.CharField()
    name = serializers.CharField()
    interval = ShareSerializer()


class ConfusedSerializer(serializers.Serializer[Any]):
    """What somebody takes for what."""

    truth = NamedLabelSerializer()
    said = NamedLabelSerializer()
    count = serializers.FloatField()


class EventSerializer(serializers.Serializer[Any]):
    """What was done about somebody, by whom."""

    at = serializers.DateTimeField()
    verb = serializers.CharField()
    by = serializers.CharField(source="user.username", allow_null=True, default=None)
    detail = serializers.JSONField()


class RecentSerializer(serializers.Serializer[Any]):
    """A recent answer beside what stands now."""

    image = payloads.ImageRefSerializer()
    kind = serializers.ChoiceField(payloads.ANSWERS)
    said = serializers.CharField(allow_null=True, help_text="Code of the label.")
    said_name = serializers.CharField(allow_null=True)
    stands = serializers.CharField(allow_null=True)
    stands_name = serializers.CharField(allow_null=True)
    at = serializers.DateTimeField()


class ReplaySerializer(serializers.Serializer[Any]):
    """How far setting answers aside, or bringing them back, has come."""

    done = serializers.IntegerField()
    total = serializers.IntegerField(allow_null=True)


class PersonDetailSerializer(PersonSerializer):
    """Somebody with what they know, what they mix up, and what was done."""

    by_label = OfLabelSerializer(many=True)
    confused = ConfusedSerializer(many=True)
    events = EventSerializer(many=True)
    recent = RecentSerializer(many=True)
    replay = ReplaySerializer(allow_null=True)


class PausePersonSerializer(serializers.Serializer[Any]):
    """Pause or let go on."""

    paused = serializers.BooleanField()
    why = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")


class QuarantineSerializer(serializers.Serializer[Any]):
    """Set answers aside, or take them back in."""

    quarantined = serializers.BooleanField()
    why = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")


class AnonymiseSerializer(serializers.Serializer[Any]):
    """The name to remove, typed again."""

    display_name = serializers.CharField(max_length=60)


class GiveRoleSerializer(serializers.Serializer[Any]):
    """The role to hold from now on; null for none."""

    role = serializers.ChoiceField(Role.choices, allow_null=True)


class PeopleView(APIView):
    """Who answers."""

    @extend_schema(
        tags=["staff"],
        operation_id="list_people",
        summary="Who answers, how much and how well; most answers first",
        responses=PersonSerializer(many=True),
        examples=[PERSON_EXAMPLE],
    )
    def get(self, request: Request, slug: str) -> Response:
        """List them."""
        project = project_for(request, slug, Role.MANAGER)
        rows = selectors.everybody(project.pk, request.user.pk)
        return Response(PersonSerializer(rows, many=True).data)


class PersonView(APIView):
    """One person."""

    @extend_schema(
        tags=["staff"],
        operation_id="get_person",
        summary="What somebody knows, mixes up and did last",
        responses=PersonDetailSerializer,
    )
    def get(self, request: Request, slug: str, public_id: UUID) -> Response:
        """Give everything about them."""
        return detail(request, project_for(request, slug, Role.MANAGER), public_id)


class PausePersonView(APIView):
    """Whether somebody gets images."""

    @extend_schema(
        tags=["staff"],
        operation_id="pause_person",
        summary="Pause somebody, or lift their pause for good",
        request=PausePersonSerializer,
        responses=PersonDetailSerializer,
        examples=[PAUSE_EXAMPLE],
    )
    def post(self, request: Request, slug: str, public_id: UUID) -> Response:
        """Do it; twice is as once. A lift sticks until new gold answers speak against it."""
        project, person = addressed(request, slug, public_id)
        asked = PausePersonSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        roster.set_paused(
            annotator_id=person.pk,
            is_paused=asked.validated_data["paused"],
            why=asked.validated_data["why"],
            user_id=signed_in(request).pk,
            now=timezone.now(),
        )
        return detail(request, project, public_id)


class QuarantineView(APIView):
    """Whether somebody's answers count."""

    @extend_schema(
        tags=["staff"],
        operation_id="quarantine_person",
        summary="Set somebody's answers aside as if never given, or take them back in",
        request=QuarantineSerializer,
        responses=PersonDetailSerializer,
    )
    def post(self, request: Request, slug: str, public_id: UUID) -> Response:
        """Do it; a small project is concluded again at once, a big one by a job."""
        project, person = addressed(request, slug, public_id)
        asked = QuarantineSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        change = quarantine.quarantine if asked.validated_data["quarantined"] else quarantine.lift
        change(
            annotator_id=person.pk,
            user_id=signed_in(request).pk,
            why=asked.validated_data["why"],
            now=timezone.now(),
            clock=timezone.now,
        )
        return detail(request, project, public_id)


class AnonymiseView(APIView):
    """Somebody's name."""

    @extend_schema(
        tags=["staff"],
        operation_id="anonymise_person",
        summary="Remove somebody's name for good; their answers stay",
        request=AnonymiseSerializer,
        responses=PersonDetailSerializer,
        examples=[ANONYMISE_EXAMPLE],
    )
    def post(self, request: Request, slug: str, public_id: UUID) -> Response:
        """Do it once the name was typed again."""
        project, person = addressed(request, slug, public_id)
        asked = AnonymiseSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        roster.anonymise(
            annotator_id=person.pk,
            display_name=asked.validated_data["display_name"],
            user_id=signed_in(request).pk,
            is_by_owner=holds_role(request, project, Role.OWNER),
            now=timezone.now(),
        )
        return detail(request, project, public_id)


class RoleView(APIView):
    """Somebody's role."""

    @extend_schema(
        tags=["staff"],
        operation_id="set_role",
        summary="Give somebody another role, or none",
        request=GiveRoleSerializer,
        responses=PersonDetailSerializer,
    )
    def post(self, request: Request, slug: str, public_id: UUID) -> Response:
        """Do it; managers deal in volunteers and experts alone."""
        project, person = addressed(request, slug, public_id)
        asked = GiveRoleSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        roster.give_role(
            annotator_id=person.pk,
            role=asked.validated_data["role"],
            by_id=signed_in(request).pk,
            is_by_owner=holds_role(request, project, Role.OWNER),
            now=timezone.now(),
        )
        return detail(request, project, public_id)


def addressed(request: Request, slug: str, public_id: UUID) -> tuple[Project, Annotator]:
    """Give the project and the person of an address, to a manager."""
    project = project_for(request, slug, Role.MANAGER)
    return project, selectors.somebody(project.pk, public_id)


def detail(request: Request, project: Project, public_id: UUID) -> Response:
    """Answer with everything about one person."""
    found = selectors.detail(project.pk, public_id, request.user.pk)
    body = {
        **PersonSerializer(found.person).data,
        "by_label": OfLabelSerializer(found.by_label, many=True).data,
        "confused": ConfusedSerializer(found.confused, many=True).data,
        "events": EventSerializer(found.events, many=True).data,
        "recent": [_recent(row) for row in found.recent],
        "replay": None if found.replay is None else ReplaySerializer(found.replay).data,
    }
    return Response(body)


def _recent(row: Annotation) -> dict[str, Any]:
    consensus = getattr(row.image, "consensus", None)
    stands = consensus.label if consensus else None
    said = next((one.label for one in row.labels.all()), None)
    return {
        "image": payloads.image(row.image),
        "kind": row.kind,
        "said": said.code if said else None,
        "said_name": said.name if said else None,
        "stands": stands.code if stands else None,
        "stands_name": stands.name if stands else None,
        "at": row.created_at,
    }
