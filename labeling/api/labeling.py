"""`projects/<slug>/labeling`: everything the labeling page shows around the image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling.api import queue_payloads as payloads
from labeling.api.permissions import project_for
from labeling.api.practice import RoundSerializer
from labeling.api.principals import labels_as
from labeling.models import AnnotationKind, FlagReason, Mode
from labeling.selectors import onboarding, progress
from labeling.selectors import projects as project_selectors

if TYPE_CHECKING:
    from rest_framework.request import Request

    from labeling.models import Annotator, Label, Project

SPECIALS = (
    (AnnotationKind.SKIP, "Skip", "Not this one, not now: somebody else will get it.", "s"),
    (AnnotationKind.CANT_TELL, "Can't tell", "The picture does not show enough.", "t"),
    (AnnotationKind.NONE_OF_THESE, "None of these", "Clear to see, but no label fits.", "n"),
)


class LabelingProjectSerializer(serializers.Serializer[Any]):
    """What the page needs of the project."""

    slug = serializers.SlugField()
    name = serializers.CharField()
    description = serializers.CharField()
    mode = serializers.ChoiceField(Mode.choices)
    client_window = serializers.IntegerField()
    assignment_ttl_s = serializers.IntegerField()
    paused = serializers.BooleanField()
    onboarding_images = serializers.IntegerField()
    suggestions = serializers.BooleanField()
    leaderboard = serializers.BooleanField()


class LabelChoiceSerializer(serializers.Serializer[Any]):
    """A label that can be answered."""

    code = serializers.SlugField()
    name = serializers.CharField()
    description = serializers.CharField()
    key = serializers.CharField()
    colour = serializers.CharField()
    former_names = serializers.ListField(
        child=serializers.CharField(),
        help_text="Its own from before, and labels that were merged into it, or split into it.",
    )
    example_url = serializers.CharField(allow_null=True)


class LabelGroupSerializer(serializers.Serializer[Any]):
    """Labels that may be answered together where nobody can tell which."""

    code = serializers.SlugField(help_text="To be sent as the label.")
    name = serializers.CharField()
    labels = serializers.ListField(child=serializers.SlugField())


class SpecialSerializer(serializers.Serializer[Any]):
    """An answer that is no label."""

    kind = serializers.ChoiceField(payloads.ANSWERS)
    name = serializers.CharField()
    meaning = serializers.CharField()
    key = serializers.CharField()


class FlagChoiceSerializer(serializers.Serializer[Any]):
    """A reason to flag."""

    reason = serializers.ChoiceField(FlagReason.choices)
    name = serializers.CharField()


class LabelingAnnotatorSerializer(serializers.Serializer[Any]):
    """Who is labeling."""

    id = serializers.UUIDField()
    display_name = serializers.CharField()
    answers = serializers.IntegerField()


class LabelingSerializer(serializers.Serializer[Any]):
    """The labeling page."""

    project = LabelingProjectSerializer()
    guide = serializers.CharField()
    scheme_version = serializers.IntegerField()
    labels = LabelChoiceSerializer(many=True)
    groups = LabelGroupSerializer(many=True)
    specials = SpecialSerializer(many=True)
    flags = FlagChoiceSerializer(many=True)
    annotator = LabelingAnnotatorSerializer()
    progress = payloads.ProgressSerializer()
    onboarding = RoundSerializer(allow_null=True)


class LabelingView(APIView):
    """What the labeling page shows around the image."""

    @extend_schema(
        tags=["labeling"],
        operation_id="labeling_page",
        summary="Labels, guide and progress",
        responses=LabelingSerializer,
    )
    def get(self, request: Request, slug: str) -> Response:
        """Give everything at once, in few queries."""
        project = project_for(request, slug)
        annotator = labels_as(request, project)
        scheme = project_selectors.current_scheme(project.pk)
        counts = progress.for_annotator(project, annotator.pk, now=timezone.now())
        rows = {label.code: label for label in project_selectors.labels(project.pk)}
        former = project_selectors.former_names(project.pk)
        return Response(
            {
                "project": _project(project),
                "guide": project.guide,
                "scheme_version": scheme.version,
                "labels": [
                    _label(project, rows[code], name, former.get(code, []))
                    for code, name in zip(scheme.codes, scheme.names, strict=True)
                ],
                "groups": [
                    {
                        "code": group.code,
                        "name": group.name,
                        "labels": [scheme.codes[column] for column in group.columns],
                    }
                    for group in scheme.groups
                ],
                "specials": [
                    {"kind": kind.value, "name": name, "meaning": meaning, "key": key}
                    for kind, name, meaning, key in SPECIALS
                ],
                "flags": [{"reason": one.value, "name": one.label} for one in FlagReason],
                "annotator": {
                    "id": str(annotator.public_id),
                    "display_name": annotator.display_name,
                    "answers": counts.mine,
                },
                "progress": payloads.progress(counts),
                "onboarding": _round(project, annotator),
            }
        )


def _project(project: Project) -> dict[str, Any]:
    return {
        "slug": project.slug,
        "name": project.name,
        "description": project.description,
        "mode": project.mode,
        "client_window": project.client_window,
        "assignment_ttl_s": project.assignment_ttl_s,
        "paused": project.labeling_paused_at is not None,
        "onboarding_images": project.onboarding_images,
        "suggestions": project.suggestions_enabled,
        "leaderboard": project.leaderboard_enabled,
    }


def _round(project: Project, annotator: Annotator) -> dict[str, int] | None:
    found = onboarding.round_of(project, annotator)
    return None if found is None or found.is_over else {"done": found.done, "of": found.of}


def _label(project: Project, label: Label, name: str, former: list[str]) -> dict[str, Any]:
    example = f"/api/v1/projects/{project.slug}/labels/{label.code}/example"
    return {
        "code": label.code,
        "name": name,
        "description": label.description,
        "key": label.key,
        "colour": label.colour,
        "former_names": former,
        "example_url": example if label.examples.all() else None,
    }
