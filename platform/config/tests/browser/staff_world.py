"""A project in full swing, as the staff room shows it: answers, versions, people, messages.

All of it by the services; made up are only the embeddings, in place of a backbone.
"""

from __future__ import annotations

import io
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone
from django.utils.text import slugify

from config import rendered
from labeling.selectors import images as image_selectors
from labeling.services import gold, images, invitations, people, projects, split_groups
from labeling.services import queue as queue_service
from labeling.services.annotations import record_direct, submit
from ml.services import refit
from ml.tests import vectors

PASSWORD = "walnut-harbour-93"
SOURCES = ("market hall", "kitchen shelf")


@dataclass
class StaffWorld:
    """The project, who manages it, and what its pictures show."""

    project_id: int
    slug: str
    address: str
    username: str
    session: str
    rng: np.random.Generator
    now: datetime
    kinds: dict[int, str] = field(default_factory=dict)
    audit: list[int] = field(default_factory=list)
    pool: list[int] = field(default_factory=list)
    people: dict[str, int] = field(default_factory=dict)

    def room(self, tab: str = "overview") -> str:
        return f"{self.address}/staff/{self.slug}/{tab}"


def make(
    address: str, *, extra_labels: int = 0, pool: int = 56, audit: int = 44, at_work: bool = True
) -> StaffWorld:
    """Make the project: 100 pictures and, `at_work`, two people and three versions."""
    now = timezone.now() - timedelta(days=3)
    names = [*rendered.KINDS, *(f"Shelf good {number:02}" for number in range(extra_labels))]
    manager, _ = people.create_owner(username="morgan", password=PASSWORD)
    project = projects.create_project(
        name="Pantry shelf", classes=names, now=now, created_by_id=manager.pk, votes_audit=2, seed=3
    )
    client = Client()
    client.force_login(manager)
    world = StaffWorld(
        project.pk,
        project.slug,
        address,
        manager.get_username(),
        client.cookies["sessionid"].value,
        np.random.default_rng(11),
        now,
    )
    _add_pictures(world, pool, audit)
    if at_work:
        _let_people_work(world)
    return world


def picture(kind: str, rng: np.random.Generator) -> io.BytesIO:
    buffer = io.BytesIO()
    rendered.draw(kind, rng).save(buffer, "JPEG", quality=88)
    buffer.seek(0)
    return buffer


def _add_pictures(world: StaffWorld, pool: int, audit: int) -> None:
    kinds = list(rendered.KINDS)
    for number in range(pool + audit):
        kind = kinds[int(world.rng.integers(len(kinds)))] if number >= 8 else kinds[number]
        stored = images.ingest(
            project_id=world.project_id,
            upload=picture(kind, world.rng),
            original_name=f"shelf-{number:03}.jpg",
            source=SOURCES[number % 3 == 0],
            licence="CC0",
            uploaded_by_id=None,
            now=world.now,
        )
        world.kinds[stored.image_id] = kind
    everything = list(world.kinds)
    world.pool, world.audit = everything[:pool], everything[pool:]
    for partition, chosen in (("POOL", world.pool), ("AUDIT", world.audit)):
        split_groups.set_partitions(
            project_id=world.project_id,
            decisions=[split_groups.GroupDecision([one], partition=partition) for one in chosen],
            now=world.now,
            rng=world.rng,
        )
    numbers = {image_id: kinds.index(kind) for image_id, kind in world.kinds.items()}
    vectors.give_vectors(world.project_id, numbers, now=world.now, rng=world.rng)


def join(world: StaffWorld, name: str) -> int:
    _, token = invitations.invite(
        project_id=world.project_id, role="VOLUNTEER", use_limit=20, ttl=timedelta(days=9),
        now=world.now,
    )  # fmt: skip
    annotator, _ = invitations.accept_invitation(
        token=token, display_name=name, consented=True, user_id=None, now=world.now
    )
    return annotator.pk


def answer(
    world: StaffWorld, annotator_id: int, image_ids: Sequence[int], *, kind: str = "LABEL"
) -> None:
    """Answer each image truly, or that it is none of these."""
    for image_id in image_ids:
        record_direct(
            annotator_id=annotator_id,
            image_id=image_id,
            kind=kind,
            label_codes=[slugify(world.kinds[image_id])] if kind == "LABEL" else [],
            key=uuid.uuid4(),
            now=world.now,
        )


def _let_people_work(world: StaffWorld) -> None:
    robin, kim = join(world, "Robin"), join(world, "Kim of the allotments")
    world.people = {"Robin": robin, "Kim of the allotments": kim}
    answer(world, robin, world.audit[:40])
    answer(world, kim, world.audit[:38])
    for until in (16, 24, 36, 48):
        done = {16: 0, 24: 16, 36: 24, 48: 36}[until]
        answer(world, robin, world.pool[done:until])
        world.now += timedelta(hours=7)
        refit.run(project_id=world.project_id, now=world.now)
    answer(world, kim, world.pool[48:50], kind="NONE_OF_THESE")
    queue_service.top_up(project_id=world.project_id, now=world.now, rng=world.rng)
    _flag_one(world, kim)
    people.message_coordinator(
        annotator_id=kim,
        text="Some pictures show two things at once. Which one counts?",
        now=world.now,
    )
    vectors.start_fine_tune(world.project_id, progress=0.46, now=world.now)


def add_careless(world: StaffWorld, name: str = "Sam") -> int:
    """Let somebody join who gets every audit image wrong, though others are right about it."""
    person = join(world, name)
    world.people[name] = person
    kinds = list(rendered.KINDS)
    for image_id in world.audit[:30]:
        wrong = kinds[(kinds.index(world.kinds[image_id]) + 1) % len(kinds)]
        record_direct(
            annotator_id=person,
            image_id=image_id,
            kind="LABEL",
            label_codes=[slugify(wrong)],
            key=uuid.uuid4(),
            now=world.now,
        )
    return person


def set_gold(world: StaffWorld, image_ids: Sequence[int], *, note: str = "") -> None:
    """Make pictures gold by the word of the project's manager, who is no annotator yet."""
    manager = get_user_model().objects.get(username=world.username)
    annotator = people.annotator_of_user(
        project_id=world.project_id, user_id=manager.pk, now=world.now
    )
    refs = image_selectors.public_ids(image_ids)
    gold.set_references(
        project_id=world.project_id,
        references=[
            gold.Given(refs[image_id], slugify(world.kinds[image_id]), note)
            for image_id in image_ids
        ],
        user_id=manager.pk,
        annotator_id=annotator.pk,
        now=world.now,
    )


def _flag_one(world: StaffWorld, annotator_id: int) -> None:
    """Flag a pool image that the queue serves: nobody is to answer it again."""
    claimed = queue_service.claim(
        project_id=world.project_id, annotator_id=annotator_id, count=9, client="t", now=world.now
    )
    assignment = next(one for one in claimed.assignments if one.image_id in world.pool)
    submit(
        annotator_id=annotator_id,
        assignment_public_id=assignment.public_id,
        key=uuid.uuid4(),
        request_hash="flag",
        kind="FLAG",
        label_codes=[],
        flag_reason="PERSON",
        time_spent_ms=900,
        shown={},
        now=world.now,
    )
    world.pool.remove(assignment.image_id)
    queue_service.release(annotator_id=annotator_id, client="t", now=world.now)
