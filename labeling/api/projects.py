"""`staff/projects`: make a project, read and change its settings, pause it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling.api.permissions import IsUser, RoleTooLowError, project_for
from labeling.api.principals import signed_in
from labeling.models import Mode, Project, Role
from labeling.selectors import people as people_selectors
from labeling.selectors import projects as project_selectors
from labeling.services import projects

if TYPE_CHECKING:
    from rest_framework.request import Request


class ProjectLineSerializer(serializers.ModelSerializer[Project]):
    """A project in a list."""

    class Meta:
        model = Project
        fields = ("slug", "name", "description")


class CreateProjectSerializer(serializers.Serializer[Any]):
    """A new project."""

    name = serializers.CharField(max_length=120)
    classes = serializers.ListField(
        child=serializers.CharField(max_length=80), min_length=1, max_length=1000
    )
    mode = serializers.ChoiceField(
        Mode.choices,
        default=Mode.SINGLE,
        help_text="MULTI: an image may bear several labels. It stays as it is made.",
    )


class SettingsSerializer(serializers.ModelSerializer[Project]):
    """What a manager may change; the service holds the same list."""

    monthly_budget = serializers.DecimalField(
        max_digits=10, decimal_places=2, min_value=0, coerce_to_string=False
    )
    price_per_device_hour = serializers.DecimalField(
        max_digits=10, decimal_places=4, min_value=0, coerce_to_string=False
    )

    class Meta:
        model = Project
        fields: tuple[str, ...] = (*sorted(projects.SETTINGS), "guide")


class StaffProjectSerializer(SettingsSerializer):
    """A project with all its settings."""

    labeling_paused = serializers.SerializerMethodField()
    training_paused = serializers.SerializerMethodField()

    class Meta(SettingsSerializer.Meta):
        fields = (
            *SettingsSerializer.Meta.fields,
            "slug",
            "mode",
            "created_at",
            "labeling_paused",
            "training_paused",
        )

    def get_labeling_paused(self, project: Project) -> bool:
        """Whether nobody gets images."""
        return project.labeling_paused_at is not None

    def get_training_paused(self, project: Project) -> bool:
        """Whether nothing is trained."""
        return project.training_paused_at is not None


class PauseSerializer(serializers.Serializer[Any]):
    """What to stop or let go on."""

    what = serializers.ChoiceField(["labeling", "training"])
    paused = serializers.BooleanField()


class StaffProjectsView(APIView):
    """The projects of the signed-in user."""

    permission_classes = (IsUser,)

    @extend_schema(
        tags=["staff"],
        operation_id="list_projects",
        summary="Your projects",
        responses=ProjectLineSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """List them by name."""
        rows = project_selectors.accessible_to(signed_in(request))
        return Response(ProjectLineSerializer(rows, many=True).data)

    @extend_schema(
        tags=["staff"],
        operation_id="create_project",
        summary="Make a project; you own it",
        request=CreateProjectSerializer,
        responses={201: StaffProjectSerializer},
    )
    def post(self, request: Request) -> Response:
        """Make one. Only who manages a project already, or an owner of all of Larder, may."""
        user = signed_in(request)
        if not user.is_superuser and not people_selectors.may_create_projects(user.pk):
            raise RoleTooLowError("Only managers and owners make projects.")
        given = CreateProjectSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        project = projects.create_project(
            **given.validated_data, created_by_id=user.pk, now=timezone.now()
        )
        return Response(StaffProjectSerializer(project).data, status=201)


class StaffProjectView(APIView):
    """One project."""

    @extend_schema(
        tags=["staff"],
        operation_id="get_project",
        summary="A project's settings",
        responses=StaffProjectSerializer,
    )
    def get(self, request: Request, slug: str) -> Response:
        """Read them."""
        project = project_for(request, slug, Role.MANAGER)
        return Response(StaffProjectSerializer(project).data)

    @extend_schema(
        tags=["staff"],
        operation_id="update_project",
        summary="Change settings or the guide",
        request=SettingsSerializer(partial=True),
        responses=StaffProjectSerializer,
    )
    def patch(self, request: Request, slug: str) -> Response:
        """Change those that were sent."""
        project = project_for(request, slug, Role.MANAGER)
        given = SettingsSerializer(project, data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        changed = projects.change(
            project_id=project.pk,
            now=timezone.now(),
            user_id=request.user.pk,
            **given.validated_data,
        )
        return Response(StaffProjectSerializer(changed).data)


class PauseView(APIView):
    """Pause and resume."""

    @extend_schema(
        tags=["staff"],
        operation_id="pause_project",
        summary="Pause or resume labeling or training",
        request=PauseSerializer,
        responses=StaffProjectSerializer,
    )
    def post(self, request: Request, slug: str) -> Response:
        """Do it; twice is as once."""
        project = project_for(request, slug, Role.MANAGER)
        given = PauseSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        changed = projects.set_paused(
            project_id=project.pk,
            now=timezone.now(),
            user_id=request.user.pk,
            **given.validated_data,
        )
        return Response(StaffProjectSerializer(changed).data)
