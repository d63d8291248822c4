"""What the staff room asks about labels to come, under `staff/projects/<slug>/`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.cache import patch_cache_control
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling.api.permissions import Role, project_for
from ml.api import figure_shapes as shapes
from ml.api.staff import is_known
from ml.selectors import outlook, top_up

if TYPE_CHECKING:
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
        )
        return Response(found)
