"""Pages behind personal links: each signs this browser in and goes on to where it leads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth import login
from django.http import HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from labeling.api import principals
from labeling.services import people

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from labeling.models import Annotator

BACKEND = "django.contrib.auth.backends.ModelBackend"


@require_GET
@never_cache
def sign_in(request: HttpRequest, token: str) -> HttpResponse:
    """`/login/<token>`: sign in once and go to the staff room."""
    try:
        user = people.use_login_link(token=token, now=timezone.now())
    except people.LinkNotValidError as refused:
        context = {"message": refused.message, "is_staff_link": True}
        return render(request, "labeling/link.html", context, status=404)
    login(request, user, backend=BACKEND)
    return HttpResponseRedirect(settings.LOGIN_URL)


@require_GET
@never_cache
def resume(request: HttpRequest, token: str) -> HttpResponse:
    """`/resume/<token>`: be again who joined with this link, and go on labeling."""
    try:
        annotator = people.resume(token=token, now=timezone.now())
    except people.LinkNotValidError as refused:
        return render(request, "labeling/link.html", {"message": refused.message}, status=404)
    become(request, annotator)
    return HttpResponseRedirect(reverse("label", args=[annotator.project.slug]))


def become(request: HttpRequest, annotator: Annotator) -> None:
    """Let this browser speak for an annotator, and for the login behind it where that is safe."""
    user = annotator.user
    if user is not None and request.user != user and people.may_resume_as_user(annotator):
        login(request, user, backend=BACKEND)
    principals.remember(request, annotator)
