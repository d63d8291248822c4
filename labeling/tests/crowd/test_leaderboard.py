"""A leaderboard only where the project wants one; it tells how much, never how well."""

from __future__ import annotations

import pytest

from labeling.models import Annotator, Project
from labeling.tests import worlds
from labeling.tests.crowd.conftest import Browse

pytestmark = pytest.mark.django_db


def test_there_is_none_unless_the_project_wants_one(browse: Browse, volunteer: Annotator) -> None:
    tab = browse(volunteer)

    refused = tab.client.get(f"/api/v1/projects/{tab.slug}/leaderboard")

    assert (refused.status_code, refused.json()["code"]) == (404, "leaderboard_off")


def test_it_lists_who_gave_most_and_leaves_out_who_is_set_aside(
    browse: Browse, project: Project, volunteer: Annotator, other_volunteer: Annotator
) -> None:
    Project.objects.filter(pk=project.pk).update(leaderboard_enabled=True)
    images = worlds.make_images(project, 3)
    aside = worlds.make_annotator(project, "Aside")
    for image in images:
        worlds.direct(other_volunteer, image)
        worlds.direct(aside, image)
    worlds.direct(volunteer, images[0])
    Annotator.objects.filter(pk=aside.pk).update(quarantined_at=worlds.NOW)

    tab = browse(volunteer)

    assert tab.get(f"projects/{tab.slug}/leaderboard")["results"] == [
        {"display_name": "Other volunteer", "answers": 3, "is_you": False},
        {"display_name": "Volunteer", "answers": 1, "is_you": True},
    ]
