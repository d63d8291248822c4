"""Answers, undo, sweeps and quarantine at once: counts stay the sum over images, nobody deadlocks.

On SQLite there is one writer at a time; the tests of each service cover it.
"""

from __future__ import annotations

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest
from django.db import connection, connections, transaction

from labeling.models import Annotation, Consensus, Partition
from labeling.selectors import crowd as crowd_selectors
from labeling.selectors import projects
from labeling.services import annotations as annotation_service
from labeling.services import consensus, crowd, quarantine, standing
from labeling.tests.crowd.crowds import assert_sums_hold
from labeling.tests.factories import make_user
from labeling.tests.worlds import (
    LABELS,
    NOW,
    active,
    claim,
    direct,
    make_annotator,
    make_images,
    make_project,
    submit,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from labeling.models import Annotator, Image, Project

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
]
ROUNDS = 60


def test_counts_are_the_sum_over_images_whatever_happens_at_once() -> None:
    project = make_project(votes_pool=3, vote_cap_pool=5)
    images = make_images(project, 25) + make_images(project, 5, Partition.AUDIT)
    people = [make_annotator(project, f"Person {number}") for number in range(8)]
    active(project, people)
    jobs: list[Callable[[], None]] = [
        *(lambda who=who: answer_and_undo(who, images) for who in people),
        lambda: sweep_again_and_again(project),
        lambda: set_aside_and_take_back(people[0]),
    ]
    with ThreadPoolExecutor(len(jobs)) as threads:
        for done in [threads.submit(closing, job) for job in jobs]:
            done.result(timeout=300)

    assert_sums_hold(project.pk)
    scheme = projects.current_scheme(project.pk)
    live = consensus.live_votes([image.pk for image in images], scheme)
    for row in Consensus.objects.filter(image__in=images):
        votes = live[row.image_id]
        assert (row.counted or {}).get("votes") == (votes if len(votes) > 1 else None)
    crowd.sweep(project_id=project.pk, clock=lambda: NOW)
    assert_sums_hold(project.pk)
    assert crowd_selectors.model(project.pk) is not None


def test_an_answer_that_waited_for_a_pause_is_refused() -> None:
    project = make_project()
    make_images(project, 5)
    ada = make_annotator(project)
    held = claim(ada)[0]
    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            standing.set_paused(
                annotator_id=ada.pk, is_paused=True, user_id=make_user().pk, now=NOW
            )
            waiting = threads.submit(closing, lambda: submit(held))
            wait_until_somebody_waits()
        with pytest.raises(annotation_service.AnnotatorPausedError):
            waiting.result(timeout=60)

    assert not Annotation.objects.exists()


def wait_until_somebody_waits() -> None:
    """Return when another transaction of this database waits for a lock."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with connection.cursor() as cursor:
            # Inside a transaction the first look would be the only one.
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if cursor.fetchone()[0]:
                return
        time.sleep(0.02)
    raise AssertionError("Nobody came to wait for the lock.")


def answer_and_undo(who: Annotator, images: list[Image]) -> None:
    rng = np.random.default_rng(who.pk)
    given: list[Annotation] = []
    for _ in range(ROUNDS):
        try:
            if given and rng.random() < 0.3:
                annotation_service.undo(
                    annotator_id=who.pk,
                    annotation_public_id=given.pop().public_id,
                    key=uuid.uuid4(),
                    now=NOW,
                )
            else:
                image = images[int(rng.integers(len(images)))]
                given.append(direct(who, image, str(rng.choice(LABELS))))
        except (annotation_service.AlreadyAnsweredError, annotation_service.AnnotatorPausedError):
            continue


def sweep_again_and_again(project: Project) -> None:
    for _ in range(8):
        crowd.sweep(project_id=project.pk, clock=lambda: NOW)


def set_aside_and_take_back(who: Annotator) -> None:
    for change in (quarantine.quarantine, quarantine.lift) * 3:
        job = change(annotator_id=who.pk, user_id=None, now=NOW, clock=lambda: NOW)
        while job is not None and job.state == "QUEUED":
            quarantine.run_job(job_id=job.pk, clock=lambda: NOW)
            job.refresh_from_db()


def closing(job: Callable[[], object]) -> None:
    """Run a job on a thread of its own, and leave no connection behind."""
    try:
        job()
    finally:
        connections.close_all()
