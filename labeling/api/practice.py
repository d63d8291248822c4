"""What a newcomer is told after an answer of their first round. Before it, nothing differs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework import serializers

from labeling.selectors import annotations as annotation_selectors
from labeling.selectors import onboarding
from labeling.services import all_the_same

if TYPE_CHECKING:
    from labeling.models import Annotation, Project
    from labeling.selectors.onboarding import Practice


class NamedLabelSerializer(serializers.Serializer[Any]):
    """A label by code and name."""

    code = serializers.SlugField()
    name = serializers.CharField()


class PracticeSerializer(serializers.Serializer[Any]):
    """Right, or what it is."""

    is_right = serializers.BooleanField()
    said = NamedLabelSerializer(allow_null=True)
    label = NamedLabelSerializer()  # type: ignore[assignment] # a field of that name, not a caption
    note = serializers.CharField()
    example_url = serializers.CharField(allow_null=True)
    done = serializers.IntegerField()
    of = serializers.IntegerField()
    is_last = serializers.BooleanField()


class RoundSerializer(serializers.Serializer[Any]):
    """Where a newcomer is in their first round."""

    done = serializers.IntegerField()
    of = serializers.IntegerField()


class AfterSerializer(serializers.Serializer[Any]):
    """What may be said once the answer is in; `practice` in a newcomer's first round only."""

    sentence = serializers.CharField()
    practice = PracticeSerializer(allow_null=True)
    alike = serializers.BooleanField(help_text="Whether images nearly the same may be confirmed.")


def after(annotation: Annotation, project: Project) -> dict[str, Any]:
    """Give what may be said now that an answer is stored."""
    found = onboarding.practice(annotation)
    if found is None:
        sentence = annotation_selectors.sentence_after(annotation.assignment)
        is_offered = all_the_same.is_offered(project, annotation)
        return {"sentence": sentence, "practice": None, "alike": is_offered}
    practice = _practice(found, project.slug)
    return {"sentence": found.sentence, "practice": practice, "alike": False}


def _practice(found: Practice, slug: str) -> dict[str, Any]:
    example = f"/api/v1/projects/{slug}/labels/{found.label[0]}/example"
    return {
        "is_right": found.is_right,
        "said": _named(found.said),
        "label": _named(found.label),
        "note": found.note,
        "example_url": example if found.has_example else None,
        "done": found.done,
        "of": found.of,
        "is_last": found.is_last,
    }


def _named(label: tuple[str, str] | None) -> dict[str, str] | None:
    return None if label is None else {"code": label[0], "name": label[1]}
