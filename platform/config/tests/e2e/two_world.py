"""Run as a script: make tables, a project with two people and a manager; print their sessions."""

from __future__ import annotations

import json
import sys

import django

django.setup()

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY  # noqa: E402
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402

from labeling.tests.factories import make_member  # noqa: E402
from labeling.tests.worlds import make_annotator, make_images, make_project  # noqa: E402
from ml.services.tables import make_tables  # noqa: E402

IMAGES = 40


def main() -> None:
    """Make images of which each is to get two answers, and people with open sessions."""
    make_tables()
    project = make_project(votes_pool=2, vote_cap_pool=2, onboarding_images=0)
    make_images(project, IMAGES)
    people = {}
    for name in ("Ada", "Ben"):
        session = SessionStore()
        who = make_annotator(project, name)
        session["annotators"] = {str(project.pk): who.pk}
        session.save()
        people[name] = {"session": session.session_key, "id": str(who.public_id)}
    manager = make_member(project, "MANAGER")
    session = SessionStore()
    session[SESSION_KEY] = str(manager.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = manager.get_session_auth_hash()
    session.save()
    made = {"slug": project.slug, "people": people, "manager": session.session_key}
    sys.stdout.write(json.dumps(made))


if __name__ == "__main__":
    main()
