"""Querysets whose SQL is built once a process: what an answer costs is mostly building SQL.

The queryset stays the definition, in both dialects; what a run saves is its compilation, about
0.3 ms a query. Nothing is remembered about rows.
"""

from __future__ import annotations

import itertools
import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Model
from django.db.models.base import ModelState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from django.db.models import QuerySet

M = TypeVar("M", bound=Model)
_numbers = itertools.count(1)
IS_SQLITE = connections[DEFAULT_DB_ALIAS].vendor == "sqlite"


class Prepared:
    """A `values_list` queryset as a function of ints, strings, UUIDs and aware datetimes.

    `build` is called once with stand-ins; each of them has to end up in the SQL as a parameter of
    its own, so a value that decides the shape of the query (a slice, a None) cannot be one. A list
    stands for the values of an `__in`, however many: `build` gets a list of one.
    `lock` is the locking clause on PostgreSQL; Django's own cannot lock one table of a
    `values_list`.
    """

    def __init__(self, build: Callable[..., QuerySet[Any, Any]], *, lock: str = "") -> None:
        self._build = build
        self._lock = lock
        self._plan: _Plan | None = None

    def rows(self, *values: Any) -> list[tuple[Any, ...]]:
        """Run it; give rows as `values_list` does."""
        return self.read(self.raw(*values))

    def first(self, *values: Any) -> tuple[Any, ...] | None:
        """Run it; give the first row or None."""
        found = self.rows(*values)
        return found[0] if found else None

    def raw(self, *values: Any) -> list[tuple[Any, ...]]:
        """Run it; give rows as the database has them."""
        plan = self._plan or self._compiled(values)
        return plan.statement.run(
            [
                constant if place is None else adapted(values[place])
                for place, constant in plan.slots
            ]
        )

    def read(self, raw: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """Convert raw rows of this query as Django does."""
        if not raw or self._plan is None or not self._plan.converters:
            return list(raw)
        rows = [list(row) for row in raw]
        for place, convert in self._plan.converters:
            for row in rows:
                row[place] = convert(row[place])
        return [tuple(row) for row in rows]

    def pick(self, raw: Sequence[tuple[Any, ...]], places: Sequence[int]) -> list[tuple[Any, ...]]:
        """Convert some columns of raw rows, as `read` does all."""
        converters = dict(self._plan.converters) if self._plan else {}
        chosen = [(place, converters.get(place)) for place in places]
        return [
            tuple(convert(row[place]) if convert else row[place] for place, convert in chosen)
            for row in raw
        ]

    def _compiled(self, values: Sequence[Any]) -> _Plan:
        lists = [isinstance(value, list) for value in values]
        stand_ins = [
            _stand_in(value[0] if is_list else value)
            for value, is_list in zip(values, lists, strict=True)
        ]
        given = [[one] if is_list else one for one, is_list in zip(stand_ins, lists, strict=True)]
        query = self._build(*given).query
        compiler = query.get_compiler(using=DEFAULT_DB_ALIAS)
        sql, parameters = compiler.as_sql()
        if self._lock and not IS_SQLITE:
            sql = f"{sql} {self._lock}"
        places = {adapted(stand_in): place for place, stand_in in enumerate(stand_ins)}
        slots = [places.get(parameter) for parameter in parameters]
        sql = _with_lists(sql, [place is not None and lists[place] for place in slots])
        if set(slots) - {None} != set(places.values()):
            raise TypeError("A value does not reach the SQL as a parameter.")
        selected = [column for column, _, _ in compiler.select[: compiler.col_count]]
        found = compiler.get_converters(selected)
        self._plan = _Plan(
            Statement(sql),
            list(zip(slots, parameters, strict=True)),
            [(place, _converter(*both)) for place, both in found.items()],
        )
        return self._plan


class Statement:
    """SQL written by hand, with `%s` for each value, kept ready by the database.

    It runs on Django's connection and in its transaction, past Django's cursor: PostgreSQL keeps
    the plan (so the SQL must not vary), SQLite the compiled statement.
    """

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self._for_sqlite = sql.replace("%s", "?").replace("%%", "%")

    def run(self, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run it; give the rows it returns, if any, as the driver has them."""
        connection = connections[DEFAULT_DB_ALIAS]
        if connection.force_debug_cursor or settings.DEBUG:  # Somebody counts queries.
            with connection.cursor() as cursor:
                cursor.execute(self.sql, values)
                return list(cursor.fetchall()) if cursor.description else []
        if connection.connection is None:
            connection.ensure_connection()
        with connection.wrap_database_errors:
            if IS_SQLITE:
                found: list[tuple[Any, ...]] = connection.connection.execute(
                    self._for_sqlite, values
                ).fetchall()
                return found
            return _run_on_postgres(connection.connection, self.sql, values)

    def run_for_each(self, rows: Sequence[Sequence[Any]]) -> None:
        """Run it once a row, on SQLite, where it returns nothing."""
        connection = connections[DEFAULT_DB_ALIAS]
        if connection.force_debug_cursor or settings.DEBUG:
            for row in rows:
                self.run(row)
            return
        if connection.connection is None:
            connection.ensure_connection()
        with connection.wrap_database_errors:
            connection.connection.executemany(self._for_sqlite, rows)


class Rows:
    """A statement that writes many rows: PostgreSQL takes columns as arrays, SQLite row by row.

    It returns nothing. `on_postgres` has one `%s` a column, `on_sqlite` as well; a row's values
    come in that order.
    """

    def __init__(self, *, on_postgres: str, on_sqlite: str) -> None:
        self._statement = Statement(on_sqlite if IS_SQLITE else on_postgres)

    def run(self, rows: Sequence[Sequence[Any]]) -> None:
        """Write the rows; none is none."""
        if not rows:
            return
        if not IS_SQLITE:
            self._statement.run([list(column) for column in zip(*rows, strict=True)])
            return
        self._statement.run_for_each([adapted_all(row) for row in rows])


ROWS_A_STATEMENT = 200


def insert(table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[int]:
    """Insert rows by a statement for two hundred; give their ids, in the order of the rows.

    As `bulk_create` does, at a third of what it costs: no object and no look at each field. What
    is not among the columns has to be NULL, for Django's defaults are not the database's.
    """
    one = f"({', '.join(['%s'] * len(columns))})"
    ids: list[int] = []
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        for start in range(0, len(rows), ROWS_A_STATEMENT):
            some = rows[start : start + ROWS_A_STATEMENT]
            values = ", ".join([one] * len(some))
            cursor.execute(
                f"INSERT INTO {table} ({', '.join(columns)}) VALUES {values} RETURNING id",  # noqa: S608 - names of ours
                adapted_all(value for row in some for value in row),
            )
            ids += [row_id for (row_id,) in cursor.fetchall()]
    return ids


ANY_OF = "IN (SELECT value FROM json_each(%s))" if IS_SQLITE else "= ANY(%s)"
"""After a column: one of the values of a list, which goes in as `adapted(list)`."""


def _with_lists(sql: str, are_lists: Sequence[bool]) -> str:
    """Let each `IN (%s)` of a list take all of it as one value."""
    first, *rest = sql.split("%s")
    for part, is_list in zip(rest, are_lists, strict=True):
        if not is_list:
            first = f"{first}%s{part}"
        elif first.endswith("IN (") and part.startswith(")"):
            first = f"{first.removesuffix('IN (')}{ANY_OF}{part.removeprefix(')')}"
        else:
            raise TypeError("A list has to be the values of an `__in`.")
    return first


_runs: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
_NEW_PLANS_EVERY = 1 << 15


def _run_on_postgres(raw: Any, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Run a statement, prepared once a connection (see `prepare_threshold` in the settings).

    A plan is kept, and fits the tables as large as they were when it was made: on a new project
    that is a scan of nothing, which is soon a scan of thousands. So plans are made anew each time
    the connection has run twice as many statements; from then on the server's ANALYZE sees to it.
    """
    import psycopg  # noqa: PLC0415 - not on a machine that has only SQLite

    n_run = _runs.get(raw, 0) + 1
    _runs[raw] = n_run
    with psycopg.Cursor(raw) as cursor:
        if n_run & (n_run - 1) == 0 or n_run % _NEW_PLANS_EVERY == 0:
            cursor.execute("DISCARD PLANS", prepare=False)
        given = [_array(value) if type(value) is list else value for value in values]
        cursor.execute(sql, given, prepare=True)
        found = cursor.pgresult  # `description` would make an object a column first.
        return cursor.fetchall() if found is not None and found.nfields else []


def _array(values: list[Any]) -> str:
    """Write a list as PostgreSQL writes an array; the statement says or implies of what type.

    The driver looks at every value for its type, three times as long, and prepares a statement once
    more for every size of numbers.
    """
    kinds = set(map(type, values))
    if len(kinds) == 1:
        return f"{{{','.join(map(_ELEMENTS.get(kinds.pop(), _quoted), values))}}}"
    return f"{{{','.join([_ELEMENTS.get(type(value), _quoted)(value) for value in values])}}}"


def _quoted(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"A list for PostgreSQL cannot hold {value!r}.")
    text = str(value)
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


_ELEMENTS: dict[type, Callable[[Any], str]] = {
    int: str,
    float: repr,
    bool: lambda value: "t" if value else "f",
    type(None): lambda _: "NULL",
    uuid.UUID: lambda value: value.hex,
    datetime: lambda value: f'"{value.isoformat()}"',
    bytes: lambda value: f'"\\\\x{value.hex()}"',
}


def instance(model: type[M], names: Sequence[str], values: Sequence[Any], **related: Model) -> M:
    """Give a row as an object, as `Model.from_db` does; what was not read is read on demand.

    Past `__init__`, which looks at every field and sends two signals that nobody here listens to.
    `related` are the objects that foreign keys among the values point to.
    """
    row = model.__new__(model)
    row._state = ModelState()
    row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS
    row.__dict__.update(zip(names, values, strict=True))
    if related:
        row._state.fields_cache = related
    return row


@dataclass(frozen=True, slots=True)
class _Plan:
    statement: Statement
    slots: list[tuple[int | None, Any]]
    converters: list[tuple[int, Callable[[Any], Any]]]


def _converter(given: Sequence[Any], expression: Any) -> Callable[[Any], Any]:
    """Join Django's converters of a column to one function of a value."""
    if IS_SQLITE and len(given) == 1 and settings.USE_TZ:
        shorter = _SHORTER.get(getattr(given[0], "__name__", ""))
        if shorter is not None:
            return shorter

    if len(given) == 1 and getattr(given[0], "__qualname__", "") == "JSONField.from_db_value":
        (read,) = given  # It asks nothing of the connection.
        return lambda value: read(value, expression, None)

    def convert(value: Any) -> Any:
        connection = connections[DEFAULT_DB_ALIAS]
        for one in given:
            value = one(value, expression, connection)
        return value

    return convert


def adapted(value: Any) -> Any:
    """Give a value, or a list of them, as this database's driver takes it."""
    if not IS_SQLITE:
        return value
    adapt = _ADAPTERS.get(type(value))
    return value if adapt is None else adapt(value)


def adapted_all(values: Iterable[Any]) -> list[Any]:
    """Give several values as this database's driver takes each."""
    if not IS_SQLITE:
        return list(values)
    find = _ADAPTERS.get
    return [value if (adapt := find(type(value))) is None else adapt(value) for value in values]


def _adapted_list(values: list[Any]) -> str:
    return json.dumps(adapted_all(values))


@lru_cache(maxsize=64)  # Of a batch, most are the same moment.
def _adapted_moment(moment: datetime) -> str:
    # As Django stores them: UTC, without its name.
    is_utc = moment.tzinfo is UTC
    return str((moment if is_utc else moment.astimezone(UTC)).replace(tzinfo=None))


_ADAPTERS: dict[type, Callable[[Any], Any]] = {
    list: _adapted_list,
    uuid.UUID: lambda value: value.hex,
    datetime: _adapted_moment,
}


def _moment(value: str | datetime | None) -> datetime | None:
    """Read a moment as SQLite has it, as Django's converter does."""
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)


def _uuid(text: str | None) -> uuid.UUID | None:
    return None if text is None else uuid.UUID(hex=text)


def _truth(value: Any) -> Any:
    return bool(value) if value in (0, 1) else value


_SHORTER = {
    "convert_datetimefield_value": _moment,
    "convert_uuidfield_value": _uuid,
    "convert_booleanfield_value": _truth,
}
"""By the name of Django's converter for SQLite: the same without looking the zone up each time."""


def _stand_in(value: Any) -> Any:
    """Give a value of the same type that no query has by chance."""
    number = next(_numbers)
    if isinstance(value, bool) or value is None:
        raise TypeError("A truth value decides the shape of a query.")
    if isinstance(value, int):
        return 2**31 - 1 - number
    if isinstance(value, uuid.UUID):
        return uuid.uuid4()
    if isinstance(value, datetime):
        return datetime(1901, 1, 1, tzinfo=UTC) + timedelta(microseconds=number)
    return f"stand-in {number}"
