"""Who is asking: a hashed API token, or a browser session of a user or an annotator."""

from __future__ import annotations

from rest_framework.authentication import BaseAuthentication, SessionAuthentication


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <token>`."""


class BrowserSessionAuthentication(SessionAuthentication):
    """A signed-in user or a joined annotator."""
