"""Who is asking: a hashed API token, or a browser session of a user or an annotator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import exceptions, status
from rest_framework.authentication import (
    BaseAuthentication,
    CSRFCheck,
    SessionAuthentication,
    get_authorization_header,
)

from labeling.services import people

if TYPE_CHECKING:
    from rest_framework.request import Request

SESSION_KEY = "annotators"


@dataclass(frozen=True, slots=True)
class AnnotatorUser:
    """Stands for a browser that has joined by invitation and has no login."""

    pk: None = None
    id: None = None
    username: str = ""
    is_authenticated: bool = True
    is_anonymous: bool = False
    is_active: bool = True
    is_staff: bool = False
    is_superuser: bool = False
    is_annotator_only: bool = True


class CsrfFailed(exceptions.PermissionDenied):
    """A browser's request that does not prove that it comes from our own page."""

    status_code = status.HTTP_403_FORBIDDEN
    default_code = "csrf_failed"


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <token>`."""

    keyword = "Bearer"

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        """Give (user, Token); None where there is no such header."""
        parts = get_authorization_header(request).split()
        if not parts or parts[0].lower() != self.keyword.lower().encode():
            return None
        if len(parts) != 2:
            raise exceptions.AuthenticationFailed("Send one token: Authorization: Bearer <token>.")
        secret = parts[1].decode("latin-1")
        token = people.authenticate_token(secret=secret, now=timezone.now())
        if token is None:
            raise exceptions.AuthenticationFailed("This token is not valid, or has expired.")
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        """Ask for a token, so that a refusal is a 401."""
        return self.keyword


class BrowserSessionAuthentication(SessionAuthentication):
    """A signed-in user or a joined annotator; both must pass the CSRF check."""

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        """Give (User or AnnotatorUser, None); None for a stranger."""
        user = getattr(request._request, "user", None)
        if user is not None and user.is_authenticated and user.is_active:
            self.enforce_csrf(request)
            return user, None
        session = getattr(request._request, "session", None)
        if session is not None and session.get(SESSION_KEY):
            self.enforce_csrf(request)
            return AnnotatorUser(), None
        return None

    def enforce_csrf(self, request: Request) -> None:
        """Refuse a request from another site.

        Raises:
            CsrfFailed: with what to do about it.
        """

        def answer(_: Any) -> Any:
            return None

        check = CSRFCheck(answer)
        check.process_request(request)
        reason = check.process_view(request, answer, (), {})
        if reason:
            raise CsrfFailed(
                f"{reason} Reload the page and try again; behind a proxy, check "
                "LARDER_PUBLIC_URL and LARDER_TRUSTED_ORIGINS."
            )


class _TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}


class _SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = BrowserSessionAuthentication
    name = "browser"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "sessionid",
            "description": "Writing also needs the header X-CSRFToken, from the cookie csrftoken.",
        }
