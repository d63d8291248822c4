"""`staff/projects/<slug>/labels`: the scheme as staff see and change it, and example pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling.api.permissions import project_for
from labeling.models import Label, Role
from labeling.selectors import projects as project_selectors
from labeling.services import projects

if TYPE_CHECKING:
    from rest_framework.request import Request


class StaffLabelSerializer(serializers.ModelSerializer[Label]):
    """A label, retired or not."""

    example_url = serializers.SerializerMethodField()
    group = serializers.CharField(
        source="parent.code", allow_null=True, default=None, help_text="Code of its group."
    )

    became = serializers.SerializerMethodField(
        help_text="Codes of what a retired label is a part of now, or was split into."
    )

    class Meta:
        model = Label
        fields = (
            "became",
            "code",
            "name",
            "description",
            "key",
            "colour",
            "retired_at",
            "example_url",
            "group",
        )

    def get_became(self, label: Label) -> list[str]:
        """Name what it became; nothing where it stands, or was only retired."""
        return list(self.context.get("heirs", {}).get(label.code, ()))

    def get_example_url(self, label: Label) -> str | None:
        """Where its example picture is; the number makes a new picture a new address."""
        newest = next(iter(label.examples.all()), None)
        if newest is None:
            return None
        slug = self.context["slug"]
        return f"/api/v1/projects/{slug}/labels/{label.code}/example?v={newest.pk}"


class AddLabelSerializer(serializers.Serializer[Any]):
    """A new label."""

    name = serializers.CharField(max_length=80)
    description = serializers.CharField(max_length=200, required=False, allow_blank=True)
    key = serializers.RegexField(r"^[a-zA-Z0-9]?$", required=False, allow_blank=True)
    colour = serializers.RegexField(r"^#[0-9a-fA-F]{6}$", required=False)


class ChangeLabelSerializer(AddLabelSerializer):
    """What may change of a label."""

    name = serializers.CharField(max_length=80, required=False)


class ExampleSerializer(serializers.Serializer[Any]):
    """A picture."""

    file = serializers.FileField()


class LabelsView(APIView):
    """The labels of a project."""

    @extend_schema(
        tags=["staff"],
        operation_id="list_staff_labels",
        summary="All labels, retired ones last",
        responses=StaffLabelSerializer(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        """List them."""
        project = project_for(request, slug, Role.MANAGER)
        rows = project_selectors.labels(project.pk)
        scheme = project_selectors.current_scheme(project.pk)
        context = {"slug": slug, "heirs": project_selectors.heirs_of(scheme, scheme.codes)}
        return Response(StaffLabelSerializer(rows, many=True, context=context).data)

    @extend_schema(
        tags=["staff"],
        operation_id="add_label",
        summary="Add a label: a new version of the scheme",
        request=AddLabelSerializer,
        responses={201: StaffLabelSerializer},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Add it at the end."""
        project = project_for(request, slug, Role.MANAGER)
        given = AddLabelSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        label = projects.add_label(
            project_id=project.pk,
            now=timezone.now(),
            user_id=request.user.pk,
            **given.validated_data,
        )
        return Response(StaffLabelSerializer(label, context={"slug": slug}).data, status=201)


class LabelView(APIView):
    """One label."""

    @extend_schema(
        tags=["staff"],
        operation_id="change_label",
        summary="Rename or describe a label; its code stays",
        request=ChangeLabelSerializer,
        responses=StaffLabelSerializer,
    )
    def patch(self, request: Request, slug: str, code: str) -> Response:
        """Change what was sent."""
        project = project_for(request, slug, Role.MANAGER)
        given = ChangeLabelSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        label = projects.change_label(
            label_id=project_selectors.label(project.pk, code).pk,
            now=timezone.now(),
            user_id=request.user.pk,
            **given.validated_data,
        )
        return Response(StaffLabelSerializer(label, context={"slug": slug}).data)


class RetireLabelView(APIView):
    """Retire a label."""

    @extend_schema(
        tags=["staff"],
        operation_id="retire_label",
        summary="Take a label out of the scheme; its answers stay",
        request=None,
        responses=StaffLabelSerializer,
    )
    def post(self, request: Request, slug: str, code: str) -> Response:
        """Retire it; twice is as once."""
        project = project_for(request, slug, Role.MANAGER)
        label = projects.retire_label(
            label_id=project_selectors.label(project.pk, code).pk,
            now=timezone.now(),
            user_id=request.user.pk,
        )
        return Response(StaffLabelSerializer(label, context={"slug": slug}).data)


class StaffExampleView(APIView):
    """The example picture of a label."""

    parser_classes = (MultiPartParser,)

    @extend_schema(
        tags=["staff"],
        operation_id="set_label_example",
        summary="Show a label by a picture",
        request={"multipart/form-data": ExampleSerializer},
        responses={201: StaffLabelSerializer},
    )
    def post(self, request: Request, slug: str, code: str) -> Response:
        """Store it in place of the one before."""
        project = project_for(request, slug, Role.MANAGER)
        given = ExampleSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        label = project_selectors.label(project.pk, code)
        projects.add_example(
            label_id=label.pk,
            upload=given.validated_data["file"].file,
            now=timezone.now(),
            user_id=request.user.pk,
        )
        return Response(StaffLabelSerializer(label, context={"slug": slug}).data, status=201)
