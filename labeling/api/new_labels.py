"""`staff/projects/<slug>/new-labels`: images that fit no label, alike: a label that is missing?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling.api.images import image_url
from labeling.api.permissions import Role, project_for
from labeling.api.principals import annotator_for, signed_in
from labeling.selectors import new_labels as selectors
from labeling.services import new_labels

if TYPE_CHECKING:
    from uuid import UUID

    from rest_framework.request import Request

    from labeling.models import LabelProposal

MOST = 1000


class ProposedImageSerializer(serializers.Serializer[Any]):
    """One image of a proposal."""

    id = serializers.UUIDField()
    thumb_url = serializers.CharField()
    full_url = serializers.CharField()
    original_name = serializers.CharField()


class LabelProposalSerializer(serializers.Serializer[Any]):
    """Images alike that people say fit none of the labels."""

    id = serializers.UUIDField()
    created_at = serializers.DateTimeField()
    similarity = serializers.FloatField(help_text="Mean cosine of the images.")
    n_groups = serializers.IntegerField(help_text="Different captures among the images.")
    images = ProposedImageSerializer(many=True)


class NewLabelsSerializer(serializers.Serializer[Any]):
    """The proposals that wait, and how many images there are to make proposals of."""

    unmatched = serializers.IntegerField(
        help_text="Images that people say fit no label and that staff have not judged."
    )
    proposals = LabelProposalSerializer(many=True)


class SettledSerializer(serializers.Serializer[Any]):
    """What became of a proposal."""

    id = serializers.UUIDField()
    state = serializers.ChoiceField(["MADE", "JOINED", "DISMISSED"])
    label = serializers.CharField(  # type: ignore[assignment] # a field of that name, no caption
        allow_null=True, help_text="Code of the label."
    )


class ChoiceSerializer(serializers.Serializer[Any]):
    """The images that were seen: what the decision is about, and what was left out of it."""

    images = serializers.ListField(
        child=serializers.UUIDField(), min_length=1, max_length=MOST, help_text="Taken along."
    )
    left_out = serializers.ListField(
        child=serializers.UUIDField(), max_length=MOST, required=False, default=list
    )


class MakeLabelSerializer(ChoiceSerializer):
    """The name of the new label, and its images."""

    name = serializers.CharField(max_length=80)


class JoinLabelSerializer(ChoiceSerializer):
    """The label there is that the images belong to."""

    label = serializers.CharField(  # type: ignore[assignment] # a field of that name, no caption
        max_length=64, help_text="Its code."
    )


class NewLabelsView(APIView):
    """What waits."""

    @extend_schema(
        tags=["staff"],
        operation_id="list_label_proposals",
        summary="Images that fit no label and are alike: labels the scheme may lack",
        responses=NewLabelsSerializer,
    )
    def get(self, request: Request, slug: str) -> Response:
        """List them, the oldest first."""
        project = project_for(request, slug, Role.MANAGER)
        found = selectors.overview(project.pk)
        proposals = [_proposal(row) for row in found.waiting]
        return Response({"unmatched": found.n_unmatched, "proposals": proposals})


class MakeLabelView(APIView):
    """It is a label."""

    @extend_schema(
        tags=["staff"],
        operation_id="make_proposed_label",
        summary="Make it a label: a new version of the scheme, and the images are of it",
        request=MakeLabelSerializer,
        responses={201: SettledSerializer},
    )
    def post(self, request: Request, slug: str, public_id: UUID) -> Response:
        """Add the label; the images become answers of whoever decides."""
        given = MakeLabelSerializer(data=request.data)
        choice = _choice(request, slug, public_id, given)
        settled = new_labels.make_label(choice, name=given.validated_data["name"])
        return Response(_settled(settled), status=201)


class JoinLabelView(APIView):
    """It is a label there is."""

    @extend_schema(
        tags=["staff"],
        operation_id="join_proposed_label",
        summary="Give the images a label that the scheme has",
        request=JoinLabelSerializer,
        responses=SettledSerializer,
    )
    def post(self, request: Request, slug: str, public_id: UUID) -> Response:
        """Answer the images with it."""
        given = JoinLabelSerializer(data=request.data)
        choice = _choice(request, slug, public_id, given)
        settled = new_labels.join_label(choice, label_code=given.validated_data["label"])
        return Response(_settled(settled))


class DismissLabelView(APIView):
    """It is no label."""

    @extend_schema(
        tags=["staff"],
        operation_id="dismiss_proposed_label",
        summary="Make no label of these images; they are not proposed again by themselves",
        request=ChoiceSerializer,
        responses=SettledSerializer,
    )
    def post(self, request: Request, slug: str, public_id: UUID) -> Response:
        """Leave them without a label."""
        choice = _choice(request, slug, public_id, ChoiceSerializer(data=request.data))
        return Response(_settled(new_labels.dismiss(choice)))


def _choice(
    request: Request, slug: str, public_id: UUID, given: ChoiceSerializer
) -> new_labels.Choice:
    project = project_for(request, slug, Role.MANAGER)
    given.is_valid(raise_exception=True)
    return new_labels.Choice(
        project_id=project.pk,
        proposal=public_id,
        taken=given.validated_data["images"],
        left_out=given.validated_data["left_out"],
        user_id=signed_in(request).pk,
        annotator_id=annotator_for(request, project).pk,
        now=timezone.now(),
    )


def _proposal(row: LabelProposal) -> dict[str, Any]:
    return {
        "id": str(row.public_id),
        "created_at": row.created_at,
        "similarity": row.similarity,
        "n_groups": row.n_groups,
        "images": [
            {
                "id": str(entry.image.public_id),
                "thumb_url": image_url(entry.image.public_id, "thumb"),
                "full_url": image_url(entry.image.public_id, "full"),
                "original_name": entry.image.original_name,
            }
            for entry in row.entries.all()
        ],
    }


def _settled(row: LabelProposal) -> dict[str, Any]:
    code = row.label.code if row.label else None
    return {"id": str(row.public_id), "state": row.state, "label": code}
