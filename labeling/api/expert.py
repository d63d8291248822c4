"""`projects/<slug>/expert`: one list of what waits for an expert, decided blind, by keyboard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling.api import queue_payloads as payloads
from labeling.api.permissions import Role, project_for
from labeling.api.principals import annotator_for
from labeling.api.roster import ShareSerializer
from labeling.selectors import adjudication as selectors
from labeling.selectors import gold as gold_selectors
from labeling.selectors import queue as queue_selectors
from labeling.services import expert

if TYPE_CHECKING:
    from uuid import UUID

    from rest_framework.request import Request

    from labeling.models import Annotation

DECISION_EXAMPLE = OpenApiExample(
    "a label", value={"kind": "LABEL", "label": "soy-milk"}, request_only=True
)
MOST = 20
LEFT = f"How many wait; {selectors.COUNTED} stands for as many or more."


class ExpertQuerySerializer(serializers.Serializer[Any]):
    """Where to go on."""

    after = serializers.UUIDField(required=False, help_text="The image shown last.")
    count = serializers.IntegerField(required=False, default=5, min_value=1, max_value=MOST)


class ItemSerializer(serializers.Serializer[Any]):
    """An image, and nothing about why it waits."""

    image = payloads.ImageRefSerializer()


class ExpertSerializer(serializers.Serializer[Any]):
    """What waits, and what this expert has done: questions settled, and gold references set."""

    left = serializers.IntegerField(help_text=LEFT)
    items = ItemSerializer(many=True)
    settled_by_you = serializers.IntegerField()
    gold_by_you = serializers.IntegerField()


class MayBeGoldSerializer(serializers.Serializer[Any]):
    """Whether the image just decided may be kept as gold, and whether it is."""

    may_be_gold = serializers.BooleanField()
    why_not = serializers.CharField(allow_null=True)
    is_gold = serializers.BooleanField()


class DecidedSerializer(serializers.Serializer[Any]):
    """The decision, what people had said, and how many images still wait."""

    annotation = payloads.AnnotationSerializer()
    answers = payloads.SaidSerializer(many=True)
    left = serializers.IntegerField(help_text=LEFT)
    gold = MayBeGoldSerializer()


class StratumSerializer(serializers.Serializer[Any]):
    """One kind of question."""

    open = serializers.IntegerField()
    settled = serializers.IntegerField()
    overturned = ShareSerializer()


class SummarySerializer(serializers.Serializer[Any]):
    """How far adjudication is."""

    open = serializers.IntegerField()
    settled = serializers.IntegerField()
    disagreements = StratumSerializer()
    agreements = StratumSerializer()
    share = serializers.FloatField()


class ExpertView(APIView):
    """What waits for an expert."""

    @extend_schema(
        tags=["experts"],
        operation_id="list_expert_questions",
        summary="Images that wait for an expert; to skip one, ask for those after it",
        parameters=[ExpertQuerySerializer],
        responses=ExpertSerializer,
    )
    def get(self, request: Request, slug: str) -> Response:
        """Give the images alone: an expert decides without knowing what others said."""
        project = project_for(request, slug, Role.EXPERT)
        annotator = annotator_for(request, project)
        asked = ExpertQuerySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        shown = selectors.upcoming(
            project.pk,
            annotator.pk,
            after=asked.validated_data.get("after"),
            count=asked.validated_data["count"],
        )
        return Response(
            {
                "left": selectors.left(project.pk),
                "items": [{"image": payloads.image(row)} for row in shown],
                "settled_by_you": selectors.decided_by(annotator.pk),
                "gold_by_you": gold_selectors.set_by(annotator.pk),
            }
        )


class ExpertImageView(APIView):
    """One question."""

    @extend_schema(
        tags=["experts"],
        operation_id="decide_expert_question",
        summary="Decide an image; what people had said comes with the reply",
        request=payloads.AdjudicationRequestSerializer,
        responses={201: DecidedSerializer},
        examples=[DECISION_EXAMPLE],
    )
    def post(self, request: Request, slug: str, public_id: UUID) -> Response:
        """Let the expert's word stand alone."""
        project = project_for(request, slug, Role.EXPERT)
        annotator = annotator_for(request, project)
        asked = payloads.AdjudicationRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        image_id = queue_selectors.image_id(project.pk, public_id)
        annotation = expert.decide(
            project_id=project.pk,
            image_id=image_id,
            annotator_id=annotator.pk,
            kind=asked.validated_data["kind"],
            label_code=asked.validated_data.get("label"),
            label_codes=asked.validated_data.get("labels", ()),
            now=timezone.now(),
        )
        said = queue_selectors.said_by_people(image_id)
        return Response(
            {
                "annotation": payloads.annotation(annotation),
                "answers": [
                    {"label": row.label_code, "kind": row.kind, "count": row.count} for row in said
                ],
                "left": selectors.left(project.pk),
                "gold": _gold(annotation),
            },
            status=201,
        )


def _gold(annotation: Annotation) -> dict[str, Any]:
    """Say whether a decision may be kept as gold; before it, this would tell why it was asked."""
    why_not = gold_selectors.why_not(annotation.image)
    is_label = annotation.kind == "LABEL"
    return {
        "may_be_gold": is_label and why_not is None,
        "why_not": why_not[1] if why_not else None if is_label else "Only a label can be gold.",
        "is_gold": gold_selectors.of_image(annotation.image_id) is not None,
    }


class AdjudicationView(APIView):
    """How far experts are with the audit slice."""

    @extend_schema(
        tags=["staff"],
        operation_id="get_adjudication",
        summary="Open and settled questions, and how often experts say otherwise",
        responses=SummarySerializer,
    )
    def get(self, request: Request, slug: str) -> Response:
        """Give both kinds."""
        project = project_for(request, slug, Role.MANAGER)
        return Response(SummarySerializer(selectors.summary(project)).data)
