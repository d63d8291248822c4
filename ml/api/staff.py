"""The staff room's figures and levers, under `staff/projects/<slug>/`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import StreamingHttpResponse
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.http import parse_etags
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling.api.permissions import Role, project_for
from labeling.selectors import images
from labeling.services import exports
from ml.api import staff_shapes as shapes
from ml.errors import MlError
from ml.selectors import history, mix_ups, overview, runs, versions
from ml.services import registry, training_requests

if TYPE_CHECKING:
    from uuid import UUID

    from rest_framework.request import Request

CELL_LIMIT = 60
SCOPE_EXPORT = "export"
CONTENT_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}


class VersionNotFoundError(MlError):
    """The project has no such model version."""

    code = "not_found"
    status = 404


class OverviewView(APIView):
    """The live page."""

    @extend_schema(
        tags=["staff"],
        operation_id="get_overview",
        summary="Accuracy, labels, queue and training now; 304 while nothing has changed",
        responses=shapes.OverviewShape,
    )
    def get(self, request: Request, slug: str) -> Response:
        """Answer 304 to `If-None-Match` without computing anything expensive."""
        project = project_for(request, slug, Role.MANAGER)
        found = overview.state(project.pk, now=timezone.now())
        etag = f'"{found.fingerprint}"'
        if is_known(request.headers.get("If-None-Match", ""), etag):
            response = Response(status=304)
        else:
            response = Response(overview.page(found))
        response["ETag"] = etag
        patch_cache_control(response, private=True, no_cache=True)
        return response


def is_known(if_none_match: str, etag: str) -> bool:
    """Tell whether a client has this state; a proxy that compresses weakens its tag."""
    return etag in (tag.removeprefix("W/") for tag in parse_etags(if_none_match))


class ConfusionView(APIView):
    """What is taken for what."""

    @extend_schema(
        tags=["staff"],
        operation_id="get_confusion",
        summary="Counts over resolved audit images",
        responses=shapes.ConfusionShape,
    )
    def get(self, request: Request, slug: str) -> Response:
        """Give the matrix of the champion."""
        project = project_for(request, slug, Role.MANAGER)
        return Response(mix_ups.confusion_of_champion(project.pk))


class CellView(APIView):
    """The images behind one cell."""

    @extend_schema(
        tags=["staff"],
        operation_id="list_confusion_images",
        summary="Images of one cell, the surest prediction first",
        parameters=[shapes.CellQuery],
        responses=shapes.CellImageShape(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        """Give at most 60."""
        project = project_for(request, slug, Role.MANAGER)
        asked = shapes.CellQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        cell = mix_ups.cell_of_champion(project.pk, **asked.validated_data)[:CELL_LIMIT]
        public_ids = images.public_ids([image_id for image_id, _ in cell])
        return Response(
            [
                {
                    "id": str(public_ids[image_id]),
                    "thumb_url": f"/api/v1/images/{public_ids[image_id]}/thumb",
                    "full_url": f"/api/v1/images/{public_ids[image_id]}/full",
                    "p": p,
                }
                for image_id, p in cell
            ]
        )


class HistoryView(APIView):
    """How it went."""

    @extend_schema(
        tags=["staff"],
        operation_id="get_history",
        summary="Labels, answers and accuracy, version by version",
        responses=shapes.HistoryShape,
    )
    def get(self, request: Request, slug: str) -> Response:
        """Give every version that ever served, oldest first."""
        project = project_for(request, slug, Role.MANAGER)
        return Response({"points": history.points(project.pk)})


class VersionsView(APIView):
    """The registry."""

    @extend_schema(
        tags=["staff"],
        operation_id="list_versions",
        summary="Model versions with evidence and verdict, newest first",
        responses=shapes.VersionShape(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        """List them."""
        project = project_for(request, slug, Role.MANAGER)
        return Response(versions.newest(project.pk))


class RollBackView(APIView):
    """The way back."""

    @extend_schema(
        tags=["staff"],
        operation_id="roll_back",
        summary="Let an earlier version serve",
        request=shapes.RollBackRequest,
        responses=shapes.VersionShape(many=True),
    )
    def post(self, request: Request, slug: str, public_id: UUID) -> Response:
        """Move the champion pointer; nothing is deleted."""
        project = project_for(request, slug, Role.MANAGER)
        asked = shapes.RollBackRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        stored = versions.stored(public_id)
        if stored is None or stored.project_id != project.pk:
            raise VersionNotFoundError("This project has no such version.")
        registry.roll_back(
            project_id=project.pk,
            to_version_id=stored.id,
            user_id=request.user.pk,
            reason=asked.validated_data["reason"]
            or f"Set aside by a manager in favour of v{stored.number}.",
            now=timezone.now(),
        )
        return Response(versions.newest(project.pk))


class TrainView(APIView):
    """Train now."""

    @extend_schema(
        tags=["staff"],
        operation_id="train",
        summary="Ask for a head refit, a fine-tune, or a head of another kind",
        request=shapes.TrainRequest,
        responses=shapes.RunShape,
    )
    def post(self, request: Request, slug: str) -> Response:
        """Queue it, or give the run that waits already."""
        project = project_for(request, slug, Role.MANAGER)
        asked = shapes.TrainRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        public_id = training_requests.by_hand(
            project_id=project.pk,
            kind=asked.validated_data["kind"],
            user_id=request.user.pk,
            now=timezone.now(),
        )
        return Response(runs.one(public_id), status=202)


class RunsView(APIView):
    """What was trained."""

    @extend_schema(
        tags=["staff"],
        operation_id="list_runs",
        summary="Training runs with their seconds and price, newest first",
        responses=shapes.RunShape(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        """List the newest 50."""
        project = project_for(request, slug, Role.MANAGER)
        return Response(runs.newest(project.pk))


class ExportView(APIView):
    """Labels, answers, gold references and experts' questions, streamed."""

    @extend_schema(
        tags=["staff"],
        operation_id="export",
        summary="Download labels (a row an image), answers, gold or experts' questions",
        parameters=[
            OpenApiParameter("what", str, enum=[*exports.TABLES], default="labels"),
            OpenApiParameter("file_format", str, enum=["csv", "jsonl"], default="csv"),
        ],
        responses={(200, "text/csv"): OpenApiTypes.STR},
    )
    def get(self, request: Request, slug: str) -> StreamingHttpResponse:
        """Stream it in constant memory."""
        project = project_for(request, slug, Role.MANAGER, scope=SCOPE_EXPORT)
        what = request.query_params.get("what", "labels")
        # Not `format`: that name chooses a renderer in Django REST framework.
        file_format = request.query_params.get("file_format", "csv")
        lines = exports.stream(project_id=project.pk, table=what, file_format=file_format)
        response = StreamingHttpResponse(lines, content_type=CONTENT_TYPES[file_format])
        name = f"{project.slug}-{what}.{file_format}"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        return response
