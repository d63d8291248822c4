"""What a person who has just started Larder needs: an account, links, and what is missing."""

from __future__ import annotations

import http.client
import io
import json
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import datetime, timedelta
from pathlib import Path

import segno
from django.conf import settings
from django.contrib.auth import get_user_model
from django.utils import timezone

from config import machine, pictures
from labeling.selectors import people as people_selectors
from labeling.selectors import projects
from labeling.services import people

Say = Callable[[str], None]
OWNER = "owner"
INVITATION_DAYS = 30
INVITATION_USES = 100
NOTE = "invitation-"


def ensure_owner(*, say: Say) -> None:
    """Make the first owner account where there is none, and print its password once."""
    if get_user_model().objects.filter(is_superuser=True).exists():
        return
    user, password = people.create_owner(username=OWNER)
    say(f"\nYour account: {user.username}   password: {password}")
    say("The password is shown this once and stored hashed. `make login-link` needs none.\n")


def what_is_missing(port: int) -> str:
    """Ask /readyz; the messages of what is not ready, empty when all is."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        try:
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            body = json.loads(answer.read())
        except (OSError, http.client.HTTPException, json.JSONDecodeError) as error:
            return f"the web process does not answer ({error})"
    checks = body.get("checks", {})
    return "; ".join(
        f"{name}: {check['message']}" for name, check in checks.items() if not check["ok"]
    )


def print_links(public_url: str, *, say: Say, is_labeled: bool = False) -> None:
    """Print the three links: label, staff room, API.

    Args:
        is_labeled: the pictures of this start come with labels that are trusted.
    """
    slug = pictures.remembered(settings.DATA_DIR)
    say("\nLarder is ready.\n")
    if slug is not None:
        label = _invitation(public_url, slug)
        say(f"  Label        {label}")
        if len(projects.ids()) > 1:
            name = projects.by_slug(slug).name
            say(f"               in “{name}”; for other projects make links on their People page.")
        if is_labeled:
            say(
                "               but the pictures come with their labels: what there is to see is in"
            )
            say("               the staff room, and nobody is asked while every image has one.")
    say(f"  Staff room   {_login_link(public_url)}")
    say(f"  API          {public_url}/api/v1/docs/\n")
    if slug is not None and public_url.startswith("http://") and "127.0.0.1" not in public_url:
        _print_code(label, say=say)
    say("The staff room's link signs you in once. Ctrl-C stops everything; nothing is lost.")


def _invitation(public_url: str, slug: str) -> str:
    """Make this start's invitation and withdraw those of earlier starts, whatever their project.

    An old link cannot be printed again, because only its digest is stored; left open, one more
    would lie about with every start. Who joined by it stays.
    """
    now = timezone.now()
    for note in sorted((settings.DATA_DIR / "run").glob(f"{NOTE}*")):
        _withdraw(note, now=now)
    made, token = people.invite(
        project_id=projects.by_slug(slug).pk,
        role="VOLUNTEER",
        use_limit=INVITATION_USES,
        ttl=timedelta(days=INVITATION_DAYS),
        created_by_id=None,
        now=now,
    )
    machine.write_whole(settings.DATA_DIR / "run" / f"{NOTE}{slug}", str(made.public_id))
    return f"{public_url}/join/{token}"


def _withdraw(note: Path, *, now: datetime) -> None:
    """Close the invitation whose public id a note holds, where both are still there."""
    slug, public_id = note.name.removeprefix(NOTE), note.read_text(encoding="utf-8")
    gone = (projects.ProjectNotFoundError, people_selectors.InvitationNotFoundError)
    with suppress(*gone):
        earlier = people_selectors.invitation(projects.by_slug(slug).pk, public_id)
        people.revoke_invitation(invitation_id=earlier.pk, user_id=None, now=now)
    note.unlink()


def _login_link(public_url: str) -> str:
    owners = get_user_model().objects.filter(is_superuser=True, is_active=True)
    owner = owners.order_by("pk").first()
    if owner is None:
        return f"{public_url}/staff/"
    token = people.make_login_link(user_id=owner.pk, now=timezone.now())
    return f"{public_url}/login/{token}"


def _print_code(url: str, *, say: Say) -> None:
    drawing = io.StringIO()
    segno.make(url, error="l").terminal(out=drawing, border=2, compact=True)
    say(drawing.getvalue())
    say("Phones on this network can open it. It is plain HTTP: everyone on the network can read")
    say("what is sent, so use it only where you trust the network.\n")
