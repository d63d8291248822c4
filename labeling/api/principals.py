"""Which annotator a request speaks for, and how a browser becomes one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth import SESSION_KEY as USER_KEY
from django.contrib.auth import logout
from django.middleware.csrf import rotate_token
from django.utils import timezone
from rest_framework.exceptions import NotAuthenticated

from labeling.api.authentication import SESSION_KEY
from labeling.errors import LabelingError
from labeling.models import User
from labeling.selectors import labelers, recognition
from labeling.selectors import people as people_selectors
from labeling.selectors import projects as project_selectors
from labeling.services import people

if TYPE_CHECKING:
    from rest_framework.request import Request

    from labeling.models import Annotator, Project
    from labeling.selectors.labelers import Labeler
    from labeling.selectors.recognition import Recognised


class NotAnAnnotatorError(LabelingError):
    """Who asks may see the project and has not joined it."""

    code = "not_joined"
    status = 403

    def __init__(self) -> None:
        super().__init__("Join this project first, by an invitation link.")


def annotator_for(request: Request, project: Project) -> Annotator:
    """Give the annotator a request speaks for.

    A member's row is made on first use. Otherwise it is the one this browser joined as.

    Raises:
        NotAnAnnotatorError: neither.
    """
    user = request.user
    if isinstance(user, User) and is_member(user, project):
        return people.annotator_of_user(project_id=project.pk, user_id=user.pk, now=timezone.now())
    annotator = _joined_as(request, project)
    if annotator is None:
        raise NotAnAnnotatorError
    return annotator


def labels_as(request: Request, project: Project) -> Annotator:
    """Give whom a request labels for: whoever joined in this browser, also beside a login.

    Somebody who joins by the label link and then opens the staff room in the same browser stays
    that person on the labeling page: pictures at hand are theirs, and so is what they answered.
    What takes a role is done as the login: `annotator_for`.

    Raises:
        NotAnAnnotatorError: as `annotator_for`.
    """
    held = _joined_as(request, project)
    return held if held is not None and held.user_id is None else annotator_for(request, project)


def _joined_as(request: Request, project: Project) -> Annotator | None:
    return people_selectors.annotator(joined(request, project.pk), project.pk)


def joined_labeler(request: Any, slug: str) -> Labeler | None:
    """Give who a browser without a login joined a project as, by one query; None for others."""
    if request.session.get(USER_KEY) is not None:
        return None
    ids = joined_ids(request)
    key, signed = request.session.session_key, getattr(request.session, "signed", None)
    if not key or signed is None or request.session.modified:
        found = (labelers.joined(slug, annotator_id) for annotator_id in ids.values())
    else:
        found = (recognition.remember(key, signed, slug, one) for one in ids.values())
    return next(filter(None, found), None)


def recognised(request: Any, slug: str) -> Recognised | None:
    """Give who a browser was in a project when it was last looked up; to be confirmed."""
    # The answer depends on the cookie, whether or not the session is read.
    request.session.accessed = True
    return recognition.recall(request.session.session_key, slug)


def signed_in(request: Request) -> User:
    """Give the login of a request whose permission has made sure that there is one."""
    if not isinstance(request.user, User):
        raise NotAuthenticated
    return request.user


def is_member(user: User, project: Project) -> bool:
    """Whether a user is a live member of the project, or a superuser."""
    return user.is_superuser or project_selectors.role_of(user.pk, project.pk) is not None


def joined(request: Request, project_id: int) -> int | None:
    """Give the id of the annotator this browser joined a project as, if any.

    A token never carries a browser's session: the two are different principals.
    """
    return None if request.auth is not None else joined_ids(request).get(project_id)


def joined_ids(request: Any) -> dict[int, int]:
    """Give project id to annotator id, as this browser's session has it."""
    session = getattr(request, "session", None)
    held = session.get(SESSION_KEY, {}) if session is not None else {}
    return {int(project_id): int(annotator_id) for project_id, annotator_id in held.items()}


def sign_out(request: Request) -> None:
    """End the login, and keep who joined in this browser; without a login, forget those too."""
    held = {}
    if isinstance(request.user, User):
        known = people_selectors.annotators(joined_ids(request).values()).filter(user=None)
        held = {str(annotator.project_id): annotator.pk for annotator in known}
    logout(request._request)
    if held:
        request.session[SESSION_KEY] = held


def remember(request: Any, annotator: Annotator) -> None:
    """Let this browser speak for an annotator from now on, under a fresh session key."""
    held = dict(request.session.get(SESSION_KEY, {}))
    held[str(annotator.project_id)] = annotator.pk
    request.session[SESSION_KEY] = held
    # A key that somebody planted before must not become that person's session.
    request.session.cycle_key()
    rotate_token(request)
