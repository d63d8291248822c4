"""`projects/<slug>/gold`: references that check annotators. For experts; never told to others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling.api import queue_payloads as payloads
from labeling.api.permissions import Role, project_for
from labeling.api.principals import annotator_for, signed_in
from labeling.selectors import gold as gold_selectors
from labeling.selectors import images as image_selectors
from labeling.services import gold

if TYPE_CHECKING:
    from uuid import UUID

    from rest_framework.request import Request

    from labeling.models import GoldReference, Project

SET_EXAMPLE = OpenApiExample(
    "two at once",
    value={
        "references": [
            {
                "image": "7b1d1f0e-6d56-4c8f-9f6e-0a6f4a1f2b11",
                "label": "soy-milk",
                "note": "The carton shows a soy bean.",
            },
            {"image": "d1c9d0a4-7f3b-4a53-8f0e-5c0c1f1f9a22", "label": "oat-milk"},
        ]
    },
    request_only=True,
)
DONE_EXAMPLE = OpenApiExample(
    "one set, one refused",
    value={
        "n": 20,
        "serving_share": 0.05,
        "results": [
            {
                "image": "7b1d1f0e-6d56-4c8f-9f6e-0a6f4a1f2b11",
                "status": "set",
                "code": None,
                "message": None,
            },
            {
                "image": "d1c9d0a4-7f3b-4a53-8f0e-5c0c1f1f9a22",
                "status": "refused",
                "code": "audit_image",
                "message": "This is an audit image: it measures. Choose another.",
            },
        ],
    },
    response_only=True,
)


class LabelRefSerializer(serializers.Serializer[Any]):
    """A label by code and name."""

    code = serializers.SlugField()
    name = serializers.CharField()


class GivenSerializer(serializers.Serializer[Any]):
    """What an image shows, by an expert."""

    image = serializers.UUIDField()
    label = serializers.CharField(max_length=64)  # type: ignore[assignment] # a field, no caption
    further = serializers.ListField(
        child=serializers.CharField(max_length=64),
        required=False,
        help_text="The other labels where a picture may show several: it shows no more than these.",
    )
    note = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class SetGoldSerializer(serializers.Serializer[Any]):
    """References to set."""

    references = serializers.ListField(
        child=GivenSerializer(), min_length=1, max_length=gold.MOST_AT_ONCE
    )


class OutcomeSerializer(serializers.Serializer[Any]):
    """What became of one."""

    image = serializers.UUIDField()
    status = serializers.ChoiceField(["set", "changed", "unchanged", "refused"])
    code = serializers.CharField(allow_null=True)
    message = serializers.CharField(allow_null=True)


class GoldSetSerializer(serializers.Serializer[Any]):
    """What became of all, and how gold is served now."""

    n = serializers.IntegerField()
    serving_share = serializers.FloatField()
    results = OutcomeSerializer(many=True)


class WithdrawGoldSerializer(serializers.Serializer[Any]):
    """Images whose references to withdraw."""

    images = serializers.ListField(
        child=serializers.UUIDField(), min_length=1, max_length=gold.MOST_AT_ONCE
    )


class GoldWithdrawnSerializer(serializers.Serializer[Any]):
    """How many were withdrawn, and how gold is served now."""

    n = serializers.IntegerField()
    serving_share = serializers.FloatField()
    withdrawn = serializers.IntegerField()


class TallySerializer(serializers.Serializer[Any]):
    """How often people answered it right."""

    right = serializers.IntegerField()
    wrong = serializers.IntegerField()


class ReferenceSerializer(serializers.Serializer[Any]):
    """One reference."""

    label = LabelRefSerializer()  # type: ignore[assignment] # a field of that name, not a caption
    further = LabelRefSerializer(many=True, help_text="The other labels, where it shows several.")
    note = serializers.CharField()
    set_by = serializers.CharField()
    created_at = serializers.DateTimeField()


class ReferenceLineSerializer(ReferenceSerializer):
    """One reference in the list."""

    image = payloads.ImageRefSerializer()
    answers = TallySerializer()


class GoldListSerializer(serializers.Serializer[Any]):
    """The references that stand, newest first."""

    n = serializers.IntegerField()
    serving_share = serializers.FloatField()
    starts_at = serializers.IntegerField()
    onboarding_images = serializers.IntegerField()
    next = serializers.CharField(allow_null=True)
    results = ReferenceLineSerializer(many=True)


class GoldImageSerializer(serializers.Serializer[Any]):
    """One image, its reference, and whether it may have one."""

    image = payloads.ImageRefSerializer()
    reference = ReferenceSerializer(allow_null=True)
    may_be_gold = serializers.BooleanField()
    why_not = serializers.CharField(allow_null=True)


class CandidatesQuerySerializer(serializers.Serializer[Any]):
    """Where to go on."""

    after = serializers.UUIDField(required=False, help_text="The image shown last.")
    count = serializers.IntegerField(required=False, default=12, min_value=1, max_value=50)


class CandidateSerializer(serializers.Serializer[Any]):
    """An image that may be gold, and nothing of what people said of it."""

    image = payloads.ImageRefSerializer()


class CandidatesSerializer(serializers.Serializer[Any]):
    """Images that may be gold."""

    left = serializers.IntegerField(
        help_text=f"How many there are; {gold_selectors.COUNTED} stands for as many or more."
    )
    items = CandidateSerializer(many=True)


class GoldView(APIView):
    """References of a project."""

    @extend_schema(
        tags=["experts"],
        operation_id="list_gold",
        summary="Gold references, newest first",
        parameters=[OpenApiParameter("cursor", str, description="`next` of the page before.")],
        responses=GoldListSerializer,
    )
    def get(self, request: Request, slug: str) -> Response:
        """Give a page of them, each with how people answered it."""
        project = project_for(request, slug, Role.EXPERT)
        cursor = request.query_params.get("cursor", "")
        rows = gold_selectors.page(project.pk, int(cursor) if cursor.isdecimal() else None)
        tallies = gold_selectors.by_reference([row.image_id for row in rows])
        is_full = len(rows) == gold_selectors.PAGE
        return Response(
            {
                "n": gold_selectors.count(project.pk),
                "serving_share": project.gold_serving_share,
                "starts_at": gold.STARTS_AT,
                "onboarding_images": project.onboarding_images,
                "next": str(rows[-1].pk) if is_full else None,
                "results": [
                    {
                        **_reference(row),
                        "image": payloads.image(row.image),
                        "answers": _tally(tallies.get(row.image_id)),
                    }
                    for row in rows
                ],
            }
        )

    @extend_schema(
        tags=["experts"],
        operation_id="set_gold",
        summary="Set references, up to 500 at once",
        request=SetGoldSerializer,
        responses=GoldSetSerializer,
        examples=[SET_EXAMPLE, DONE_EXAMPLE],
    )
    def post(self, request: Request, slug: str) -> Response:
        """Set them; one that is refused stops no other."""
        project = project_for(request, slug, Role.EXPERT)
        given = SetGoldSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        outcomes = gold.set_references(
            project_id=project.pk,
            references=[gold.Given(**one) for one in given.validated_data["references"]],
            user_id=signed_in(request).pk,
            annotator_id=annotator_for(request, project).pk,
            now=timezone.now(),
        )
        results = OutcomeSerializer(outcomes, many=True).data
        return Response({**_served(project), "results": results})


class WithdrawGoldView(APIView):
    """References taken back."""

    @extend_schema(
        tags=["experts"],
        operation_id="withdraw_gold",
        summary="Withdraw references; what the expert said of the images stays",
        request=WithdrawGoldSerializer,
        responses=GoldWithdrawnSerializer,
    )
    def post(self, request: Request, slug: str) -> Response:
        """Withdraw them; twice is as once."""
        project = project_for(request, slug, Role.EXPERT)
        given = WithdrawGoldSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        withdrawn = gold.withdraw(
            project_id=project.pk,
            image_public_ids=given.validated_data["images"],
            user_id=signed_in(request).pk,
            now=timezone.now(),
        )
        return Response({**_served(project), "withdrawn": withdrawn})


class GoldCandidatesView(APIView):
    """Where an expert may look for gold."""

    @extend_schema(
        tags=["experts"],
        operation_id="list_gold_candidates",
        summary="Images that may be gold and are not, in random order; blind",
        parameters=[CandidatesQuerySerializer],
        responses=CandidatesSerializer,
    )
    def get(self, request: Request, slug: str) -> Response:
        """Give the images alone; a reference is what the expert sees, not what people said."""
        project = project_for(request, slug, Role.EXPERT)
        asked = CandidatesQuerySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        shown = gold_selectors.candidates(
            project.pk,
            after=asked.validated_data.get("after"),
            count=asked.validated_data["count"],
        )
        return Response(
            {
                "left": gold_selectors.candidates_left(project.pk),
                "items": [{"image": payloads.image(row)} for row in shown],
            }
        )


class GoldImageView(APIView):
    """The gold of one image."""

    @extend_schema(
        tags=["experts"],
        operation_id="get_gold_of_image",
        summary="An image's reference, and whether it may have one",
        responses=GoldImageSerializer,
    )
    def get(self, request: Request, slug: str, public_id: UUID) -> Response:
        """Give it."""
        project = project_for(request, slug, Role.EXPERT)
        image = image_selectors.in_project(project.pk, public_id)
        reference = gold_selectors.of_image(image.pk)
        why_not = gold_selectors.why_not(image)
        return Response(
            {
                "image": payloads.image(image),
                "reference": _reference(reference) if reference else None,
                "may_be_gold": why_not is None,
                "why_not": why_not[1] if why_not else None,
            }
        )


def _reference(row: GoldReference) -> dict[str, Any]:
    _, *further = gold_selectors.labels_of(row)
    return {
        "label": {"code": row.label.code, "name": row.label.name},
        "further": [{"code": each.code, "name": each.name} for each in further],
        "note": row.note,
        "set_by": _name(row),
        "created_at": row.created_at,
    }


def _name(row: GoldReference) -> str:
    """Name who set it: by their login, or as a reader of answers would see them."""
    if row.set_by is not None:
        return row.set_by.username
    return row.annotator.display_name if row.annotator is not None else ""


def _tally(found: gold_selectors.Tally | None) -> dict[str, int]:
    counted = found or gold_selectors.Tally()
    return {"right": counted.right, "wrong": counted.wrong}


def _served(project: Project) -> dict[str, Any]:
    project.refresh_from_db(fields=["gold_serving_share"])
    return {
        "n": gold_selectors.count(project.pk),
        "serving_share": project.gold_serving_share,
    }
