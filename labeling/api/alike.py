"""`projects/<slug>/annotations/<id>/alike`: images nearly the same, confirmed at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling.api import queue_payloads as payloads
from labeling.api.permissions import labeler_for
from labeling.selectors import counts
from labeling.selectors.alike import MOST_MEMBERS
from labeling.services import all_the_same

if TYPE_CHECKING:
    from uuid import UUID

    from rest_framework.request import Request


class GridSerializer(serializers.Serializer[Any]):
    """The images of a grid, held for its tab."""

    assignments = payloads.AssignmentSerializer(many=True)


class TickedSerializer(serializers.Serializer[Any]):
    """An image that is the same."""

    assignment = serializers.UUIDField()
    key = serializers.UUIDField(help_text="Made up for this answer; a retry sends the same.")


class AllTheSameSerializer(payloads.ClientSerializer):
    """What is the same and what is not."""

    ticked = serializers.ListField(child=TickedSerializer(), max_length=MOST_MEMBERS)
    unticked = serializers.ListField(child=serializers.UUIDField(), max_length=MOST_MEMBERS)
    time_spent_ms = serializers.IntegerField(
        required=False, allow_null=True, min_value=0, max_value=24 * 3600 * 1000
    )


class ConfirmedSerializer(serializers.Serializer[Any]):
    """What was stored; `lost` images went to somebody else meanwhile."""

    annotations = payloads.AnnotationSerializer(many=True)
    lost = serializers.IntegerField()
    progress = payloads.ProgressSerializer()


class AlikeView(APIView):
    """The images nearly the same as one that was just answered."""

    @extend_schema(
        tags=["labeling"],
        operation_id="claim_alike",
        summary="Hold the free images nearly the same, to confirm them at once",
        request=payloads.ClientSerializer,
        responses=GridSerializer,
    )
    def post(self, request: Request, slug: str, public_id: UUID) -> Response:
        """Give at most 19; asking again gives the same."""
        labeler = labeler_for(request, slug)
        asked = payloads.ClientSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        held = all_the_same.claim(
            annotator_id=labeler.annotator.pk,
            annotation_public_id=public_id,
            client=asked.validated_data["client"],
            now=timezone.now(),
        )
        return Response({"assignments": [payloads.assignment(row) for row in held]})


class AllTheSameView(APIView):
    """Confirm them."""

    @extend_schema(
        tags=["labeling"],
        operation_id="answer_alike",
        summary="Give each ticked image the label; the others go back to the queue",
        request=AllTheSameSerializer,
        responses=ConfirmedSerializer,
    )
    def post(self, request: Request, slug: str, public_id: UUID) -> Response:
        """Store one answer a ticked image, all or none."""
        labeler, now = labeler_for(request, slug), timezone.now()
        asked = AllTheSameSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        said = asked.validated_data
        done = all_the_same.confirm(
            annotator_id=labeler.annotator.pk,
            annotation_public_id=public_id,
            client=said["client"],
            ticked=[all_the_same.Ticked(**one) for one in said["ticked"]],
            unticked=said["unticked"],
            time_spent_ms=said.get("time_spent_ms"),
            now=now,
        )
        progress = counts.at_work(labeler, now, decided=done.decided)
        return Response(
            {
                "annotations": [payloads.annotation(row) for row in done.annotations],
                "lost": done.lost,
                "progress": payloads.progress(progress),
            }
        )
