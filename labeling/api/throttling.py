"""How often one address or person may ask. A dead cache lets people in rather than keep all out."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from redis.exceptions import RedisError
from rest_framework.throttling import SimpleRateThrottle

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView

logger = logging.getLogger(__name__)


class SteadyThrottle(SimpleRateThrottle):
    """Counts by user, else by address; `scope` names the rate in the settings."""

    def get_cache_key(self, request: Request, view: APIView) -> str:
        """Tell apart who asks."""
        who = request.user.pk if request.user and request.user.is_authenticated else None
        ident = f"u{who}" if who is not None else self.get_ident(request)
        return f"throttle-{self.scope}-{ident}"

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Count, and say whether there is room."""
        try:
            return bool(super().allow_request(request, view))
        except RedisError as fault:
            logger.warning("The cache is down, so nothing is throttled: %s", fault)
            return True


class LoginThrottle(SteadyThrottle):
    """Guesses of passwords and links, by address."""

    scope = "login"


class JoinThrottle(SteadyThrottle):
    """Looks at and uses of invitations, by address."""

    scope = "join"


class MessageThrottle(SteadyThrottle):
    """Messages to the coordinator."""

    scope = "message"


class UploadThrottle(SteadyThrottle):
    """Requests that bring pictures."""

    scope = "upload"
