"""The claims of several tabs at once: what one after the other would have given, in few statements.

The counter is locked, the streams' most urgent entries are read once with who knows them already,
and dealt out in the order of the serve numbers: a number takes the most urgent entry of its stream
that its person may get, as `claims.take` does. That is certain as long as what was read suffices;
from the first tab on for which it does not, everybody claims by themselves.
"""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from labeling.models import Assignment, AssignmentState, Image
from labeling.selectors import queue as queue_selectors
from labeling.selectors.prepared import ANY_OF, IS_SQLITE, Statement, adapted, adapted_all, instance
from labeling.selectors.votes import is_live
from labeling.services import claims, standing, streams

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from labeling.services.claims import Holder, Taken

SPARE = 6
"""Entries of each stream that are read beyond those due: some may be known to who is due."""


@dataclass(frozen=True, slots=True)
class Granted:
    """What a tab took, and what it holds now; None where that was not looked at."""

    taken: Taken
    held: list[Assignment] | None


@dataclass(slots=True)
class _Entry:
    """An entry that waits, with its image, and who must not get it."""

    id: int
    image_id: int
    reason: str
    policy: str
    model_version: Any
    probability: float
    left: int
    known_to: set[int]
    image: tuple[Any, ...]


@dataclass(slots=True)
class _Deal:
    """A serve number, whose it is and what it gets."""

    number: int
    holder: Holder
    entry: _Entry
    public_id: uuid.UUID = field(default_factory=uuid.uuid4)


def take_all(holders: Sequence[Holder], now: datetime) -> list[Granted]:
    """Take what each of some tabs of one project lacks, as `claims.take` for one after the other.

    Inside a transaction that holds the locks of all their annotators; one tab a person.
    """
    if not holders:
        return []
    tabs = [(one.annotator.id, one.client) for one in holders]
    held = queue_selectors.held_by_many(tabs, now)
    missing = [_lacks(one, len(held[tab])) for one, tab in zip(holders, tabs, strict=True)]
    granted: list[Granted] = []
    deals: list[_Deal] = []
    if any(missing):
        window = _Window(holders, missing)
        for holder, count, tab in zip(holders, missing, tabs, strict=True):
            dealt = window.deal(holder, count)
            if dealt is None:
                break
            deals += dealt
            held[tab] += [_assignment(one, now) for one in dealt]
            due = tuple(one.entry.reason for one in dealt)
            granted.append(Granted(claims.Taken(due, frozenset()), held[tab]))
        _store(deals, held, now)
    else:
        granted = [Granted(claims.NOTHING, held[tab]) for tab in tabs]
    return granted + [Granted(claims.take(one, now), None) for one in holders[len(granted) :]]


def _lacks(holder: Holder, n_held: int) -> int:
    if standing.refusal(holder.annotator) is not None:
        return 0
    return max(0, holder.size - n_held)


class _Window:
    """The top of the streams whose turns come now."""

    def __init__(self, holders: Sequence[Holder], missing: Sequence[int]) -> None:
        self._number = _served(holders[0])
        due: Counter[str] = Counter()
        number = self._number
        for holder, count in zip(holders, missing, strict=True):
            due.update(claims.reason_at(holder, number + place) for place in range(count))
            number += count
        people = [holder.annotator.id for holder in holders]
        self._entries = _read(holders[0].project.id, people, due)

    def deal(self, holder: Holder, count: int) -> list[_Deal] | None:
        """Give the next numbers to a tab; None where what was read does not suffice."""
        dealt: list[_Deal] = []
        mine: set[int] = set()
        for number in range(self._number, self._number + count):
            entry = self._best(claims.reason_at(holder, number), holder.annotator.id, mine)
            if entry is None:
                return None
            mine.add(entry.id)
            dealt.append(_Deal(number, holder, entry))
        for one in dealt:
            one.entry.left -= 1
        self._number += count
        return dealt

    def _best(self, reason: str, annotator_id: int, mine: set[int]) -> _Entry | None:
        for entry in self._entries.get(reason, ()):
            if entry.left > 0 and entry.id not in mine and annotator_id not in entry.known_to:
                return entry
        return None


_SERVED = Statement(
    "SELECT served FROM labeling_servecounter WHERE project_id = %s"  # noqa: S608
    + ("" if IS_SQLITE else " FOR NO KEY UPDATE")
)


def _served(holder: Holder) -> int:
    ((served,),) = _SERVED.run([holder.project.id])
    return int(served)


# Who has answered an image, or holds it, of those who ask.
_KNOWN = (
    "SELECT answer.annotator_id FROM labeling_annotation AS answer "  # noqa: S608
    f"WHERE answer.image_id = entry.image_id AND answer.annotator_id {ANY_OF} "
    f"AND {is_live('answer')} UNION ALL "
    "SELECT held.annotator_id FROM labeling_assignment AS held "
    f"WHERE held.image_id = entry.image_id AND held.annotator_id {ANY_OF} "
    "AND held.state = 'OPEN'"
)
_TOP = (
    "SELECT entry.id, entry.image_id, entry.reason, entry.policy, entry.model_version, "
    "entry.selection_probability, entry.open_slots, image.public_id, image.width, image.height, "
    "{known} FROM labeling_queueentry AS entry "
    "JOIN labeling_image AS image ON image.id = entry.image_id "
    "WHERE entry.project_id = %s AND entry.reason = {reason} "
    "AND entry.state = 'OPEN' AND entry.open_slots > 0 "
    "AND image.flagged_at IS NULL AND image.removed_at IS NULL "
    "ORDER BY entry.priority DESC, entry.id LIMIT {count}"
)
_ON_SQLITE = Statement(
    _TOP.format(
        known=f"(SELECT group_concat(annotator_id) FROM ({_KNOWN}))",  # noqa: S608
        reason="%s",
        count="%s",
    )
)
_ON_POSTGRES = Statement(
    "SELECT top.* FROM unnest(%s::text[], %s::int[]) AS due(reason, n) CROSS JOIN LATERAL ("  # noqa: S608
    + _TOP.format(known=f"ARRAY({_KNOWN})", reason="due.reason", count="due.n")
    + " FOR UPDATE OF entry SKIP LOCKED) AS top"
)


def _read(project_id: int, people: list[int], due: Counter[str]) -> dict[str, list[_Entry]]:
    """Give the most urgent entries of each stream that is due, the first first, and lock them."""
    counts = {str(reason): n + SPARE for reason, n in due.items() if reason}
    if IS_SQLITE:
        asked = adapted(people)
        rows = [
            (*row, {int(one) for one in row_known.split(",")} if row_known else set())
            for reason, n in counts.items()
            for *row, row_known in _ON_SQLITE.run([asked, asked, project_id, reason, n])
        ]
    else:
        asked_for = [list(counts), list(counts.values()), people, people, project_id]
        rows = [(*row, set(row_known)) for *row, row_known in _ON_POSTGRES.run(asked_for)]
    found: dict[str, list[_Entry]] = defaultdict(list)
    for key, image_id, reason, policy, version, probability, left, *image, known_to in rows:
        found[reason].append(
            _Entry(
                key, image_id, reason, policy, version, probability, left, known_to, tuple(image)
            )
        )
    return found


_HELD = ["public_id", "project_id", "image_id", "annotator_id", "state", "reason"]
_HELD += ["serve_number", "policy", "suggestion", "expires_at"]


def _until(holder: Holder, now: datetime) -> datetime:
    return now + timedelta(seconds=holder.project.assignment_ttl_s)


def _assignment(deal: _Deal, now: datetime) -> Assignment:
    """Give the row as `queue_selectors.held_by` would read it, but for its key."""
    entry, holder = deal.entry, deal.holder
    values = [deal.public_id, holder.project.id, entry.image_id, holder.annotator.id]
    values += [AssignmentState.OPEN.value, entry.reason, deal.number, entry.policy, None]
    values += [_until(holder, now)]
    public_id, width, height = entry.image
    if IS_SQLITE:
        public_id = uuid.UUID(public_id)
    names = ["id", "public_id", "width", "height"]
    image = instance(Image, names, [entry.image_id, public_id, width, height])
    return instance(Assignment, _HELD, values, image=image)


# --- writing --------------------------------------------------------------------------------

_COLUMNS = (
    "public_id, project_id, image_id, annotator_id, entry_id, reason, policy, model_version, "
    "selection_probability, serve_number, client, created_at, expires_at"
)
_STORE = Statement(
    "WITH slot AS (UPDATE labeling_queueentry AS entry "  # noqa: S608
    "SET open_slots = entry.open_slots - taken.n "
    "FROM (SELECT id, count(*) AS n FROM unnest(%s::bigint[]) AS id GROUP BY id) AS taken "
    "WHERE entry.id = taken.id), spent AS ("
    "UPDATE labeling_servecounter SET served = served + %s WHERE project_id = %s) "
    f"INSERT INTO labeling_assignment ({_COLUMNS}, state) SELECT {_COLUMNS}, 'OPEN' FROM unnest("
    "%s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::text[], "
    "%s::uuid[], %s::float8[], %s::bigint[], %s::text[], %s::timestamptz[], %s::timestamptz[]) "
    f"AS new({_COLUMNS}) RETURNING id, public_id"
)
_TAKE_SLOTS = Statement(
    "UPDATE labeling_queueentry SET open_slots = open_slots - %s "  # noqa: S608
    f"WHERE id {ANY_OF}"
)
_SPEND = Statement("UPDATE labeling_servecounter SET served = served + %s WHERE project_id = %s")


def _store(
    deals: Sequence[_Deal], held: dict[tuple[int, str], list[Assignment]], now: datetime
) -> None:
    """Write the assignments, take the slots and spend the numbers."""
    if not deals:
        return
    project_id = deals[0].holder.project.id
    entries = [one.entry.id for one in deals]
    rows = [_values(one, now) for one in deals]
    if IS_SQLITE:
        taken: dict[int, list[int]] = defaultdict(list)
        for entry_id, n in Counter(entries).items():
            taken[n].append(entry_id)
        for n, ids in taken.items():
            _TAKE_SLOTS.run([n, adapted(ids)])
        _SPEND.run([len(deals), project_id])
        values = adapted_all(value for row in rows for value in row)
        stored = [(pk, uuid.UUID(one)) for pk, one in _insert_on_sqlite(len(rows)).run(values)]
    else:
        columns = [list(column) for column in zip(*rows, strict=True)]
        stored = _STORE.run([entries, len(deals), project_id, *columns])
    keys = {public_id: pk for pk, public_id in stored}
    for tab in held.values():
        for one in tab:
            if one.public_id in keys:
                one.pk = keys[one.public_id]


def _values(deal: _Deal, now: datetime) -> list[Any]:
    entry, holder = deal.entry, deal.holder
    share = min(1.0, streams.slots_a_block(holder.project)[entry.reason] / streams.BLOCK)
    values = [deal.public_id, holder.project.id, entry.image_id, holder.annotator.id, entry.id]
    values += [entry.reason, entry.policy, entry.model_version, entry.probability * share]
    return [*values, deal.number, holder.client, now, _until(holder, now)]


@cache
def _insert_on_sqlite(n_rows: int) -> Statement:
    row = f"({', '.join(['%s'] * 13)}, 'OPEN')"
    return Statement(
        f"INSERT INTO labeling_assignment ({_COLUMNS}, state) "  # noqa: S608
        f"VALUES {', '.join([row] * n_rows)} RETURNING id, public_id"
    )
