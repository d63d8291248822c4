"""The real processes: booted, labeled with, killed, stopped and started again."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from config import rendered
from config.tests.e2e.machine import PASSWORD, Machine
from config.tests.e2e.volunteer import Volunteer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

PER_KIND = 25
ANSWERS = """
    SELECT count(*) FROM labeling_annotation a JOIN labeling_annotator p ON p.id = a.annotator_id
    WHERE p.kind = 'PERSON'
"""
SERVED = "SELECT coalesce(max(number), 0) FROM ml_modelversion WHERE promoted_at IS NOT NULL"
# Also those that the gate refused: it may, and the work is done all the same.
VERSIONS = "SELECT coalesce(max(number), 0) FROM ml_modelversion"
EMBEDDED = "SELECT count(*) FROM ml_embedding"
IMAGES = "SELECT count(*) FROM labeling_image"


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    folder = tmp_path / "drawn"
    rendered.write(folder, per_kind=PER_KIND)
    return folder


@pytest.fixture
def machine(tmp_path: Path, drawn: Path) -> Iterator[Machine]:
    # A path with a space, as home folders have.
    machine = Machine(tmp_path / "the data", LARDER_DEMO_IMAGES=str(drawn))
    yield machine
    machine.stop(signal.SIGKILL)


def _label_of(machine: Machine, image: str) -> str:
    """The label of an image, from the name of its file, as its drawer knows it."""
    sql = "SELECT original_name FROM labeling_image WHERE public_id = ?"
    name = str(machine.query(sql, image.replace("-", ""))[0][0])
    return Path(name).stem.rsplit("-", 1)[0]


def _answer(volunteer: Volunteer, machine: Machine, n: int) -> None:
    for _ in range(n):
        assert volunteer.answer_one(partial(_label_of, machine)), volunteer.done


def _all_gone(processes: list[psutil.Process]) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=60)
    return not alive


def test_from_the_first_start_to_a_classifier_through_every_kind_of_death(
    machine: Machine,
) -> None:
    total = PER_KIND * len(rendered.KINDS)
    machine.start()
    links = machine.links(timeout_s=180)
    assert PASSWORD.search(machine.said())
    volunteer = Volunteer(machine.url)
    volunteer.join(links["Label"], "Ada")

    # A classifier comes by itself.
    _answer(volunteer, machine, 30)
    machine.wait("a champion", lambda: machine.count(SERVED) >= 1, timeout_s=180)

    # The web process dies while answers are sent: each is there once.
    machine.kill("web")
    _answer(volunteer, machine, 5)
    assert machine.count(ANSWERS) == len(volunteer.answered) == 35

    # The worker dies in the middle of its work: the work is done all the same.
    _answer(volunteer, machine, 5)
    machine.kill("fast")
    machine.kill("default")
    before = machine.count(VERSIONS)
    _answer(volunteer, machine, 10)
    machine.wait("a newer version", lambda: machine.count(VERSIONS) > before, timeout_s=180)
    machine.wait("all embedded", lambda: machine.count(EMBEDDED) == total, timeout_s=180)

    # The broker is silent, then dead: answers go on being taken, and are learnt from later.
    machine.freeze("broker", is_frozen=True)
    before = machine.count(VERSIONS)
    _answer(volunteer, machine, 5)
    assert machine.count(ANSWERS) == 55
    machine.kill("broker")
    _answer(volunteer, machine, 10)
    machine.wait("a version after it", lambda: machine.count(VERSIONS) > before, timeout_s=180)

    # Nothing lost, nothing doubled.
    stored = machine.query("SELECT key, image_id FROM labeling_annotation WHERE kind = 'LABEL'")
    assert len(stored) == len({key for key, _ in stored}) == len(volunteer.answered)
    assert len({image for _, image in stored}) == len(stored)
    assert machine.count(IMAGES) == machine.count(EMBEDDED) == total

    # Ctrl-C leaves no process; the next start has everything, within seconds, and no password.
    family = machine.family()
    assert machine.stop(signal.SIGINT) == 0
    assert _all_gone(family)
    started = time.monotonic()
    machine.start()
    machine.links(timeout_s=180)
    assert time.monotonic() - started < 120
    assert not PASSWORD.search(machine.said())
    assert machine.count(ANSWERS) == len(volunteer.answered)
    _answer(volunteer, machine, 3)
    family = machine.family()
    machine.stop(signal.SIGKILL)
    assert _all_gone(family)
