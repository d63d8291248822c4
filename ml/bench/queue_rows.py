"""The rows of `bench queue`: images by bulk SQL, people with open sessions, and the final count."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib.sessions.backends.db import SessionStore
from django.db import connection, transaction

from labeling.selectors import projects as project_selectors
from labeling.services import people, projects

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

SLUG = "bench-queue"
LABELS = ("Milk", "Oat milk", "Soy milk", "Juice", "Yoghurt", "Apple", "Pear", "Rice")
AUDIT_EVERY = 8  # near the default share of the audit slice, 0.12
NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %s) "
PARTITION = f"CASE WHEN i %% {AUDIT_EVERY} = 0 THEN 'AUDIT' ELSE 'POOL' END"
# Draw orders: the golden ratio's multiples modulo 1 are spread like random ones, and reproducible.
DRAW = "(i * 0.6180339887498949) - CAST(FLOOR(i * 0.6180339887498949) AS INTEGER)"
GROUPS = (
    "INSERT INTO labeling_splitgroup "  # noqa: S608 - our own literals
    "(id, project_id, partition, inclusion_probability, draw_order, created_at) "
    f"{NUMBERS} SELECT i, %s, {PARTITION}, 0.12, {DRAW}, %s FROM n"
)
IMAGES = (
    "INSERT INTO labeling_image (id, public_id, project_id, sha256, storage_key, "  # noqa: S608
    "thumbnail_key, "
    "original_name, width, height, size_bytes, source, licence, capture_session, "
    "perceptual_hash, split_group_id, partition, inclusion_probability, created_at) "
    f"{NUMBERS} SELECT i, {{uuid}}, %s, {{sha}}, 'bench', 'bench', '', 640, 480, 1, 'bench', "
    f"'CC0', '', i, i, {PARTITION}, 0.12, %s FROM n"
)
MEASURE = "UPDATE labeling_splitgroup SET measured_image_id = id WHERE partition = 'AUDIT'"
# More people at an image than the cap of its policy lets answer it.
OVER_ASSIGNED = """
SELECT coalesce(sum(excess), 0) FROM (
  SELECT (SELECT count(*) FROM labeling_annotation AS a
          WHERE a.image_id = i.id AND a.withdrawn_at IS NULL AND a.kind <> 'UNDO')
       + (SELECT count(*) FROM labeling_assignment AS h
          WHERE h.image_id = i.id AND h.state = 'OPEN')
       - CASE WHEN i.partition = 'AUDIT' THEN %s ELSE %s END AS excess
  FROM labeling_image AS i
  WHERE i.id IN (SELECT image_id FROM labeling_assignment)
) AS counted WHERE excess > 0
"""
SERVED_TWICE = """
SELECT coalesce(sum(n - 1), 0) FROM (
  SELECT count(*) AS n FROM labeling_assignment
  WHERE state IN ('OPEN', 'ANSWERED') GROUP BY image_id, annotator_id
) AS served WHERE n > 1
"""
ANSWERED_TWICE = """
SELECT coalesce(sum(n - 1), 0) FROM (
  SELECT count(*) AS n FROM labeling_annotation
  WHERE withdrawn_at IS NULL AND kind <> 'UNDO' GROUP BY image_id, annotator_id
) AS answered WHERE n > 1
"""


@dataclass(frozen=True, slots=True)
class Wrong:
    """What must be 0, 0 and 0."""

    over_assigned: int
    lost: int
    doubled: int


def make_project(images: int, *, now: datetime) -> int:
    """Make the project and its images; every eighth belongs to the audit slice."""
    project = projects.create_project(name=SLUG, classes=list(LABELS), now=now)
    is_postgres = connection.vendor == "postgresql"
    uuid = "gen_random_uuid()" if is_postgres else "lower(hex(randomblob(16)))"
    sha = "lpad(to_hex(i), 64, '0')" if is_postgres else "printf('%%064x', i)"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(GROUPS, [images, project.pk, now])
        cursor.execute(IMAGES.format(uuid=uuid, sha=sha), [images, project.pk, now])
        cursor.execute(MEASURE)
        if is_postgres:
            for table in ("labeling_image", "labeling_splitgroup"):
                cursor.execute(
                    f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), %s)", [images]
                )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return project.pk


def make_people(project_id: int, count: int, *, now: datetime) -> list[str]:
    """Let people join by an invitation; give the key of each one's open session."""
    _, token = people.invite(
        project_id=project_id,
        role="VOLUNTEER",
        use_limit=count,
        ttl=None,
        created_by_id=None,
        now=now,
    )
    return [_join(token, f"Bench {number}", now) for number in range(count)]


def _join(token: str, name: str, now: datetime) -> str:
    annotator, _ = people.accept_invitation(token=token, display_name=name, consented=True, now=now)
    session = SessionStore()
    session["annotators"] = {str(annotator.project_id): annotator.pk}
    session.save()
    return str(session.session_key)


def count_wrong(project_id: int, confirmed: Sequence[str]) -> Wrong:
    """Count what a queue must never do; `confirmed` are the keys the server has said yes to."""
    project = project_selectors.by_id(project_id)
    with connection.cursor() as cursor:
        cursor.execute(OVER_ASSIGNED, [project.vote_cap_audit, project.vote_cap_pool])
        (over_assigned,) = cursor.fetchone()
        cursor.execute(SERVED_TWICE)
        (served_twice,) = cursor.fetchone()
        cursor.execute(ANSWERED_TWICE)
        (answered_twice,) = cursor.fetchone()
        cursor.execute("SELECT key FROM labeling_annotation")
        stored = {uuid.UUID(str(key)).hex for (key,) in cursor.fetchall()}
    lost = {uuid.UUID(key).hex for key in confirmed} - stored
    return Wrong(int(over_assigned), len(lost), int(served_twice) + int(answered_twice))


def label_codes(project_id: int) -> tuple[str, ...]:
    """Give the labels that can be answered."""
    return project_selectors.current_scheme(project_id).codes
