"""Real processes and threads against one database: the same races on PostgreSQL and SQLite."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from labeling.models import Annotator, Project
from labeling.services import alike
from labeling.services.windows import RefillEntry, refill
from labeling.tests.shared_database import shared_database
from labeling.tests.worlds import (
    NOW,
    active,
    claim,
    make_annotator,
    make_images,
    make_project,
    top_up,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
PROCESSES, THREADS = 4, 5
BASE_DIR = Path(__file__).resolve().parents[3]


def crowd(project: Project, count: int) -> list[Annotator]:
    people = [make_annotator(project, f"Person {number}") for number in range(count)]
    active(project, people)
    return people


class Race:
    """Processes on a database that all of them see."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "race.sqlite3"

    def run(self, jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        url = shared_database(self.file)
        processes = [self._start(job, number, url) for number, job in enumerate(jobs)]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == "ready"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        reports: list[dict[str, Any]] = []
        for process in processes:
            out, err = process.communicate(timeout=240)
            assert process.returncode == 0, err
            reports += json.loads(out)
        errors = [report["error"] for report in reports if "error" in report]
        assert not errors
        return reports

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(sql, values)
                return list(cursor.fetchall())
        with closing(sqlite3.connect(self.file)) as file:
            return list(file.execute(sql.replace("%s", "?"), values))

    def _start(self, job: dict[str, Any], number: int, url: str) -> subprocess.Popen[str]:
        environment = {
            **os.environ,
            "DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": "config.settings_test",
            "PYTHONPATH": f"{BASE_DIR / 'platform'}{os.pathsep}{BASE_DIR}",
        }
        return subprocess.Popen(
            [
                sys.executable,
                "-m",
                "labeling.tests.queue.racer",
                json.dumps({**job, "number": number}),
            ],
            env=environment,
            cwd=BASE_DIR,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def race(tmp_path: Path) -> Race:
    return Race(tmp_path)


def split(people: list[Annotator]) -> list[list[int]]:
    return [[one.pk for one in people[start::PROCESSES]] for start in range(PROCESSES)]


def test_twenty_claims_at_once_never_hand_a_slot_out_twice(race: Race) -> None:
    project = make_project()
    make_images(project, 40)
    people = crowd(project, PROCESSES * THREADS)
    top_up(project)
    jobs = [{"play": "claim", "project": project.pk, "annotators": part} for part in split(people)]
    reports = race.run(jobs)
    images = [image for report in reports for image in report["images"]]
    assert len(images) == len(set(images)) == 40
    assert race.query("SELECT served FROM labeling_servecounter") == [(40,)]
    numbers = race.query("SELECT serve_number FROM labeling_assignment ORDER BY serve_number")
    assert [number for (number,) in numbers] == list(range(40))


def test_claims_of_one_person_in_twenty_tabs_hold_no_image_twice(race: Race) -> None:
    project = make_project(votes_pool=3)
    make_images(project, 30)
    (ada, *_) = crowd(project, 3)
    jobs = [
        {"play": "claim", "project": project.pk, "annotators": [ada.pk] * THREADS}
        for _ in range(PROCESSES)
    ]
    images = [image for report in race.run(jobs) for image in report["images"]]
    assert len(images) == len(set(images)) == 30


def test_one_answer_sent_twenty_times_at_once_is_stored_once(race: Race) -> None:
    project = make_project()
    make_images(project, 3)
    held = claim(make_annotator(project))[0]
    reports = race.run(same_key(project, [held.pk] * THREADS))
    assert sorted(report["is_repeat"] for report in reports) == [False] + [True] * 19
    assert race.query("SELECT count(*) FROM labeling_annotation") == [(1,)]


def test_one_key_for_several_images_at_once_stores_one_and_refuses_the_rest(race: Race) -> None:
    project = make_project(client_window=5)
    make_images(project, 5)
    held = claim(make_annotator(project), count=5)
    reports = race.run(same_key(project, [one.pk for one in held]))
    assert sum(report.get("is_repeat") is False for report in reports) == 1
    assert sum(report.get("refused") == "key_reused" for report in reports) == 16
    assert race.query("SELECT count(*) FROM labeling_annotation") == [(1,)]


def same_key(project: Project, assignments: list[int]) -> list[dict[str, Any]]:
    key = str(uuid.uuid4())
    return [
        {
            "play": "double",
            "project": project.pk,
            "annotators": [0] * len(assignments),
            "assignments": assignments,
            "key": key,
        }
        for _ in range(PROCESSES)
    ]


OVER_ASSIGNED = """
SELECT image.id FROM labeling_image AS image WHERE image.partition IN ('POOL', 'AUDIT') AND
  (SELECT count(*) FROM labeling_annotation AS a WHERE a.image_id = image.id
     AND a.withdrawn_at IS NULL AND a.kind = 'LABEL') +
  (SELECT count(*) FROM labeling_assignment AS h WHERE h.image_id = image.id AND h.state = 'OPEN') +
  (SELECT coalesce(sum(e.open_slots), 0) FROM labeling_queueentry AS e
     WHERE e.image_id = image.id AND e.state = 'OPEN') > %s
"""
ANSWERED_TWICE = """
SELECT image_id, annotator_id FROM labeling_annotation
WHERE withdrawn_at IS NULL AND kind <> 'UNDO'
GROUP BY image_id, annotator_id HAVING count(*) > 1
"""
UNRESOLVED = """
SELECT count(*) FROM labeling_image AS image
LEFT JOIN labeling_consensus AS c ON c.image_id = image.id
WHERE image.partition IN ('POOL', 'AUDIT') AND (c.state IS NULL OR c.state <> 'RESOLVED')
"""


def test_a_badly_behaved_crowd_loses_doubles_and_over_assigns_nothing(race: Race) -> None:
    project = make_project(
        votes_pool=2, vote_cap_pool=2, votes_audit=2, vote_cap_audit=2, audit_serving_share=0.2
    )
    people = crowd(project, PROCESSES * 3)
    make_images(project, 60)
    make_images(project, 20, "AUDIT")
    before = race_count()
    reports = race.run(
        [{"play": "crowd", "project": project.pk, "annotators": part} for part in split(people)]
    )
    accepted = [key for report in reports for key in report["accepted"]]
    stored = {
        str(uuid.UUID(str(key)))
        for (key,) in race.query("SELECT key FROM labeling_annotation WHERE kind = 'LABEL'")
    }
    assert set(accepted) <= stored
    assert len(accepted) == len(set(accepted)) == len(stored) - before
    assert race.query(OVER_ASSIGNED, 2) == []
    assert race.query(ANSWERED_TWICE) == []
    assert race.query(UNRESOLVED) == [(0,)]


def test_grids_and_claims_at_once_lose_double_and_over_assign_nothing(race: Race) -> None:
    project = make_project(votes_pool=1, vote_cap_pool=1, alike_share=1.0)
    people = crowd(project, PROCESSES * 2)
    images = make_images(project, 60)
    # Six images of each kind, and one group only where two people meet in it.
    alike.set_groups(
        project_id=project.pk, groups={one.pk: images[place % 10].pk for place, one in
                                       enumerate(images)}
    )  # fmt: skip
    entries = [RefillEntry(one.pk, -float(place), 1.0) for place, one in enumerate(images)]
    refill(project_id=project.pk, entries=entries, policy="margin 1", model_version=None, now=NOW)
    before = race_count()
    reports = race.run(
        [{"play": "grid", "project": project.pk, "annotators": part} for part in split(people)]
    )
    accepted = [key for report in reports for key in report["accepted"]]
    assert sum(report["confirmed"] for report in reports) > 0
    assert len(accepted) == len(set(accepted)) == 60
    assert race.query("SELECT count(*) FROM labeling_annotation") == [(before + 60,)]
    assert race.query(OVER_ASSIGNED, 1) == []
    assert race.query(ANSWERED_TWICE) == []
    assert race.query(UNRESOLVED) == [(0,)]


def race_count() -> int:
    from labeling.models import Annotation

    return Annotation.objects.count()
