"""`session`: who this browser is, signing in and out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth import authenticate, login, update_session_auth_hash
from django.middleware.csrf import get_token
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling.api import principals
from labeling.api.authentication import BrowserSessionAuthentication
from labeling.api.permissions import IsUser
from labeling.api.throttling import LoginThrottle
from labeling.errors import LabelingError
from labeling.models import Role, User
from labeling.selectors import people as people_selectors
from labeling.selectors import projects as project_selectors
from labeling.services import people

if TYPE_CHECKING:
    from rest_framework.request import Request


class WrongLoginError(LabelingError):
    """Name and password do not fit. Which of them is not told."""

    code = "wrong_login"
    status = 403

    def __init__(self) -> None:
        super().__init__("No account has this name and password.")


class SessionUserSerializer(serializers.Serializer[Any]):
    """The login."""

    id = serializers.IntegerField()
    username = serializers.CharField()
    display_name = serializers.CharField()
    is_superuser = serializers.BooleanField()


class SessionAnnotatorSerializer(serializers.Serializer[Any]):
    """A project this browser joined by invitation."""

    project = serializers.CharField()
    project_name = serializers.CharField()
    id = serializers.UUIDField()
    display_name = serializers.CharField()


class SessionProjectSerializer(serializers.Serializer[Any]):
    """A project the login is a member of."""

    slug = serializers.CharField()
    name = serializers.CharField()
    role = serializers.ChoiceField(Role.choices)


class SessionSerializer(serializers.Serializer[Any]):
    """Who this browser is."""

    user = SessionUserSerializer(allow_null=True)
    annotators = SessionAnnotatorSerializer(many=True)
    projects = SessionProjectSerializer(many=True)


class LoginSerializer(serializers.Serializer[Any]):
    """Name and password."""

    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=256, trim_whitespace=False)


class PasswordSerializer(serializers.Serializer[Any]):
    """A new password."""

    password = serializers.CharField(max_length=256, trim_whitespace=False)


class BrowserView(APIView):
    """A view that strangers may write to: the CSRF check holds for them too."""

    permission_classes = (AllowAny,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse another site's form, signed in or not."""
        super().initial(request, *args, **kwargs)
        if request.auth is None:
            BrowserSessionAuthentication().enforce_csrf(request)


class SessionView(APIView):
    """Who this browser is."""

    permission_classes = (AllowAny,)

    @extend_schema(
        tags=["people"],
        operation_id="get_session",
        summary="Who this browser is; sets the CSRF cookie",
        responses=SessionSerializer,
    )
    def get(self, request: Request) -> Response:
        """Tell, also a stranger."""
        get_token(request._request)
        return Response(SessionSerializer(session_of(request)).data)


class LoginView(BrowserView):
    """Sign in with a password."""

    throttle_classes = (LoginThrottle,)

    @extend_schema(
        tags=["people"],
        operation_id="login",
        summary="Sign in",
        request=LoginSerializer,
        responses=SessionSerializer,
    )
    def post(self, request: Request) -> Response:
        """Sign in; the session gets a new key."""
        given = LoginSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        user = authenticate(request._request, **given.validated_data)
        if not isinstance(user, User):
            raise WrongLoginError
        login(request._request, user)
        request.user = user
        return Response(SessionSerializer(session_of(request)).data)


class LogoutView(BrowserView):
    """Sign out."""

    @extend_schema(
        tags=["people"],
        operation_id="logout",
        summary="Sign out; without a login, forget what this browser joined",
        request=None,
        responses={204: None},
    )
    def post(self, request: Request) -> Response:
        """End the login. Who joined here stays known: often it is the same person."""
        principals.sign_out(request)
        return Response(status=204)


class PasswordView(APIView):
    """The password of the signed-in user."""

    permission_classes = (IsUser,)

    @extend_schema(
        tags=["people"],
        operation_id="set_password",
        summary="Choose a password",
        request=PasswordSerializer,
        responses={204: None},
    )
    def post(self, request: Request) -> Response:
        """Set it; other browsers of this user are signed out."""
        given = PasswordSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        user = people.set_password(
            user_id=principals.signed_in(request).pk,
            password=given.validated_data["password"],
            now=timezone.now(),
        )
        update_session_auth_hash(request._request, user)
        return Response(status=204)


def session_of(request: Request) -> dict[str, Any]:
    """Put together what `session` answers."""
    user = request.user if isinstance(request.user, User) else None
    annotators = people_selectors.annotators(principals.joined_ids(request).values())
    return {
        "user": user and _user(user),
        "annotators": [
            {
                "project": annotator.project.slug,
                "project_name": annotator.project.name,
                "id": annotator.public_id,
                "display_name": annotator.display_name,
            }
            for annotator in annotators
        ],
        "projects": _projects(user) if user else [],
    }


def _user(user: User) -> dict[str, Any]:
    return {
        "id": user.pk,
        "username": user.username,
        "display_name": user.get_full_name() or user.username,
        "is_superuser": user.is_superuser,
    }


def _projects(user: User) -> list[dict[str, Any]]:
    roles = {row.project_id: row.role for row in people_selectors.memberships(user.pk)}
    return [
        {"slug": project.slug, "name": project.name, "role": roles.get(project.pk, Role.OWNER)}
        for project in project_selectors.accessible_to(user)
    ]
