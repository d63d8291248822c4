"""`staff/projects/<slug>/label-steps` and `label-groups`: merge, split and group labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling.api.labels import StaffLabelSerializer
from labeling.api.permissions import project_for
from labeling.models import Role
from labeling.selectors import label_use
from labeling.selectors import projects as project_selectors
from labeling.services import label_groups, label_steps

if TYPE_CHECKING:
    from rest_framework.request import Request

MOST = 200


class LabelUseSerializer(serializers.Serializer[Any]):
    """What has a label now."""

    code = serializers.SlugField()
    images = serializers.IntegerField(help_text="Images that people agree have it.")
    audit_images = serializers.IntegerField(help_text="Of those, the ones that are measured.")
    answers = serializers.IntegerField(help_text="Answers that name it.")
    gold = serializers.IntegerField(help_text="Gold references to it.")


class MergeSerializer(serializers.Serializer[Any]):
    """Labels that become one."""

    labels = serializers.ListField(
        child=serializers.SlugField(), min_length=2, max_length=MOST, help_text="Their codes."
    )
    name = serializers.CharField(
        max_length=80, help_text="Of the one label; the name of one of them keeps that one."
    )


class SplitSerializer(serializers.Serializer[Any]):
    """The labels that take the place of one."""

    names = serializers.ListField(
        child=serializers.CharField(max_length=80), min_length=2, max_length=MOST
    )


class StepSerializer(serializers.Serializer[Any]):
    """What a step did."""

    labels = StaffLabelSerializer(many=True)
    images = serializers.IntegerField(help_text="Images that had the labels of before.")
    audit_images = serializers.IntegerField(help_text="Of those, the ones that are measured.")
    decided = serializers.IntegerField(help_text="Images that were open or disputed, and have it.")
    asked_again = serializers.IntegerField(help_text="Answers that are asked for again.")


class GroupSerializer(serializers.Serializer[Any]):
    """Labels that may be answered together."""

    code = serializers.SlugField()
    name = serializers.CharField()
    labels = serializers.SerializerMethodField()

    def get_labels(self, group: project_selectors.Group) -> list[str]:
        """Give the codes of its labels."""
        return [self.context["codes"][column] for column in group.columns]


class SetGroupsSerializer(serializers.Serializer[Any]):
    """Groups as a table, or label by label."""

    groups = serializers.DictField(
        child=serializers.CharField(max_length=80, allow_blank=True),
        required=False,
        help_text="Code of a label to the name of its group; empty takes it out. Others stay.",
    )
    table = serializers.CharField(
        required=False,
        max_length=2_000_000,
        help_text="Instead: CSV, a label and its group a line. One of a single label is left out.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Take one of the two."""
        if len(attrs) != 1:
            raise serializers.ValidationError("Send either groups or a table.")
        return attrs


class LabelGroupsView(APIView):
    """The groups of a project."""

    @extend_schema(
        tags=["staff"],
        operation_id="list_label_groups",
        summary="Groups of labels: what people may say where they cannot tell which",
        responses=GroupSerializer(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        """List them."""
        return _groups(project_for(request, slug, Role.MANAGER).pk)

    @extend_schema(
        tags=["staff"],
        operation_id="set_label_groups",
        summary="Put labels into groups, or take them out: a new version of the scheme",
        request=SetGroupsSerializer,
        responses=GroupSerializer(many=True),
    )
    def post(self, request: Request, slug: str) -> Response:
        """Change what was sent."""
        project = project_for(request, slug, Role.MANAGER)
        given = SetGroupsSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        label_groups.set_groups(
            project_id=project.pk,
            group_of=given.validated_data.get("groups", {}),
            table=given.validated_data.get("table", ""),
            now=timezone.now(),
            user_id=request.user.pk,
        )
        return _groups(project.pk)


def _groups(project_id: int) -> Response:
    scheme = project_selectors.current_scheme(project_id)
    context = {"codes": scheme.codes}
    return Response(GroupSerializer(scheme.groups, many=True, context=context).data)


class LabelUseView(APIView):
    """What hangs on each label."""

    @extend_schema(
        tags=["staff"],
        operation_id="list_label_use",
        summary="How many images and answers each label has",
        responses=LabelUseSerializer(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        """Count, in the order of the scheme."""
        project = project_for(request, slug, Role.MANAGER)
        rows = label_use.of_project(project.pk)
        return Response(LabelUseSerializer(rows, many=True).data)


class MergeLabelsView(APIView):
    """Several become one."""

    @extend_schema(
        tags=["staff"],
        operation_id="merge_labels",
        summary="Merge labels into one: all their answers count for it, nobody is asked again",
        request=MergeSerializer,
        responses=StepSerializer,
    )
    def post(self, request: Request, slug: str) -> Response:
        """Make the next version of the scheme."""
        project = project_for(request, slug, Role.MANAGER)
        given = MergeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        done = label_steps.merge_labels(
            project_id=project.pk,
            codes=given.validated_data["labels"],
            name=given.validated_data["name"],
            now=timezone.now(),
            user_id=request.user.pk,
        )
        return Response(StepSerializer(done, context={"slug": slug}).data)


class SplitLabelView(APIView):
    """One becomes several."""

    @extend_schema(
        tags=["staff"],
        operation_id="split_label",
        summary="Split a label into several: its images are asked about again",
        request=SplitSerializer,
        responses=StepSerializer,
    )
    def post(self, request: Request, slug: str, code: str) -> Response:
        """Make the next version of the scheme."""
        project = project_for(request, slug, Role.MANAGER)
        given = SplitSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        done = label_steps.split_label(
            label_id=project_selectors.label(project.pk, code).pk,
            names=given.validated_data["names"],
            now=timezone.now(),
            user_id=request.user.pk,
        )
        return Response(StepSerializer(done, context={"slug": slug}).data)
