"""Images: their pixels for who may see them, staff's uploads and lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.files.storage import default_storage
from django.http import FileResponse
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling.api.permissions import check_project, project_for
from labeling.api.throttling import UploadThrottle
from labeling.models import ConsensusState, Role
from labeling.selectors import images as image_selectors
from labeling.selectors import kept_together
from labeling.selectors import projects as project_selectors
from labeling.selectors.projects import ProjectNotFoundError
from labeling.services import images, uploads

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from rest_framework.parsers import BaseParser
    from rest_framework.renderers import BaseRenderer
    from rest_framework.request import Request

    from labeling.models import Image
    from labeling.selectors.images import StaffImage
    from labeling.services.uploads import UploadResult

MOST_FILES = 200
# The pixels under an address never change, so a browser need not ask twice.
FOR_EVER = "private, max-age=31536000, immutable"


class WhateverIsAccepted(BaseContentNegotiation):
    """Answers with the picture whatever the browser's Accept header says of JSON."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser:
        """Take the first."""
        return next(iter(parsers))

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Take the first, for errors."""
        first = next(iter(renderers))
        return first, str(first.media_type)


class UploadSerializer(serializers.Serializer[Any]):
    """Pictures and where they come from."""

    files = serializers.ListField(
        child=serializers.FileField(allow_empty_file=True), min_length=1, max_length=MOST_FILES
    )
    source = serializers.CharField(max_length=80, default="upload")  # type: ignore[assignment]
    licence = serializers.CharField(max_length=80, required=False)
    label = serializers.CharField(  # type: ignore[assignment]
        max_length=64, required=False, help_text="Code of a label to suggest for all of them."
    )


class UploadResultSerializer(serializers.Serializer[Any]):
    """What became of one file."""

    name = serializers.CharField()
    status = serializers.ChoiceField([("stored", ""), ("duplicate", ""), ("refused", "")])
    image = serializers.UUIDField(required=False)
    code = serializers.CharField(required=False)
    message = serializers.CharField(required=False)


class UploadedSerializer(serializers.Serializer[Any]):
    """One result a file, in the order they were sent."""

    results = UploadResultSerializer(many=True)


class StaffImageSerializer(serializers.Serializer[Any]):
    """An image in a list of the staff room."""

    id = serializers.UUIDField()
    thumb_url = serializers.CharField()
    full_url = serializers.CharField()
    original_name = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    label = serializers.CharField(allow_null=True)  # type: ignore[assignment]
    label_names = serializers.ListField(
        child=serializers.CharField(), help_text="All of them, where a picture may show several."
    )
    state = serializers.ChoiceField(ConsensusState.choices)
    flag_reason = serializers.CharField()
    note = serializers.CharField()


class StaffImagesSerializer(serializers.Serializer[Any]):
    """One page."""

    results = StaffImageSerializer(many=True)
    next = serializers.IntegerField(allow_null=True, help_text="Send it as `cursor` to go on.")


class KeptTogetherSerializer(serializers.Serializer[Any]):
    """Pictures that look alike, or were taken in one go, and so share a partition."""

    n = serializers.IntegerField(help_text="How many they are.")
    total = serializers.IntegerField(help_text="Of so many that have a partition.")
    is_left_out = serializers.BooleanField(
        help_text="They resemble pictures that measure and pictures that teach: they do neither."
    )


class ListImagesSerializer(serializers.Serializer[Any]):
    """Which images."""

    filter = serializers.ChoiceField(sorted(image_selectors.FILTERS), default="recent")
    label = serializers.CharField(  # type: ignore[assignment]
        max_length=64, required=False, help_text="Code of a label: labeled images that show it."
    )
    cursor = serializers.IntegerField(required=False, min_value=1)


class ImageView(APIView):
    """The pixels of an image."""

    content_negotiation_class = WhateverIsAccepted

    @extend_schema(
        tags=["images"],
        operation_id="get_image",
        summary="The picture, re-encoded, as JPEG",
        parameters=[
            OpenApiParameter("size", str, OpenApiParameter.PATH, enum=["thumb", "full"]),
        ],
        responses={(200, "image/jpeg"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, public_id: UUID, size: str) -> FileResponse:
        """Send it to who has a part in its project; a removed one only to managers."""
        image = _visible_image(request, public_id)
        key = image.thumbnail_key if size == "thumb" else image.storage_key
        return _jpeg(key, f"{image.public_id}.jpg")


class ExampleView(APIView):
    """The example picture of a label."""

    content_negotiation_class = WhateverIsAccepted

    @extend_schema(
        tags=["images"],
        operation_id="get_label_example",
        summary="The picture that shows a label in the guide, as JPEG",
        responses={(200, "image/jpeg"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, slug: str, code: str) -> FileResponse:
        """Send it."""
        project = project_for(request, slug)
        example = project_selectors.example(project.pk, code)
        if example is None:
            raise image_selectors.ImageNotFoundError(f"The label {code!r} has no example.")
        response = _jpeg(example.storage_key, f"{code}.jpg")
        if "v" not in request.query_params:
            response["Cache-Control"] = "private, max-age=60"
        return response


class StaffImagesView(APIView):
    """Uploads and lists."""

    throttle_classes = (UploadThrottle,)
    parser_classes = (MultiPartParser,)

    @extend_schema(
        tags=["staff"],
        operation_id="list_images",
        summary="Images to look at, newest first",
        parameters=[ListImagesSerializer],
        responses=StaffImagesSerializer,
    )
    def get(self, request: Request, slug: str) -> Response:
        """Give one page."""
        project = project_for(request, slug, Role.MANAGER)
        asked = ListImagesSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        label = asked.validated_data.get("label")
        rows, after = image_selectors.for_staff(
            project.pk,
            which=asked.validated_data["filter"],
            label_id=project_selectors.label(project.pk, label).pk if label else None,
            before_id=asked.validated_data.get("cursor"),
        )
        body = {"results": [_staff_image(row) for row in rows], "next": after}
        return Response(StaffImagesSerializer(body).data)

    @extend_schema(
        tags=["staff"],
        operation_id="upload_images",
        summary="Send pictures; each gets its own result",
        request={"multipart/form-data": UploadSerializer},
        responses=UploadedSerializer,
    )
    def post(self, request: Request, slug: str) -> Response:
        """Take every good one."""
        project = project_for(request, slug, Role.MANAGER)
        given = UploadSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        label = given.validated_data.get("label")
        results = uploads.take(
            origin=images.Origin(
                project.pk,
                given.validated_data["source"],
                given.validated_data.get("licence", project.licence),
                request.user.pk,
            ),
            uploads=[
                uploads.Upload(file.name or "", file.file) for file in given.validated_data["files"]
            ],
            suggested_label_id=project_selectors.label(project.pk, label).pk if label else None,
            now=timezone.now(),
        )
        return Response({"results": [_upload_result(result) for result in results]})


class KeptTogetherView(APIView):
    """Large groups of pictures that look alike."""

    @extend_schema(
        tags=["staff"],
        operation_id="list_kept_together",
        summary="Groups of pictures that look alike, where one holds a tenth of all or more",
        responses=KeptTogetherSerializer(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        """Give them, the largest first."""
        project = project_for(request, slug, Role.MANAGER)
        found = kept_together.large_groups(project.pk, now=timezone.now())
        return Response(KeptTogetherSerializer(found, many=True).data)


class KeepImageView(APIView):
    """Keep a flagged image."""

    @extend_schema(
        tags=["staff"],
        operation_id="keep_image",
        summary="Take the flag off",
        request=None,
        responses={204: None},
    )
    def post(self, request: Request, slug: str, public_id: UUID) -> Response:
        """Keep it; twice is as once."""
        project = project_for(request, slug, Role.MANAGER)
        image = image_selectors.in_project(project.pk, public_id)
        images.unflag_image(image_id=image.pk, user_id=request.user.pk, now=timezone.now())
        return Response(status=204)


class RemoveImageView(APIView):
    """Remove an image."""

    @extend_schema(
        tags=["staff"],
        operation_id="remove_image",
        summary="Take an image out of everything",
        request=None,
        responses={204: None},
    )
    def post(self, request: Request, slug: str, public_id: UUID) -> Response:
        """Remove it."""
        project = project_for(request, slug, Role.MANAGER)
        image = image_selectors.in_project(project.pk, public_id)
        images.remove_image(image_id=image.pk, user_id=request.user.pk, now=timezone.now())
        return Response(status=204)


def image_url(public_id: UUID, size: str) -> str:
    """Give the address of an image's pixels: `thumb` or `full`."""
    return reverse("image", args=[public_id, size])


def _visible_image(request: Request, public_id: UUID) -> Image:
    image = image_selectors.by_public_id(public_id)
    role = Role.VOLUNTEER if image.removed_at is None else Role.MANAGER
    try:
        check_project(request, image.project, role)
    except ProjectNotFoundError:
        # The refusal of a project names it; of an image nothing must be told.
        raise image_selectors.ImageNotFoundError(
            "There is no such image, or it is not yours to see."
        ) from None
    return image


def _jpeg(storage_key: str, name: str) -> FileResponse:
    """Send a stored picture so that no browser can take it for anything else."""
    response = FileResponse(
        default_storage.open(storage_key, "rb"), content_type="image/jpeg", filename=name
    )
    response["Cache-Control"] = FOR_EVER
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


def _staff_image(row: StaffImage) -> dict[str, Any]:
    return {
        "id": row.id,
        "thumb_url": image_url(row.id, "thumb"),
        "full_url": image_url(row.id, "full"),
        "original_name": row.original_name,
        "source": row.source,
        "label": row.label,
        "label_names": row.label_names,
        "state": row.state,
        "flag_reason": row.flag_reason,
        "note": row.note,
    }


def _upload_result(result: UploadResult) -> dict[str, Any]:
    body: dict[str, Any] = {"name": result.name, "status": result.status}
    if result.image is not None:
        body["image"] = str(result.image)
    if result.code:
        body |= {"code": result.code, "message": result.message}
    return body
