"""`projects/<slug>/leaderboard`: only where the project wants one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling.api.permissions import project_for
from labeling.api.principals import labels_as
from labeling.selectors import impact

if TYPE_CHECKING:
    from rest_framework.request import Request


class LineSerializer(serializers.Serializer[Any]):
    """How much somebody gave."""

    display_name = serializers.CharField()
    answers = serializers.IntegerField()
    is_you = serializers.BooleanField()


class LeaderboardSerializer(serializers.Serializer[Any]):
    """Most answers first."""

    results = LineSerializer(many=True)


class LeaderboardView(APIView):
    """Who gave most."""

    @extend_schema(
        tags=["labeling"],
        operation_id="get_leaderboard",
        summary="Who gave most answers; 404 unless the project wants a leaderboard",
        responses=LeaderboardSerializer,
    )
    def get(self, request: Request, slug: str) -> Response:
        """List them."""
        project = project_for(request, slug)
        lines = impact.leaderboard(project, labels_as(request, project))
        return Response({"results": LineSerializer(lines, many=True).data})
