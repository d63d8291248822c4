"""Reading and writing rows of `Consensus` in few small statements: every answer needs them.

Only `labeling.services.consensus` writes through this.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from django.db import connection

from labeling.models import Consensus
from labeling.selectors.prepared import Prepared, Rows, Statement, instance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labeling.models import Image, Project

_COLUMNS = [field.attname for field in Consensus._meta.concrete_fields]
_stored = Prepared(
    lambda image_ids: Consensus.objects.filter(image_id__in=image_ids).values_list(*_COLUMNS)
)


def stored(image_ids: Sequence[int]) -> dict[int, Consensus]:
    """Give the rows of images that have one, by image."""
    rows = _stored.rows(list(image_ids)) if len(image_ids) else []
    found = [instance(Consensus, _COLUMNS, row) for row in rows]
    return {row.image_id: row for row in found}


def new(image: Image, project: Project) -> Consensus:
    """Give a row of an image that has none yet, to be filled in and stored."""
    row = instance(Consensus, _COLUMNS, [None] * len(_COLUMNS))
    row._state.adding, row._state.db = True, None
    row.image_id, row.project_id, row.is_expert = image.pk, project.pk, False
    return row


_VALUES = (
    "scheme_id, posterior, label_id, state, effective_votes, n_votes, is_expert, counted, "
    "resolved_at, updated_at"
)


@cache
def _set_counted(json_type: str) -> Statement:
    return Statement(
        f"UPDATE labeling_consensus SET counted = CAST(%s AS {json_type}) WHERE id = %s"  # noqa: S608
    )


_INSERT = f"INSERT INTO labeling_consensus (image_id, project_id, {_VALUES}) "
_OR_UPDATE = " ON CONFLICT (image_id) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in _VALUES.split(", ")
)
_UPSERT = Rows(
    on_sqlite=f"{_INSERT} VALUES ({', '.join(['%s'] * 12)}) {_OR_UPDATE}",
    on_postgres=_INSERT
    + f"SELECT image_id, project_id, {_VALUES.replace('counted', 'counted::jsonb')} "  # noqa: S608
    "FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bytea[], %s::bigint[], %s::text[], "
    "%s::float8[], %s::int[], %s::bool[], %s::text[], %s::timestamptz[], %s::timestamptz[]) "
    f"AS new(image_id, project_id, {_VALUES}) {_OR_UPDATE}",
)


def store(rows: list[Consensus]) -> None:
    """Write rows, new ones and others; a new row's key stays unknown.

    For 200 of them twenty times as fast as Django's `bulk_update`.
    """
    _UPSERT.run([_values(row) for row in rows])


def _values(row: Consensus) -> list[Any]:
    counted = None if row.counted is None else json.dumps(row.counted)
    values: list[Any] = [row.image_id, row.project_id, row.scheme_id, row.posterior, row.label_id]
    values += [row.state, row.effective_votes, row.n_votes, row.is_expert, counted]
    return [*values, row.resolved_at, row.updated_at]


def set_counted(consensus_id: int, record: dict[str, Any]) -> None:
    """Write what an image adds to skills, and nothing else."""
    statement = _set_counted("jsonb" if connection.vendor == "postgresql" else "text")
    statement.run([json.dumps(record), consensus_id])
