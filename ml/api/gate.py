"""The gate as managers meet it: why what serves serves, and a yes or no to what waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling.api.permissions import Role, project_for
from ml.api import gate_shapes as shapes
from ml.api.staff import VersionNotFoundError
from ml.selectors import gate_history, versions
from ml.services import deployment

if TYPE_CHECKING:
    from uuid import UUID

    from rest_framework.request import Request


class GateView(APIView):
    """Looks and verdicts."""

    @extend_schema(
        tags=["staff"],
        operation_id="get_gate",
        summary="Why this version serves, which ones wait, and what the audit slice said",
        responses=shapes.GateShape,
    )
    def get(self, request: Request, slug: str) -> Response:
        """Give the newest 40 comparisons."""
        project = project_for(request, slug, Role.MANAGER)
        return Response(gate_history.page(project.pk))


class ServeView(APIView):
    """Yes."""

    @extend_schema(
        tags=["staff"],
        operation_id="serve_version",
        summary="Let a waiting version serve",
        request=None,
        responses=shapes.GateShape,
    )
    def post(self, request: Request, slug: str, public_id: UUID) -> Response:
        """A head at once; a new backbone when the pool has its vectors."""
        project = project_for(request, slug, Role.MANAGER)
        deployment.approve(
            project_id=project.pk,
            version_id=_version_id(project.pk, public_id),
            user_id=request.user.pk,
            now=timezone.now(),
        )
        return Response(gate_history.page(project.pk))


class SetAsideView(APIView):
    """No."""

    @extend_schema(
        tags=["staff"],
        operation_id="set_version_aside",
        summary="Set a waiting version aside for good",
        request=shapes.SetAsideRequest,
        responses=shapes.GateShape,
    )
    def post(self, request: Request, slug: str, public_id: UUID) -> Response:
        """Keep its record and the reason."""
        project = project_for(request, slug, Role.MANAGER)
        asked = shapes.SetAsideRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        deployment.decline(
            project_id=project.pk,
            version_id=_version_id(project.pk, public_id),
            user_id=request.user.pk,
            reason=asked.validated_data["reason"],
            now=timezone.now(),
        )
        return Response(gate_history.page(project.pk))


def _version_id(project_id: int, public_id: UUID) -> int:
    stored = versions.stored(public_id)
    if stored is None or stored.project_id != project_id:
        raise VersionNotFoundError("This project has no such version.")
    return stored.id
