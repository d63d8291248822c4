"""Workers that refit, promote and roll back at once: the same races on PostgreSQL and SQLite."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from labeling.tests.shared_database import shared_database
from ml.models import Champion, ModelVersion
from ml.tests.loop.world import World

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
PROCESSES, THREADS = 3, 2
BASE_DIR = Path(__file__).resolve().parents[3]


class Race:
    """Processes on a database that all of them see."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "race.sqlite3"
        self.url = ""

    def run(self, jobs: list[dict[str, Any]]) -> list[Any]:
        """Start all jobs together; give what their threads report, in one list."""
        self.url = self.url or shared_database(self.file)
        processes = [self._start(job) for job in jobs]
        for process in processes:
            assert process.stdout is not None
            is_ready = process.stdout.readline().strip() == "ready"
            assert is_ready, process.communicate()[1]
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        found: list[Any] = []
        for process in processes:
            out, err = process.communicate(timeout=240)
            assert process.returncode == 0, err
            for report in json.loads(out):
                assert report[-1:] == ["ended"], err
                found += report[:-1]
        return found

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return list(cursor.fetchall())
        with closing(sqlite3.connect(self.file)) as file:
            return list(file.execute(sql))

    def _start(self, job: dict[str, Any]) -> subprocess.Popen[str]:
        environment = {
            **os.environ,
            "DATABASE_URL": self.url,
            "DJANGO_SETTINGS_MODULE": "config.settings_test",
            "LARDER_DATA": str(self.folder / "data"),
            "PYTHONPATH": os.pathsep.join([str(BASE_DIR / "platform"), str(BASE_DIR)]),
        }
        return subprocess.Popen(
            [sys.executable, "-m", "ml.tests.loop.racer", json.dumps(job)],
            env=environment,
            cwd=BASE_DIR,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def race(tmp_path: Path, settings: Any) -> Race:
    # What a head was fitted on is a file: the processes must find the ones of this test.
    files = {**settings.STORAGES["default"], "OPTIONS": {"location": tmp_path / "data" / "files"}}
    settings.STORAGES = {**settings.STORAGES, "default": files}
    return Race(tmp_path)


def labeled_world(count: int) -> World:
    world = World.make(pool=160)
    world.label_some(count)
    if count:
        world.refit()
    return world


CHAMPIONS = "SELECT model_version_id FROM ml_champion"
SERVING = "SELECT id FROM ml_modelversion WHERE state = 'CHAMPION'"
NUMBERS = "SELECT number FROM ml_modelversion ORDER BY number"
ACTIVE = "SELECT count(*) FROM ml_trainingrun WHERE state IN ('QUEUED', 'RUNNING')"
PROMOTED = "SELECT count(*) FROM ml_modelversion WHERE promoted_at IS NOT NULL"


def assert_one_champion_and_no_gap(race: Race) -> int:
    (champion,) = race.query(CHAMPIONS)
    assert race.query(SERVING) == [champion]
    numbers = [number for (number,) in race.query(NUMBERS)]
    assert numbers == list(range(1, len(numbers) + 1))
    return int(champion[0])


def test_workers_that_refit_at_once_lose_no_answer_and_no_version(race: Race) -> None:
    world = labeled_world(0)
    ids = world.unanswered()[: PROCESSES * THREADS * 6]
    answers = [[image_id, world.truth[image_id]] for image_id in ids]
    jobs = [
        {
            "play": "refit",
            "project": world.project.pk,
            "annotator": world.annotator.pk,
            "threads": THREADS,
            "answers": [
                answers[process * THREADS + thread :: PROCESSES * THREADS]
                for thread in range(THREADS)
            ],
        }
        for process in range(PROCESSES)
    ]

    kinds = Counter(race.run(jobs))
    # Whoever was told to go home left its answer to the next look.
    last = race.run([{**jobs[0], "threads": 1, "answers": [[look_once_more(world)]]}])

    assert_one_champion_and_no_gap(race)
    assert kinds["deployed"] + last.count("deployed") == race.query(PROMOTED)[0][0]
    assert kinds["superseded"] == 0  # one refit at a time, by the run's constraint
    assert race.query(ACTIVE) == [(0,)]
    champion = "SELECT n_labels FROM ml_modelversion WHERE state = 'CHAMPION'"
    assert race.query(champion) == [(len(ids) + 1,)]


def look_once_more(world: World) -> list[Any]:
    image_id = world.unanswered()[-1]
    return [image_id, world.truth[image_id]]


@pytest.mark.parametrize("has_champion", [True, False], ids=["later", "first"])
def test_of_promotions_at_once_each_replaces_the_version_it_saw(
    race: Race, has_champion: bool
) -> None:
    world = labeled_world(20)
    copied = Champion.objects.get().model_version_id
    if not has_champion:
        Champion.objects.all().delete()
        ModelVersion.objects.update(state="RETIRED")

    reports = race.run([promoter(world, copied)] * PROCESSES)

    champion = assert_one_champion_and_no_gap(race)
    moves = [(before, after) for what, before, after in reports if what == "promoted"]
    assert moves
    # One chain from the first champion to the last: no version was replaced twice, so no
    # promotion that was confirmed was lost.
    after_of = dict(moves)
    assert len(after_of) == len(moves)
    at: int | None = copied if has_champion else None
    for _ in moves:
        at = after_of[at]
    assert at == champion
    assert {what for what, _, _ in reports} <= {"promoted", "pointer_moved"}


def test_promotions_and_roll_backs_at_once_leave_one_champion_that_serves(race: Race) -> None:
    world = labeled_world(20)
    copied = Champion.objects.get().model_version_id

    reports = race.run([{**promoter(world, copied), "rolls_back": True}] * PROCESSES)

    assert_one_champion_and_no_gap(race)
    done = Counter(what for what, _, _ in reports)
    assert done["promoted"]
    assert done["rolled_back"]
    rejected = "SELECT id FROM ml_modelversion WHERE state = 'REJECTED'"
    withdrawn = {before for what, before, _ in reports if what == "rolled_back"}
    assert {pk for (pk,) in race.query(rejected)} <= withdrawn
    moves = "SELECT count(*) FROM labeling_auditevent WHERE verb = 'version_rolled_back'"
    assert race.query(moves) == [(done["rolled_back"],)]


def promoter(world: World, copied: int) -> dict[str, Any]:
    return {
        "play": "promote",
        "project": world.project.pk,
        "copied": copied,
        "threads": THREADS,
        "turns": 12,
        "rolls_back": False,
    }
