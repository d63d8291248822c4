"""Several tabs claim together: what they would get one after the other, whatever is left."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from django.db import transaction

from labeling.models import Annotator, Assignment, Image, Partition, Project, ServeCounter
from labeling.selectors import labelers
from labeling.services import claims, joint_claims, queue
from labeling.services.queue import RefillEntry
from labeling.tests.worlds import (
    NOW,
    active,
    claim,
    later,
    make_annotator,
    make_images,
    make_project,
    submit,
    top_up,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from labeling.services.claims import Holder, Taken

pytestmark = pytest.mark.django_db
AT = later(60)


class _UndoneError(Exception):
    """Takes a claim back."""


def holders(crowd: Sequence[Annotator], size: int = 3) -> list[Holder]:
    return [queue.holder_of(labelers.known(one.pk), "tab", size) for one in crowd]


def outcome(take: Callable[[], list[Taken]]) -> tuple[Any, ...]:
    """What a claim writes and says, without leaving it written."""
    try:
        with transaction.atomic():
            taken = take()
            rows = Assignment.objects.order_by("serve_number", "pk").values_list(
                "annotator_id",
                "image_id",
                "serve_number",
                "entry_id",
                "state",
                "reason",
                "policy",
                "model_version",
                "selection_probability",
                "client",
                "expires_at",
            )
            slots = Project.objects.get().queue_entries.order_by("pk").values_list("open_slots")
            written = list(rows), list(slots), ServeCounter.objects.get().served, taken
            raise _UndoneError
    except _UndoneError:
        return written


def assert_the_same(crowd: Sequence[Annotator]) -> tuple[Any, ...]:
    asked = holders(crowd)
    one_by_one = outcome(lambda: [claims.take(one, AT) for one in asked])
    together = outcome(lambda: [one.taken for one in joint_claims.take_all(asked, AT)])
    assert together == one_by_one
    return together


def busy_world(pool: int, audit: int) -> list[Annotator]:
    """Five people who have answered some of what waits; each image asks for two or three."""
    project = make_project(
        votes_pool=2,
        vote_cap_pool=3,
        votes_audit=3,
        random_arm_share=0.2,
        audit_serving_share=0.3,
        client_window=3,
        window_size=40,
    )
    make_images(project, pool)
    make_images(project, audit, Partition.AUDIT)
    crowd = [make_annotator(project, f"Person {number}") for number in range(5)]
    active(project, crowd)
    images = Image.objects.filter(partition=Partition.POOL).order_by("pk")
    entries = [
        RefillEntry(image.pk, float(place % 4), 0.5)
        for place, image in enumerate(images[: pool // 2])
    ]
    queue.refill(
        project_id=project.pk, entries=entries, policy="first", model_version=uuid.uuid4(), now=NOW
    )
    top_up(project)
    for place, one in enumerate(crowd):
        for assignment in claim(one)[: place % 3]:
            submit(assignment)
    return crowd


def test_everybody_gets_what_they_would_get_one_after_the_other() -> None:
    crowd = busy_world(pool=40, audit=12)
    for seed in range(8):
        Project.objects.update(seed=seed)
        *_, taken = assert_the_same(crowd)
        assert not any(one.missing for one in taken)
        assert sum(len(one.due) for one in taken) == 4


def test_where_a_stream_is_too_short_nobody_gets_less() -> None:
    crowd = busy_world(pool=12, audit=2)
    found: set[tuple[bool, bool]] = set()
    for seed in range(8):
        Project.objects.update(seed=seed)
        *_, taken = assert_the_same(crowd)
        found.update((bool(one.due), bool(one.missing)) for one in taken)
    assert found == {(True, False), (True, True), (False, False)}


def test_who_is_paused_gets_nothing_and_the_next_get_their_numbers() -> None:
    crowd = busy_world(pool=40, audit=12)
    Annotator.objects.filter(pk=crowd[1].pk).update(paused_at=NOW)
    *_, taken = assert_the_same(crowd)
    assert taken[1] == claims.NOTHING
    assert taken[2].due


def test_what_a_tab_holds_is_as_it_would_be_read() -> None:
    crowd = busy_world(pool=40, audit=12)
    with transaction.atomic():
        granted = joint_claims.take_all(holders(crowd), AT)
    for one, got in zip(crowd, granted, strict=True):
        assert got.held is not None
        again = queue.claim_for(holders([one])[0], AT).assignments
        shown = [
            (
                row.pk,
                row.public_id,
                row.image_id,
                row.image.public_id,
                row.image.width,
                row.expires_at,
                row.reason,
                row.serve_number,
            )
            for row in got.held
        ]
        assert shown == [
            (
                row.pk,
                row.public_id,
                row.image_id,
                row.image.public_id,
                row.image.width,
                row.expires_at,
                row.reason,
                row.serve_number,
            )
            for row in again
        ]
