"""`projects/<slug>/predict`, `projects/<slug>/labels` and `predictions/<id>` (docs/api.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import TooManyFilesSent
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling.api.permissions import Role, check_project, project_for
from labeling.api.principals import NotAnAnnotatorError, labels_as
from labeling.selectors import projects
from labeling.selectors.projects import ProjectNotFoundError
from ml.api import shapes
from ml.api.throttles import PredictThrottle
from ml.errors import MlError
from ml.selectors import predictions, registry
from ml.services import feedback, prediction

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import Model
    from rest_framework.request import Request

    from ml.selectors.predictions import PredictionView

SCOPE = "predict"
LONGEST_KEY = 80

ANSWER_EXAMPLE = OpenApiExample(
    "One answer and one refusal",
    response_only=True,
    value={
        "results": [
            {
                "name": "milk.jpg",
                "id": "2b0c7e0e-64f1-4b6c-9b55-0d3f1f9f6d51",
                "mode": "SINGLE",
                "top": [
                    {"label": "milk", "name": "Milk", "probability": 0.91},
                    {"label": "soy-milk", "name": "Soy milk", "probability": 0.06},
                ],
                "answer": {
                    "label": "milk",
                    "name": "Milk",
                    "probability": 0.91,
                    "level": "label",
                },
                "accepted": True,
                "uncertainty": 0.15,
                "model_version": {
                    "id": "7a4a3f3a-2b51-4a0b-9d7b-7b2f1f0f9c11",
                    "number": 41,
                    "evidence": "PROVISIONAL",
                },
                "queued": False,
                "queue_note": None,
            },
            {
                "name": "notes.txt",
                "error": {"code": "wrong_type", "message": "Not a picture that can be read."},
            },
        ]
    },
)
FEEDBACK_EXAMPLE = OpenApiExample(
    "It was something else", request_only=True, value={"right": False, "label": "soy-milk"}
)


class NoImagesError(MlError):
    """A request without a picture."""

    code = "no_images"


class TooManyImagesError(MlError):
    """More pictures than one request may bring."""

    code = "too_many_images"


class LongKeyError(MlError):
    """An idempotency key that is too long to keep."""

    code = "invalid"


class PredictionNotFoundError(MlError):
    """No such prediction, or not for this caller."""

    code = "not_found"
    status = 404


class LabelListView(APIView):
    """What predictions can say."""

    @extend_schema(
        tags=["predictions"],
        operation_id="list_labels",
        summary="The labels, and the version that would answer now",
        responses=shapes.LabelListShape,
    )
    def get(self, request: Request, slug: str) -> Response:
        """Give them in the scheme's order."""
        scope = SCOPE if _has_scope(request, SCOPE) else "read"
        project = project_for(request, slug, scope=scope)
        scheme = projects.current_scheme(project.pk)
        champion = registry.champion(project.pk)
        body = {
            "project": project.slug,
            "name": project.name,
            "mode": project.mode,
            "scheme_version": scheme.version,
            "labels": [
                {"code": code, "name": name}
                for code, name in zip(scheme.codes, scheme.names, strict=True)
            ],
            "champion": champion
            and {
                "id": str(champion.public_id),
                "number": champion.number,
                "evidence": champion.evidence,
            },
            "may_queue": project.may_queue_uploads and _may_queue(request),
        }
        return Response(body)


class PredictView(APIView):
    """What is in these pictures?"""

    parser_classes = (MultiPartParser,)
    throttle_classes = (PredictThrottle,)

    @extend_schema(
        tags=["predictions"],
        operation_id="predict",
        summary="Classify 1 to 32 pictures",
        request=shapes.PredictRequest,
        responses=shapes.PredictReply,
        examples=[ANSWER_EXAMPLE],
        parameters=[
            OpenApiParameter("version", int, description="Pin a model version by its number."),
            OpenApiParameter(
                "Idempotency-Key",
                str,
                OpenApiParameter.HEADER,
                description="The same key and request within 24 hours gives the first reply again.",
            ),
        ],
    )
    def post(self, request: Request, slug: str) -> Response:
        """Answer each picture, or say what is wrong with it."""
        project = project_for(request, slug, scope=SCOPE)
        uploads = _uploads(request)
        asked = shapes.PredictRequest(data=_plain(request))
        asked.is_valid(raise_exception=True)
        body = prediction.answer(
            target=prediction.Target(
                project_id=project.pk,
                mode=project.mode,
                licence=project.licence,
                may_queue_uploads=project.may_queue_uploads,
                queued_uploads_per_hour=project.queued_uploads_per_hour,
            ),
            uploads=uploads,
            question=prediction.Question(
                top_k=asked.validated_data["k"],
                version=asked.validated_data.get("version"),
                queue=prediction.Queueing(asked.validated_data["queue"]),
                key=_idempotency_key(request),
            ),
            asker=_asker(request, project),
            now=timezone.now(),
        )
        return Response(body, headers=_retry_after(body))


class PredictionDetailView(APIView):
    """A stored answer."""

    @extend_schema(
        tags=["predictions"],
        operation_id="get_prediction",
        summary="The answer again, and what people said once they agree",
        responses=shapes.PredictionShape,
    )
    def get(self, request: Request, public_id: UUID) -> Response:
        """Give it to its asker and to managers of the project."""
        found = _visible(request, public_id)
        said = found.feedback
        body = {
            "id": str(found.public_id),
            "project": found.project,
            "mode": found.mode,
            "top": found.top,
            **({"answer": found.answer} if found.labels is None else {"labels": found.labels}),
            "accepted": found.accepted,
            "uncertainty": found.uncertainty,
            "model_version": found.version,
            "queued": found.queued,
            "created_at": found.created_at,
            "feedback": said and {"right": said.right, "label": said.label, "at": said.at},
            "human": found.human,
        }
        return Response(body)


class FeedbackView(APIView):
    """Was the likeliest label right?"""

    @extend_schema(
        tags=["predictions"],
        operation_id="give_feedback",
        summary="Say whether an answer was right",
        request=shapes.FeedbackRequest,
        responses=shapes.FeedbackReply,
        examples=[FEEDBACK_EXAMPLE],
    )
    def post(self, request: Request, public_id: UUID) -> Response:
        """Keep it; a joined annotator's becomes an answer where it may."""
        found = _visible(request, public_id)
        asked = shapes.FeedbackRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        given = feedback.give(
            prediction_id=found.pk,
            annotator_id=_annotator_id(request, projects.by_id(found.project_id)),
            right=asked.validated_data["right"],
            label_code=asked.validated_data.get("label") or None,
            now=timezone.now(),
        )
        body = {"right": given.right, "label": given.label, "at": given.at, "answer": given.answer}
        return Response(body)


def _uploads(request: Request) -> list[prediction.Upload]:
    try:
        files = [*request.FILES.getlist("images"), *request.FILES.getlist("image")]
    except TooManyFilesSent:  # Django gives up reading long before the last one
        raise TooManyImagesError(
            f"Far too many pictures in one request; send at most {prediction.MAX_IMAGES}."
        ) from None
    if not files:
        raise NoImagesError("Send 1 to 32 pictures in the form field `images`.")
    if len(files) > prediction.MAX_IMAGES:
        raise TooManyImagesError(
            f"{len(files)} pictures in one request; send at most {prediction.MAX_IMAGES}.",
            count=len(files),
        )
    return [prediction.Upload(file.name or "picture", file.file) for file in files]


def _plain(request: Request) -> dict[str, Any]:
    """Give the fields besides the pictures, from the form and the query."""
    data: Any = request.data
    fields = {name: data[name] for name in ("k", "queue", "version") if name in data}
    if "version" in request.query_params:
        fields["version"] = request.query_params["version"]
    return fields


def _idempotency_key(request: Request) -> str:
    key = request.headers.get("Idempotency-Key", "")
    if len(key) > LONGEST_KEY:
        raise LongKeyError(
            f"Idempotency-Key has {len(key)} characters; at most {LONGEST_KEY} are kept."
        )
    return key


def _asker(request: Request, project: Any) -> prediction.Asker:
    token: Any = request.auth
    if token is not None:
        return prediction.Asker(
            principal=f"token:{token.pk}",
            token_id=token.pk,
            user_id=request.user.pk,
            may_queue=_may_queue(request),
        )
    annotator = labels_as(request, project)
    return prediction.Asker(
        principal=f"annotator:{annotator.pk}",
        user_id=request.user.pk,
        annotator_id=annotator.pk,
        may_queue=True,
    )


def _has_scope(request: Request, scope: str) -> bool:
    token: Any = request.auth
    return token is None or scope in token.scopes


def _may_queue(request: Request) -> bool:
    return _has_scope(request, "queue")


def _annotator_id(request: Request, project: Any) -> int | None:
    """Give the annotator a browser speaks for; None for a token."""
    if request.auth is not None:
        return None
    try:
        return int(labels_as(request, project).pk)
    except NotAnAnnotatorError:
        return None


def _visible(request: Request, public_id: UUID) -> PredictionView:
    """Give a prediction to its asker, or to a manager of its project."""
    found = predictions.one(public_id)
    if found is None:
        raise _not_found(public_id)
    project: Model = projects.by_id(found.project_id)
    try:
        check_project(request, project, scope=SCOPE)  # type: ignore[arg-type]
    except ProjectNotFoundError:
        raise _not_found(public_id) from None
    token: Any = request.auth
    if token is not None:
        is_theirs = found.token_id == token.pk
    else:
        is_theirs = found.token_id is None and found.annotator_id == _annotator_id(request, project)
    if not is_theirs:
        _refuse_below_manager(request, project, public_id)
    return found


def _refuse_below_manager(request: Request, project: Any, public_id: UUID) -> None:
    if request.auth is not None or request.user.pk is None:
        raise _not_found(public_id)
    role = projects.role_of(request.user.pk, project.pk)
    if not (request.user.is_superuser or role in {Role.MANAGER, Role.OWNER}):
        raise _not_found(public_id)


def _not_found(public_id: UUID) -> PredictionNotFoundError:
    return PredictionNotFoundError(f"There is no prediction {public_id} of yours.")


def _retry_after(body: dict[str, Any]) -> dict[str, str]:
    """Repeat the longest wait of a full queue as a header."""
    notes = [result.get("queue_note") or {} for result in body["results"]]
    waits = [note["retry_after_s"] for note in notes if "retry_after_s" in note]
    return {"Retry-After": str(max(waits))} if waits else {}
