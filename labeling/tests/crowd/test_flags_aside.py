"""Flags of somebody set aside: their images come back, as if nobody had flagged them."""

from __future__ import annotations

import pytest

from labeling.models import Image, Project
from labeling.services import images, quarantine
from labeling.tests.worlds import (
    NOW,
    active,
    claim,
    make_annotator,
    make_images,
    make_project,
    submit,
)

pytestmark = pytest.mark.django_db


def flagged(project: Project) -> set[int]:
    found = Image.objects.filter(project=project, flagged_at__isnull=False)
    return set(found.values_list("pk", flat=True))


def test_what_nobody_else_has_flagged_comes_back_and_goes_when_it_is_lifted() -> None:
    project = make_project(votes_pool=2, vote_cap_pool=2)
    bad, good = make_annotator(project), make_annotator(project)
    active(project, [bad, good])
    alone, both, kept = make_images(project, 3)
    held = [*claim(bad), *(one for one in claim(good) if one.image_id == both.pk)]
    for assignment in held:
        submit(assignment, kind="FLAG", flag_reason="PERSON")
    assert flagged(project) == {alone.pk, both.pk, kept.pk}
    images.unflag_image(image_id=kept.pk, user_id=None, now=NOW)

    quarantine.quarantine(annotator_id=bad.pk, user_id=None, now=NOW, clock=lambda: NOW)
    aside = flagged(project)
    quarantine.lift(annotator_id=bad.pk, user_id=None, now=NOW, clock=lambda: NOW)

    assert aside == {both.pk}
    assert flagged(project) == {alone.pk, both.pk}
