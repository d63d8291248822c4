"""What `bench queue` compares with: one claim and one insert by hand-written SQL, in a bare view.

Only `config.settings_bench` routes it, beside everything else of Larder: same server, same
middleware, same database; no session, no checks, no policy, no consensus.
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

if TYPE_CHECKING:
    from django.urls import URLPattern, URLResolver

TABLES = (
    "CREATE TABLE bench_floor_entry (id INTEGER PRIMARY KEY, open_slots INTEGER NOT NULL)",
    "CREATE INDEX bench_floor_claim ON bench_floor_entry (id) WHERE open_slots > 0",
    "CREATE TABLE bench_floor_answer (id {key}, entry_id INTEGER NOT NULL, "
    "answer_key {uuid} NOT NULL UNIQUE, label VARCHAR(64) NOT NULL)",
)
CLAIM = """
UPDATE bench_floor_entry SET open_slots = open_slots - 1 WHERE id = (
  SELECT id FROM bench_floor_entry WHERE open_slots > 0 ORDER BY id LIMIT 1 {lock}
) RETURNING id
"""
INSERT = "INSERT INTO bench_floor_answer (entry_id, answer_key, label) VALUES (%s, %s, %s)"


def make_tables(entries: int) -> None:
    """Make the floor's own queue of `entries` images; the product's is left alone."""
    is_postgres = connection.vendor == "postgresql"
    key = "BIGSERIAL PRIMARY KEY" if is_postgres else "INTEGER PRIMARY KEY AUTOINCREMENT"
    with connection.cursor() as cursor:
        for statement in TABLES:
            cursor.execute(statement.format(key=key, uuid="UUID" if is_postgres else "CHAR(32)"))
        cursor.execute(
            "INSERT INTO bench_floor_entry (id, open_slots) "
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %s) "
            "SELECT i, 1 FROM n",
            [entries],
        )


@csrf_exempt
def floor(request: HttpRequest) -> HttpResponse:
    """Store the answer to one image and claim the next."""
    said = json.loads(request.body)
    is_postgres = connection.vendor == "postgresql"
    lock = "FOR UPDATE SKIP LOCKED" if is_postgres else ""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(INSERT, [said["entry"], uuid.UUID(said["key"]).hex, said["label"]])
        cursor.execute(CLAIM.format(lock=lock))
        row = cursor.fetchone()
    body = json.dumps({"entry": row[0] if row else None})
    return HttpResponse(body, content_type="application/json")


urlpatterns: list[URLPattern | URLResolver] = [
    path("bench-floor", floor),
    path("", include("config.urls")),
]
