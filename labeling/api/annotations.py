"""`projects/<slug>/annotations`: answer, look back, undo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling.api import practice, quick
from labeling.api import queue_payloads as payloads
from labeling.api.permissions import labeler_for, project_for
from labeling.api.principals import labels_as
from labeling.models import ABOUT_ONE_LABEL, Reason
from labeling.selectors import annotations as annotation_selectors
from labeling.selectors import counts
from labeling.services import annotations as annotation_service
from labeling.services import answering

if TYPE_CHECKING:
    from uuid import UUID

    from rest_framework.request import Request

    from labeling.models import Annotation
    from labeling.selectors.labelers import Labeler
    from labeling.selectors.recognition import Recognised


class AnnotationsView(APIView):
    """Answers of the annotator who asks."""

    @extend_schema(
        tags=["labeling"],
        operation_id="list_annotations",
        summary="The last 20 answers, newest first",
        parameters=[OpenApiParameter("mine", str, description="Always 1: only your own.")],
        responses=payloads.AnnotationListSerializer,
    )
    def get(self, request: Request, slug: str) -> Response:
        """Give what can be undone."""
        annotator = labels_as(request, project_for(request, slug))
        rows = annotation_selectors.undoable(annotator.pk)
        return Response({"results": [payloads.annotation(row) for row in rows]})

    @extend_schema(
        tags=["labeling"],
        operation_id="submit_annotation",
        summary="Answer an assignment and fill the window again",
        request=payloads.AnswerRequestSerializer,
        responses={201: payloads.AnsweredSerializer, 200: payloads.AnsweredSerializer},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Store one answer: 201, or 200 where the same key and answer were stored before."""
        labeler = labeler_for(request, slug)
        asked = payloads.AnswerRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        status, body = answer(labeler, asked.validated_data)
        return Response(body, status=status)

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Answer the page's plain requests by the short way (`labeling.api.quick`)."""
        if request.method == "POST":
            reply = quick.respond(request, kwargs["slug"], answer)
            if reply is not None:
                return reply
        return super().dispatch(request, *args, **kwargs)


def answer(
    labeler: Labeler, said: dict[str, Any], proof: Recognised | None = None
) -> tuple[int, dict[str, Any]]:
    """Store what was said and fill the window again; give the status and body of the reply."""
    now = timezone.now()
    answered = answering.answer_and_refill(
        labeler=labeler,
        client=said["client"],
        assignment_public_id=said["assignment"],
        key=said["key"],
        kind=said["kind"],
        label_codes=said["labels"],
        flag_reason=said.get("flag_reason", ""),
        time_spent_ms=said.get("time_spent_ms"),
        shown=said.get("shown", {}),
        now=now,
        proof=proof,
    )
    is_repeat, decided = answered.submitted.is_repeat, int(answered.submitted.decides)
    project, annotation = labeler.project, answered.submitted.annotation
    stored = [] if is_repeat else [_stored(annotation)]
    progress = counts.at_work(labeler, now, decided=decided, stored=stored)
    is_of_one_label = annotation.kind in ABOUT_ONE_LABEL  # The page need not name it.
    named = None if is_repeat or is_of_one_label else said["labels"]
    body = {
        "annotation": payloads.annotation(annotation, named),
        "after": practice.after(annotation, project),
        **payloads.claimed(answered.claimed, progress),
    }
    return 200 if is_repeat else 201, body


def _stored(annotation: Annotation) -> counts.Said:
    """Say what the counts beside the image need to know of an answer."""
    held = annotation.assignment
    return counts.Said(annotation.kind, held is not None and held.reason == Reason.GOLD)


class UndoView(APIView):
    """Take an answer back."""

    @extend_schema(
        tags=["labeling"],
        operation_id="undo_annotation",
        summary="Take back one of the last 20 answers",
        request=payloads.UndoRequestSerializer,
        responses=payloads.UndoneSerializer,
    )
    def post(self, request: Request, slug: str, public_id: UUID) -> Response:
        """Withdraw the answer and hand its image out again, to the same person."""
        labeler, now = labeler_for(request, slug), timezone.now()
        asked = payloads.UndoRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        undone = annotation_service.undo(
            annotator_id=labeler.annotator.pk,
            annotation_public_id=public_id,
            key=asked.validated_data["key"],
            client=asked.validated_data.get("client"),
            now=now,
        )
        again = undone.assignment
        progress = counts.at_work(labeler, now, decided=-int(undone.reopens))
        return Response(
            {
                "annotation": {"id": str(undone.annotation.public_id)},
                "assignment": None if again is None else payloads.assignment(again),
                "progress": payloads.progress(progress),
            }
        )
