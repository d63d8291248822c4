"""`projects/<slug>/assignments`: claim, renew, give back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling.api import queue_payloads as payloads
from labeling.api.parsers import SoundJSONParser
from labeling.api.permissions import labeler_for
from labeling.selectors import counts
from labeling.services import queue

if TYPE_CHECKING:
    from rest_framework.request import Request


class AssignmentsView(APIView):
    """Images to label."""

    @extend_schema(
        tags=["labeling"],
        operation_id="claim_assignments",
        summary="Fill the window of one tab",
        request=payloads.ClaimRequestSerializer,
        responses=payloads.ClaimedSerializer,
    )
    def post(self, request: Request, slug: str) -> Response:
        """Give everything the tab holds then; asking again gives the same images."""
        labeler, now = labeler_for(request, slug), timezone.now()
        asked = payloads.ClaimRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        found = queue.claim(
            project_id=labeler.project.pk,
            annotator_id=labeler.annotator.pk,
            count=asked.validated_data.get("count", labeler.project.client_window),
            client=asked.validated_data["client"],
            now=now,
        )
        return Response(payloads.claimed(found, counts.at_work(labeler, now)))


class RenewView(APIView):
    """While a page is open and visible, its images stay with it."""

    @extend_schema(
        tags=["labeling"],
        operation_id="renew_assignments",
        summary="Keep what a tab holds",
        request=payloads.ClientSerializer,
        responses=payloads.RenewedSerializer,
    )
    def post(self, request: Request, slug: str) -> Response:
        """Say until when."""
        annotator = labeler_for(request, slug).annotator
        asked = payloads.ClientSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        until = queue.renew(
            annotator_id=annotator.pk, client=asked.validated_data["client"], now=timezone.now()
        )
        return Response({"expires_at": until})


class ReleaseView(APIView):
    """A page that closes gives its images back; `navigator.sendBeacon` can only send a form."""

    parser_classes = (SoundJSONParser, MultiPartParser, FormParser)

    @extend_schema(
        tags=["labeling"],
        operation_id="release_assignments",
        summary="Give back what a tab holds",
        request=payloads.ReleaseRequestSerializer,
        responses={204: OpenApiResponse(description="Given back, or about to be.")},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Others can claim them: at once, or where the page may return, when it has not."""
        annotator, now = labeler_for(request, slug).annotator, timezone.now()
        asked = payloads.ReleaseRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        give_back = queue.leave if asked.validated_data["may_return"] else queue.release
        give_back(annotator_id=annotator.pk, client=asked.validated_data["client"], now=now)
        return Response(status=204)
