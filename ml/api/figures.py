"""What the staff room asks about labels to come, under `staff/projects/<slug>/`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.cache import patch_cache_control
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling.api.permissions import Role, project_for
from ml.api import figure_shapes as shapes
from ml.api.staff import is_known
from ml.selectors import outlook, top_up
from ml.services import top_up as services

if TYPE_CHECKING:
    from uuid import UUID

    from rest_framework.request import Request


class ForecastView(APIView):
    """How much further."""

    @extend_schema(
        tags=["staff"],
        operation_id="get_forecast",
        summary="Labels, answers, minutes and cost to the target, or why nobody can say",
        responses=shapes.OutlookShape,
    )
    def get(self, request: Request, slug: str) -> Response:
        """Give what was computed last; null before the first time."""
        project = project_for(request, slug, Role.MANAGER)
        found = outlook.page(project.pk)
        etag = f'"{found["computed_at"] or ""}"'
        if is_known(request.headers.get("If-None-Match", ""), etag):
            response = Response(status=304)
        else:
            response = Response(found)
        response["ETag"] = etag
        patch_cache_control(response, private=True, no_cache=True)
        return response


class TopUpView(APIView):
    """What a narrower interval costs."""

    @extend_schema(
        tags=["staff"],
        operation_id="get_top_up_cost",
        summary="Images and answers until a label's accuracy is known to a chosen width",
        parameters=[shapes.TopUpQuery],
        responses=shapes.TopUpShape,
    )
    def get(self, request: Request, slug: str) -> Response:
        """Say what it costs, and what the audit slice can give at all."""
        project = project_for(request, slug, Role.MANAGER)
        asked = shapes.TopUpQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        found = top_up.cost(
            project.pk,
            code=asked.validated_data["label"],
            half_width=asked.validated_data["half_width"],
            now=timezone.now(),
        )
        return Response(found)

    @extend_schema(
        tags=["staff"],
        operation_id="ask_for_top_up",
        summary="Let more new pictures that look like a label join the audit slice",
        request=shapes.TopUpQuery,
        responses={201: shapes.TopUpRequestShape(many=True)},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Ask for it; the chance they join by is stored with each, and weighed by."""
        project = project_for(request, slug, Role.MANAGER)
        asked = shapes.TopUpQuery(data=request.data)
        asked.is_valid(raise_exception=True)
        services.ask(
            project_id=project.pk,
            label_code=asked.validated_data["label"],
            half_width=asked.validated_data["half_width"],
            user_id=request.user.pk,
            now=timezone.now(),
        )
        return Response(_listed(project.pk), status=201)


class TopUpListView(APIView):
    """What is being measured more closely."""

    @extend_schema(
        tags=["staff"],
        operation_id="list_top_ups",
        summary="Labels that staff want to know better, and how well they are known by now",
        responses=shapes.TopUpRequestShape(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        """List what is under way, the oldest first."""
        project = project_for(request, slug, Role.MANAGER)
        return Response(_listed(project.pk))


class TopUpStopView(APIView):
    """Enough."""

    @extend_schema(
        tags=["staff"],
        operation_id="stop_top_up",
        summary="Let new pictures join the audit slice as all others",
        request=None,
        responses=shapes.TopUpRequestShape(many=True),
    )
    def post(self, request: Request, slug: str, public_id: UUID) -> Response:
        """Stop it; pictures that have joined stay and are weighed."""
        project = project_for(request, slug, Role.MANAGER)
        services.stop(
            project_id=project.pk,
            public_id=public_id,
            user_id=request.user.pk,
            now=timezone.now(),
        )
        return Response(_listed(project.pk))


def _listed(project_id: int) -> Any:
    return shapes.TopUpRequestShape(top_up.under_way(project_id), many=True).data
