"""Run as a script: make the tables, the world of the race, print what its clients need as JSON."""

from __future__ import annotations

import json
import sys

import django

django.setup()

from django.contrib.sessions.backends.db import SessionStore  # noqa: E402

from labeling.tests.worlds import make_annotator, make_images, make_project  # noqa: E402
from ml.services.tables import make_tables  # noqa: E402

POOL, AUDIT = 1550, 450


def main(people: int, ttl_s: int) -> None:
    """Make 2,000 images of which each is to get three answers, and people with open sessions."""
    make_tables()
    project = make_project(
        votes_pool=3,
        vote_cap_pool=4,
        votes_audit=3,
        vote_cap_audit=4,
        audit_serving_share=0.15,
        random_arm_share=0.10,
        assignment_ttl_s=ttl_s,
        onboarding_images=0,
    )
    make_images(project, POOL)
    make_images(project, AUDIT, "AUDIT")
    sessions = []
    for number in range(people):
        session = SessionStore()
        session["annotators"] = {str(project.pk): make_annotator(project, f"Racer {number}").pk}
        session.save()
        sessions.append(session.session_key)
    sys.stdout.write(json.dumps({"slug": project.slug, "sessions": sessions}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
