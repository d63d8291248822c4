"""Rows of several people's answers, stored by few statements: those that are new and in time."""

from __future__ import annotations

import json
import uuid
from functools import cache
from typing import TYPE_CHECKING, Any

from labeling.selectors.prepared import IS_SQLITE, Statement, adapted, adapted_all
from labeling.selectors.votes import is_live
from labeling.services import answers, assignments

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from labeling.models import Annotation

    Chosen = Sequence[tuple[Annotation, list[int]]]


def store(chosen: Chosen, now: datetime) -> set[int]:
    """Store rows with the labels they name; give the places of those that were stored.

    Each row is of another annotator, who is locked as its image is, and answers an assignment. What
    repeats an earlier answer, or whose assignment is not open any more, is left out.
    """
    found = _store_on_sqlite(chosen, now) if IS_SQLITE else _store_on_postgres(chosen, now)
    stored = set()
    for place, (row, _) in enumerate(chosen):
        if row.public_id in found:
            row.pk = found[row.public_id]
            row._state.adding, row._state.db = False, "default"
            stored.add(place)
    return stored


# --- PostgreSQL -----------------------------------------------------------------------------

# As `answers.has_said`, `assignments.close` and `answers.write` for each: one way to the server.
_NEW = ", ".join(f"new.{name}" for name in answers.COLUMNS.split(", ")).replace(
    "new.shown", "new.shown::jsonb"
)
_ON_POSTGRES = Statement(
    "WITH new AS MATERIALIZED (SELECT * FROM unnest(%s::int[], %s::uuid[], %s::bigint[], "  # noqa: S608
    "%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::bool[], "
    "%s::int[], %s::text[], %s::uuid[], %s::text[], %s::timestamptz[]) "
    f"AS new(place, {answers.COLUMNS})), "
    "closed AS (UPDATE labeling_assignment AS held SET state = 'ANSWERED', closed_at = %s "
    "FROM new WHERE held.id = new.assignment_id AND held.state = 'OPEN' AND NOT EXISTS ("
    "SELECT 1 FROM labeling_annotation AS said "
    "WHERE said.annotator_id = new.annotator_id AND said.key = new.key) AND NOT EXISTS ("
    "SELECT 1 FROM labeling_annotation AS said "
    "WHERE said.image_id = new.image_id AND said.annotator_id = new.annotator_id "
    f"AND {is_live('said')}) RETURNING held.id), "
    f"said AS (INSERT INTO labeling_annotation ({answers.COLUMNS}) "
    f"SELECT {_NEW} FROM new JOIN closed ON closed.id = new.assignment_id ORDER BY new.place "
    "RETURNING id, public_id), named AS ("
    "INSERT INTO labeling_annotationlabel (annotation_id, label_id, value) "
    "SELECT said.id, chosen.label_id, 'YES' FROM said JOIN unnest(%s::uuid[], %s::bigint[]) "
    "AS chosen(public_id, label_id) USING (public_id)) SELECT public_id, id FROM said"
)


def _store_on_postgres(chosen: Chosen, now: datetime) -> dict[Any, int]:
    rows = [(place, *answers.values_of(row)) for place, (row, _) in enumerate(chosen)]
    columns: list[Any] = [list(column) for column in zip(*rows, strict=True)]
    named = [(row.public_id, label_id) for row, labels in chosen for label_id in labels]
    columns += [now, [public_id for public_id, _ in named], [label_id for _, label_id in named]]
    return dict(_ON_POSTGRES.run(columns))


# --- SQLite ---------------------------------------------------------------------------------


_SAID = Statement(
    "SELECT json_extract(asked.value, '$[0]') FROM json_each(%s) AS asked "  # noqa: S608
    "WHERE EXISTS ("
    "SELECT 1 FROM labeling_annotation AS said "
    "WHERE said.annotator_id = json_extract(asked.value, '$[1]') "
    "AND said.key = json_extract(asked.value, '$[2]')) OR EXISTS ("
    "SELECT 1 FROM labeling_annotation AS said "
    "WHERE said.image_id = json_extract(asked.value, '$[3]') "
    "AND said.annotator_id = json_extract(asked.value, '$[1]') "
    f"AND {is_live('said')})"
)


@cache
def _insert(n_rows: int) -> Statement:
    row = f"({', '.join(['%s'] * len(answers.COLUMNS.split(', ')))})"
    return Statement(
        f"INSERT INTO labeling_annotation ({answers.COLUMNS}) "  # noqa: S608
        f"VALUES {', '.join([row] * n_rows)} RETURNING public_id, id"
    )


_NAME = Statement(
    "INSERT INTO labeling_annotationlabel (annotation_id, label_id, value) "
    "SELECT json_extract(named.value, '$[0]'), json_extract(named.value, '$[1]'), 'YES' "
    "FROM json_each(%s) AS named"
)


def _store_on_sqlite(chosen: Chosen, now: datetime) -> dict[Any, int]:
    asked = [
        [place, row.annotator_id, adapted(row.key), row.image_id]
        for place, (row, _) in enumerate(chosen)
    ]
    said = {place for (place,) in _SAID.run([json.dumps(asked)])}
    new = [one for place, one in enumerate(chosen) if place not in said]
    held = [row.assignment_id for row, _ in new if row.assignment_id is not None]
    closed = assignments.close_many(held, now) if held else set()
    new = [one for one in new if one[0].assignment_id in closed]
    if not new:
        return {}
    values = adapted_all(value for row, _ in new for value in answers.values_of(row))
    keys = {uuid.UUID(public_id): pk for public_id, pk in _insert(len(new)).run(values)}
    named = [[keys[row.public_id], label_id] for row, labels in new for label_id in labels]
    if named:
        _NAME.run([json.dumps(named)])
    return keys
