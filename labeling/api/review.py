"""`staff/projects/<slug>/label-errors`: labels that may be wrong, settled one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling.api import queue_payloads as payloads
from labeling.api.permissions import Role, project_for
from labeling.api.principals import annotator_for
from labeling.api.roster import ShareSerializer
from labeling.models import ABOUT_ONE_LABEL, AnnotationKind
from labeling.selectors import doubts as selectors
from labeling.selectors import queue as queue_selectors
from labeling.services import review
from labeling.services.slots import VOTE_KINDS

if TYPE_CHECKING:
    from uuid import UUID

    from rest_framework.request import Request

    from labeling.models import Label, LabelDoubt

MOST = 20
SETTLE_EXAMPLE = OpenApiExample(
    "another label", value={"kind": "LABEL", "label": "soy-milk"}, request_only=True
)
SETTLE_ONE_EXAMPLE = OpenApiExample(
    "several labels: not that one", value={"kind": "NO", "label": "soy-milk"}, request_only=True
)
SETTLED_BY = [
    (kind.value, kind.label) for kind in AnnotationKind if kind in (*VOTE_KINDS, *ABOUT_ONE_LABEL)
]


class ReviewQuerySerializer(serializers.Serializer[Any]):
    """Where to go on."""

    after = serializers.UUIDField(required=False, help_text="The image shown last.")
    after_label = serializers.CharField(
        required=False, max_length=64, help_text="The label it was doubted for, of several."
    )
    count = serializers.IntegerField(required=False, default=5, min_value=1, max_value=MOST)


class WitnessSerializer(serializers.Serializer[Any]):
    """A label that something speaks for, and how strongly."""

    code = serializers.CharField()
    name = serializers.CharField()
    share = serializers.FloatField(help_text="Probability, or share of the neighbours; 0 to 1.")


class SettleSerializer(serializers.Serializer[Any]):
    """An expert's word on what is doubted."""

    kind = serializers.ChoiceField(
        SETTLED_BY,
        help_text="YES, NO or UNSURE of `label` where pictures may show several; else the others.",
    )
    label = serializers.CharField(  # type: ignore[assignment] # a field of that name, not a caption
        max_length=64, required=False, allow_null=True
    )


class LabelSaidSerializer(serializers.Serializer[Any]):
    """What people said of one label of a picture."""

    yes = serializers.IntegerField()
    no = serializers.IntegerField()
    is_import = serializers.BooleanField(help_text="It came with the picture; nobody was asked.")


class DoubtSerializer(serializers.Serializer[Any]):
    """A label that may be wrong, and what speaks against it."""

    image = payloads.ImageRefSerializer()
    given = WitnessSerializer(help_text="The label it has, and what the classifier gives it.")
    given_alike = serializers.FloatField(help_text="Share of the images most like it with it.")
    classifier = WitnessSerializer(help_text="What heads fitted without its group prefer.")
    neighbours = WitnessSerializer(help_text="What most of the images most like it are.")
    is_shown = serializers.BooleanField(
        allow_null=True,
        help_text="Where pictures may show several labels: whether this one is said to be there. "
        "The shares are those of that answer (`given`) and of the other one.",
    )
    said = LabelSaidSerializer(
        allow_null=True, help_text="By people, of that label; null elsewhere."
    )


class DoubtsFoundSerializer(serializers.Serializer[Any]):
    """What became of the doubts so far."""

    open = serializers.IntegerField()
    wrong = ShareSerializer(help_text="Of the labels an expert has judged, those that were wrong.")
    n_wrong = serializers.IntegerField()
    n_judged = serializers.IntegerField()
    cant_tell = serializers.IntegerField()
    asked = serializers.IntegerField(help_text="Second opinions asked of people.")
    answered = serializers.IntegerField()
    otherwise = serializers.IntegerField(help_text="Of those, where another label stands now.")
    is_several = serializers.BooleanField(help_text="Each label of a picture is doubted alone.")


class ReviewSerializer(serializers.Serializer[Any]):
    """What waits, the worst first."""

    items = DoubtSerializer(many=True)
    found = DoubtsFoundSerializer()


class ReviewSettledSerializer(serializers.Serializer[Any]):
    """The decision, and what became of the doubts so far."""

    annotation = payloads.AnnotationSerializer()
    found = DoubtsFoundSerializer()


class ReviewView(APIView):
    """Labels that may be wrong."""

    @extend_schema(
        tags=["experts"],
        operation_id="list_doubted_labels",
        summary="Labels that the classifier and similar images speak against, the worst first",
        parameters=[ReviewQuerySerializer],
        responses=ReviewSerializer,
    )
    def get(self, request: Request, slug: str) -> Response:
        """Give those behind `after`, and go round at the end."""
        project = project_for(request, slug, Role.EXPERT)
        asked = ReviewQuerySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        rows = selectors.upcoming(
            project.pk,
            after=asked.validated_data.get("after"),
            after_label=asked.validated_data.get("after_label"),
            count=asked.validated_data["count"],
        )
        said = selectors.said_of(project.pk, rows)
        return Response(
            {
                "items": [_doubt(row, said.get(row.pk)) for row in rows],
                "found": DoubtsFoundSerializer(selectors.found(project.pk)).data,
            }
        )


class ReviewImageView(APIView):
    """One label that may be wrong."""

    @extend_schema(
        tags=["experts"],
        operation_id="settle_doubted_label",
        summary="Keep a doubted label or give another; an expert's answer, which decides alone",
        request=SettleSerializer,
        responses={201: ReviewSettledSerializer},
        examples=[SETTLE_EXAMPLE, SETTLE_ONE_EXAMPLE],
    )
    def post(self, request: Request, slug: str, public_id: UUID) -> Response:
        """Store the answer; `annotations/<id>/undo` takes it back."""
        project = project_for(request, slug, Role.EXPERT)
        annotator = annotator_for(request, project)
        asked = SettleSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        annotation = review.settle(
            project_id=project.pk,
            image_id=queue_selectors.image_id(project.pk, public_id),
            annotator_id=annotator.pk,
            kind=asked.validated_data["kind"],
            label_code=asked.validated_data.get("label"),
            now=timezone.now(),
        )
        return Response(
            {
                "annotation": payloads.annotation(annotation),
                "found": DoubtsFoundSerializer(selectors.found(project.pk)).data,
            },
            status=201,
        )


def _doubt(row: LabelDoubt, said: selectors.Said | None) -> dict[str, Any]:
    return {
        "image": payloads.image(row.image),
        "given": _witness(row.label, row.own_probability),
        "given_alike": row.own_share,
        "classifier": _witness(row.suggested, row.suggested_probability),
        "neighbours": _witness(row.alike, row.alike_share),
        "is_shown": row.is_shown,
        "said": None if said is None else LabelSaidSerializer(said).data,
    }


def _witness(label: Label, share: float) -> dict[str, Any]:
    return {"code": label.code, "name": label.name, "share": share}
