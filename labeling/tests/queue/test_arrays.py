"""Lists as PostgreSQL reads them: the same values come back."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from labeling.models import Reason
from labeling.selectors.prepared import IS_SQLITE, Statement, _array

if TYPE_CHECKING:
    from collections.abc import Sequence

NEPAL = timezone(timedelta(hours=5, minutes=45))
WORDS = ["", "NULL", "null", 'say "milk"', "back\\slash", "a,b", "{c}", " spaces ", "ü\n\t'日本"]
LISTS: list[tuple[str, Sequence[Any]]] = [
    ("bigint", [1, -(2**62), None, 40_000]),
    ("int", []),
    ("float8", [0.1, 1e-300, -2.5, None, float("inf")]),
    ("bool", [True, False, None]),
    ("text", [*WORDS, None]),
    ("uuid", [uuid.UUID(int=7), None]),
    ("bytea", [b"", b"\x00\xff\\", None]),
    (
        "timestamptz",
        [datetime(2026, 1, 2, 3, 4, 5, 6, NEPAL), None, datetime(1999, 12, 31, tzinfo=UTC)],
    ),
]


@pytest.mark.django_db
@pytest.mark.skipif(IS_SQLITE, reason="SQLite takes lists as JSON")
@pytest.mark.parametrize(("kind", "values"), LISTS, ids=[kind for kind, _ in LISTS])
def test_a_list_comes_back_as_it_went_in(kind: str, values: list[Any]) -> None:
    rows = Statement(f"SELECT one FROM unnest(%s::{kind}[]) AS one").run([values])
    assert [row[0] for row in rows] == values


def test_a_list_of_choices_holds_their_values() -> None:
    assert _array([Reason.GOLD, "x"]) == '{"GOLD","x"}'


def test_what_is_not_known_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot hold"):
        _array([memoryview(b"milk")])
