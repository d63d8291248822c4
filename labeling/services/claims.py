"""The claim itself: serve numbers, slots and assignments, taken together or not at all.

PostgreSQL does it in one statement: it locks the project's serve counter, reads from it which
streams are due, picks their most urgent entries (passing over those that others are busy with),
takes a slot of each, spends the numbers and writes the assignments. The counter is the one row that
all claims of a project share; its lock is the first thing the statement takes and the transaction
ends right after. SQLite has one writer at a time and no writing subqueries: inside its immediate
transaction one `UPDATE … RETURNING` takes the slots. Both read the partial index
`queue_entry_claim` from its top, so the cost does not depend on the size of the pool.
"""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from django.db import connection

from labeling.models import Reason, ServeCounter
from labeling.selectors.prepared import Statement, adapted
from labeling.selectors.votes import is_live
from labeling.services import standing, streams

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from labeling.models import Annotator, Project

# Entries of one stream that this annotator may get. `state` and `open_slots` are literals so that
# the planner can prove the partial index.
CANDIDATES = """
SELECT entry.id, entry.image_id, entry.priority, entry.reason, entry.policy, entry.model_version,
       entry.selection_probability
FROM labeling_queueentry AS entry
JOIN labeling_image AS image ON image.id = entry.image_id
WHERE entry.project_id = {project} AND entry.reason = {reason}
  AND entry.state = 'OPEN' AND entry.open_slots > 0
  AND image.flagged_at IS NULL AND image.removed_at IS NULL
  AND NOT EXISTS (
    SELECT 1 FROM labeling_annotation AS answer
    WHERE answer.image_id = entry.image_id AND answer.annotator_id = {annotator}
      AND {live})
  AND NOT EXISTS (
    SELECT 1 FROM labeling_assignment AS held
    WHERE held.image_id = entry.image_id AND held.annotator_id = {annotator}
      AND held.state = 'OPEN')
ORDER BY entry.priority DESC, entry.id
LIMIT {count} {lock}
"""
HELD = """
SELECT count(*) FROM labeling_assignment AS mine
WHERE mine.annotator_id = {annotator} AND mine.client = {client} AND mine.state = 'OPEN'
  AND mine.expires_at > {now}
"""
POSTGRES = """
WITH asked AS (
  SELECT %s::bigint AS project_id, %s::bigint AS annotator_id, %s::text AS client,
         %s::timestamptz AS now, %s::timestamptz AS expires_at, %s::int AS size,
         %s::int AS most, %s::text AS forced, %s::float8 AS borrowed,
         %s::text AS pattern, %s::bigint AS base
), counter AS MATERIALIZED (
  SELECT served FROM labeling_servecounter
  WHERE project_id = (SELECT project_id FROM asked) FOR NO KEY UPDATE
), due AS (
  SELECT counter.served + i AS number, asked.forced,
         substr(asked.pattern, (counter.served - asked.base)::int + i + 1, 1) AS due
  FROM asked, counter,
       generate_series(0, least(asked.most, asked.size - ({held})::int) - 1) AS i
), turn AS MATERIALIZED (
  SELECT number, due, CASE WHEN due = '' THEN due ELSE coalesce(forced, due) END AS stream FROM due
), numbered AS (
  SELECT *, row_number() OVER (PARTITION BY stream ORDER BY number) AS place FROM turn
), picked AS MATERIALIZED (
  SELECT due.stream, name.share, entry.*,
         row_number() OVER (
           PARTITION BY due.stream ORDER BY entry.priority DESC, entry.id) AS place
  FROM (SELECT stream, count(*) AS n FROM turn GROUP BY stream) AS due
  CROSS JOIN asked
  JOIN (VALUES {names}) AS name(stream, reason, share) ON name.stream = due.stream
  CROSS JOIN LATERAL ({candidates}) AS entry
), filled AS MATERIALIZED (
  SELECT numbered.number, picked.* FROM numbered JOIN picked USING (stream, place)
  WHERE (SELECT count(*) FROM picked) = (SELECT count(*) FROM turn)
), slot AS (
  UPDATE labeling_queueentry AS entry SET open_slots = entry.open_slots - 1
  FROM filled WHERE entry.id = filled.id
), spent AS (
  UPDATE labeling_servecounter AS counter
  SET served = counter.served + (SELECT count(*) FROM filled)
  FROM asked WHERE counter.project_id = asked.project_id AND EXISTS (SELECT 1 FROM filled)
), handed AS (
  INSERT INTO labeling_assignment (
    public_id, project_id, image_id, annotator_id, entry_id, state, reason, policy,
    model_version, selection_probability, serve_number, client, created_at, expires_at)
  SELECT gen_random_uuid(), asked.project_id, filled.image_id, asked.annotator_id, filled.id,
         'OPEN', filled.reason, filled.policy, filled.model_version,
         filled.selection_probability * least(1, filled.share + asked.borrowed),
         filled.number, asked.client, asked.now,
         asked.expires_at
  FROM asked, filled
  RETURNING serve_number
)
SELECT counter.served, turn.due, turn.stream,
       (SELECT count(*) FROM picked WHERE picked.stream = turn.stream), handed.serve_number
FROM counter LEFT JOIN turn ON true LEFT JOIN handed ON handed.serve_number = turn.number
ORDER BY turn.number
"""
LETTERS = {
    Reason.ACQUIRED: "q",
    Reason.AUDIT: "a",
    Reason.RANDOM: "r",
    Reason.GOLD: "g",
    Reason.DISPUTE: "d",
}
NOT_THEIRS = "x"
"""The turn of a dispute where no expert asks: no stream has that letter."""
REASONS = {letter: reason for reason, letter in LETTERS.items()} | {NOT_THEIRS: Reason.DISPUTE}
BLOCKS = 2
EVERYTHING = 10_000


@dataclass(frozen=True, slots=True)
class Holder:
    """One tab of one annotator, and how many images it is to hold."""

    project: Project
    annotator: Annotator
    client: str
    size: int
    is_expert: bool = False


@dataclass(frozen=True, slots=True)
class Borrowed:
    """A stream that stands in for a dry one: while it does, it has the slots of both."""

    stream: str
    instead_of: str

    def share(self, project: Project) -> float:
        """Give the share of slots that it has besides its own."""
        return streams.slots_a_block(project)[self.instead_of] / streams.BLOCK


@dataclass(frozen=True, slots=True)
class Taken:
    """What one claim took: everything that was due, or nothing.

    Attributes:
        due: the streams whose turn it was; empty where the tab holds enough.
        missing: the streams that could not give what was asked of them; empty where all is taken.
    """

    due: tuple[str, ...]
    missing: frozenset[str]


NOTHING = Taken((), frozenset())


def take(
    holder: Holder, now: datetime, *, most: int = EVERYTHING, borrowed: Borrowed | None = None
) -> Taken:
    """Take what the tab lacks, each slot from the stream whose turn it is, or nothing at all.

    Inside a transaction that holds the annotator's lock (`assignments.lock_labeler`). Somebody who
    may not answer, by what was read under it, takes nothing.

    Args:
        holder: whose tab it is.
        now: the time.
        most: how many slots to take at most.
        borrowed: every slot comes from this stream in place of another, which is dry and whose
            turns are counted as shortfalls.
    """
    if standing.refusal(holder.annotator) is not None:
        return NOTHING
    is_postgres = connection.vendor == "postgresql"
    run = _take_on_postgres if is_postgres else _take_on_sqlite
    taken = run(holder, now, most, borrowed)
    if borrowed is not None and taken.due and not taken.missing:
        _count_shortfalls(holder.project.pk, [one for one in taken.due if one != borrowed.stream])
    return taken


def reason_at(holder: Holder, number: int) -> str:
    """Give the stream whose turn a serve number is, "" for a dispute that is not theirs."""
    turn = _turn(holder, number)
    return "" if turn == NOT_THEIRS else REASONS[turn].value


def _count_shortfalls(project_id: int, reasons: Sequence[str]) -> None:
    """Add to the shortfalls; the claim before holds the counter's lock."""
    if not reasons:
        return
    counter = ServeCounter.objects.get(project_id=project_id)
    counted = Counter(counter.shortfalls) + Counter(str(reason) for reason in reasons)
    ServeCounter.objects.filter(pk=counter.pk).update(shortfalls=dict(counted))


# --- PostgreSQL -----------------------------------------------------------------------------

_bases: dict[UUID, int] = {}
_PROJECTS_KEPT = 256


def _take_on_postgres(holder: Holder, now: datetime, most: int, borrowed: Borrowed | None) -> Taken:
    """Run the one statement, with the turns of the block that the counter is probably in.

    Where it has moved on to another, nothing was taken, and it runs again with the right ones.
    """
    project = holder.project.public_id
    base = _bases.get(project, 0)
    while True:
        statement, values = postgres_call(holder, now, base, most, borrowed)
        rows = statement.run(values)
        served = rows[0][0]
        if base <= served and served + len(rows) <= base + BLOCKS * streams.BLOCK:
            return _taken(rows)
        base = served - served % streams.BLOCK
        if len(_bases) >= _PROJECTS_KEPT:
            _bases.clear()
        _bases[project] = base


def postgres_call(
    holder: Holder,
    now: datetime,
    base: int,
    most: int = EVERYTHING,
    borrowed: Borrowed | None = None,
) -> tuple[Statement, list[Any]]:
    """Give the claim's statement and its values; `base` is the serve number of the first turn."""
    project = holder.project
    counts = streams.slots_a_block(project)
    first = base // streams.BLOCK
    until = now + timedelta(seconds=project.assignment_ttl_s)
    values = [project.pk, holder.annotator.pk, holder.client, now, until, holder.size, most]
    values += [
        LETTERS[Reason(borrowed.stream)] if borrowed else None,
        borrowed.share(project) if borrowed else 0.0,
        "".join(_block(holder, first + ahead) for ahead in range(BLOCKS)),
        base,
    ]
    return _on_postgres(tuple(counts[reason] for reason in LETTERS)), values


def _taken(rows: Sequence[tuple[Any, ...]]) -> Taken:
    turns = [row for row in rows if row[1] is not None]
    if all(row[4] is not None for row in turns):
        return Taken(tuple(REASONS[row[1]] for row in turns), frozenset())
    asked = Counter(row[2] for row in turns)
    got = {row[2]: row[3] for row in turns}
    missing = frozenset(REASONS[stream] for stream, n in asked.items() if got[stream] < n)
    return Taken(tuple(REASONS[row[1]] for row in turns), missing)


@cache
def _on_postgres(counts: tuple[int, ...]) -> Statement:
    names = ", ".join(
        f"('{letter}', '{reason.value}', {count / streams.BLOCK}::float8)"
        for (reason, letter), count in zip(LETTERS.items(), counts, strict=True)
    )
    asked = {
        "annotator": "(SELECT annotator_id FROM asked)",
        "client": "(SELECT client FROM asked)",
        "now": "(SELECT now FROM asked)",
    }
    candidates = CANDIDATES.format(
        live=is_live("answer"),
        project="asked.project_id",
        annotator="asked.annotator_id",
        reason="name.reason",
        count="due.n",
        lock="FOR UPDATE OF entry SKIP LOCKED",
    )
    return Statement(POSTGRES.format(names=names, held=HELD.format(**asked), candidates=candidates))


def _block(holder: Holder, block: int) -> str:
    """Write the turns of a block of 100 with one letter each."""
    project = holder.project
    letters = _letters(project.seed, tuple(streams.slots_a_block(project).items()), block)
    return letters if holder.is_expert else letters.replace(LETTERS[Reason.DISPUTE], NOT_THEIRS)


@lru_cache(maxsize=1024)
def _letters(seed: int, counts: tuple[tuple[str, int], ...], block: int) -> str:
    return "".join(LETTERS[Reason(one)] for one in streams.order_of(seed, dict(counts), block))


# --- SQLite ---------------------------------------------------------------------------------

_STANDING = Statement(
    "SELECT served, ("  # noqa: S608 - no value is put in here
    + HELD.format(annotator="%s", client="%s", now="%s")
    + ") FROM labeling_servecounter WHERE project_id = %s"
)
_SPEND = Statement("UPDATE labeling_servecounter SET served = served + %s WHERE project_id = %s")
_HAND_OUT = """
INSERT INTO labeling_assignment (
  public_id, project_id, image_id, annotator_id, entry_id, state, reason, policy, model_version,
  selection_probability, serve_number, client, created_at, expires_at) VALUES {rows}
"""
_HAND_OUT_ROW = "(%s, %s, %s, %s, %s, 'OPEN', %s, %s, %s, %s, %s, %s, %s, %s)"


def _take_on_sqlite(holder: Holder, now: datetime, most: int, borrowed: Borrowed | None) -> Taken:
    project, annotator = holder.project, holder.annotator.pk
    ((served, held),) = _STANDING.run([annotator, holder.client, adapted(now), project.pk])
    numbers = range(served, served + max(0, min(most, holder.size - held)))
    if not numbers:
        return NOTHING
    due = [REASONS[_turn(holder, number)] for number in numbers]
    # No entry has the reason "": a dispute is not for everybody.
    forced = borrowed.stream if borrowed else None
    asked = [forced or reason_at(holder, number) for number in numbers]
    statement, values = sqlite_call(holder, asked)
    rows = statement.run(values)
    if not rows:
        return Taken(tuple(due), _missing_on_sqlite(Counter(asked), values[:-1]))
    by_reason: dict[str, list[tuple[Any, ...]]] = {}
    for row in sorted(rows, key=lambda row: (-row[2], row[0])):
        by_reason.setdefault(row[3], []).append(row)
    picked = [by_reason[reason].pop(0) for reason in asked]
    more = borrowed.share(project) if borrowed else 0.0
    _hand_out_on_sqlite(holder, now, list(zip(numbers, picked, strict=True)), more)
    _SPEND.run([len(picked), project.pk])
    return Taken(tuple(due), frozenset())


def sqlite_call(holder: Holder, asked: Sequence[str]) -> tuple[Statement, list[Any]]:
    """Give the statement that takes a slot for each stream in `asked`, and its values."""
    wanted = Counter(asked)
    values: list[Any] = []
    for reason, count in wanted.items():
        values += [holder.project.pk, reason, holder.annotator.pk, holder.annotator.pk, count]
    return _on_sqlite(len(wanted)), [*values, len(asked)]


def _turn(holder: Holder, number: int) -> str:
    block, place = divmod(number, streams.BLOCK)
    return _block(holder, block)[place]


@cache
def _union(n_streams: int) -> str:
    one = CANDIDATES.format(
        live=is_live("answer"), project="%s", reason="%s", annotator="%s", count="%s", lock=""
    )
    return " UNION ALL ".join(f"SELECT * FROM ({one})" for _ in range(n_streams))  # noqa: S608


@cache
def _on_sqlite(n_streams: int) -> Statement:
    return Statement(
        f"WITH picked AS MATERIALIZED ({_union(n_streams)}) "  # noqa: S608
        "UPDATE labeling_queueentry SET open_slots = open_slots - 1 "
        "WHERE id IN (SELECT id FROM picked) AND (SELECT count(*) FROM picked) = %s "
        "RETURNING id, image_id, priority, reason, policy, model_version, selection_probability"
    )


@cache
def _counted_on_sqlite(n_streams: int) -> Statement:
    return Statement(
        f"SELECT reason, count(*) FROM ({_union(n_streams)}) GROUP BY reason"  # noqa: S608
    )


def _missing_on_sqlite(wanted: Counter[str], values: list[Any]) -> frozenset[str]:
    got = dict(_counted_on_sqlite(len(wanted)).run(values))
    return frozenset(
        reason or Reason.DISPUTE for reason, n in wanted.items() if got.get(reason, 0) < n
    )


def _hand_out_on_sqlite(
    holder: Holder, now: datetime, picked: Sequence[tuple[int, tuple[Any, ...]]], more: float
) -> None:
    project = holder.project
    until = adapted(now + timedelta(seconds=project.assignment_ttl_s))
    counts = streams.slots_a_block(project)
    values: list[Any] = []
    for number, (entry, image, _, reason, policy, model_version, probability) in picked:
        values += [uuid.uuid4().hex, project.pk, image, holder.annotator.pk, entry, reason, policy]
        share = min(1.0, counts[reason] / streams.BLOCK + more)
        values += [model_version, probability * share, number]
        values += [holder.client, adapted(now), until]
    _rows_on_sqlite(len(picked)).run(values)


@cache
def _rows_on_sqlite(n_rows: int) -> Statement:
    return Statement(_HAND_OUT.format(rows=", ".join([_HAND_OUT_ROW] * n_rows)))
