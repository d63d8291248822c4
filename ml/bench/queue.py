"""`manage.py bench queue`: submit-and-refill through real HTTP, beside a floor in the same run.

Boots the web process as `manage.py up` does, without workers: the queue tops itself up. A cycle is
one request: it stores an answer with all that follows from it and gives the images that refill
the page. The floor is a bare view in the same server that does one claim and one insert.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import connection

from ml.bench import floor, queue_client, queue_rows, sandbox

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

WARM_UP = 100
FLOOR_S = 3.0
PAUSE_S = 3.0
LIMIT_MS = 50.0
OPEN_LOOP_S = 6.0
SHARE_OF_POOL = 0.7


@dataclass(frozen=True, slots=True)
class Setup:
    """What is measured.

    Attributes:
        images: rows of the pool and the audit slice.
        annotators: volunteers of the closed loop.
        rate: answers a second to try first in the open loop; None leaves it out.
        seconds: how long the closed loop runs.
        work: the temporary data folder.
    """

    images: int
    annotators: int
    rate: float | None
    seconds: float
    work: Path


def measure(setup: Setup, *, now: datetime, say: Callable[[str], None]) -> dict[str, Any]:
    """Make the rows, boot the server, play both loops and count what went wrong."""
    say(f"making {setup.images} images")
    project_id = queue_rows.make_project(setup.images, now=now)
    n_people = max(setup.annotators, round(PAUSE_S * (setup.rate or 0)))
    say(f"letting {n_people} people join")
    sessions = queue_rows.make_people(project_id, n_people, now=now)
    floor.make_tables(max(setup.images, 200_000))
    labels = queue_rows.label_codes(project_id)
    people = [queue_client.Volunteer(key, queue_rows.SLUG, labels) for key in sessions]
    with sandbox.processes(
        setup.work,
        "--no-workers",
        ready="healthz",
        DJANGO_SETTINGS_MODULE="config.settings_bench",
        DATABASE_URL=os.environ["DATABASE_URL"],
    ) as address:
        port = int(address.rpartition(":")[2])
        figures = _closed(setup, people[: setup.annotators], port, say)
        figures |= _open(setup, people, port, say)
    confirmed = [key for one in people for key in one.keys]
    wrong = queue_rows.count_wrong(project_id, confirmed)
    return {
        **figures,
        "images": setup.images,
        "annotators": setup.annotators,
        "database": "postgres" if connection.vendor == "postgresql" else "sqlite",
        "over_assigned": wrong.over_assigned,
        "lost": wrong.lost,
        "doubled": wrong.doubled,
        "answers": len(confirmed),
    }


def _closed(
    setup: Setup,
    people: list[queue_client.Volunteer],
    port: int,
    say: Callable[[str], None],
) -> dict[str, Any]:
    most = int(SHARE_OF_POOL * setup.images)
    bare = [queue_client.FloorVolunteer() for _ in people]
    for crowd in (people, bare):
        queue_client.closed_loop(crowd, port=port, seconds=30.0, most=min(WARM_UP, most // 4))
    say("the floor, before")
    before = queue_client.closed_loop(bare, port=port, seconds=FLOOR_S, most=10**9)
    say("full cycles")
    full = queue_client.closed_loop(people, port=port, seconds=setup.seconds, most=most)
    say("the floor, after")
    after = queue_client.closed_loop(bare, port=port, seconds=FLOOR_S, most=10**9)
    floor_per_s = (before.per_s + after.per_s) / 2
    return {
        "cycles_per_s": round(full.per_s, 1),
        "floor_cycles_per_s": round(floor_per_s, 1),
        "ratio": round(full.per_s / floor_per_s, 3),
        "submit_ms": _percentiles(full.latencies_s),
        "floor_ms": _percentiles(before.latencies_s + after.latencies_s),
        "cycles": len(full.latencies_s),
    }


def _open(
    setup: Setup,
    people: list[queue_client.Volunteer],
    port: int,
    say: Callable[[str], None],
) -> dict[str, Any]:
    if setup.rate is None:
        return {"held_rate_per_s": None}

    def try_rate(rate: float) -> float:
        crowd = people[: max(1, round(PAUSE_S * rate))]
        # Who comes anew has claimed before; opening pages is not what is measured.
        queue_client.open_pages(crowd, port=port)
        played = queue_client.open_loop(crowd, port=port, seconds=OPEN_LOOP_S, pause_s=PAUSE_S)
        p95 = queue_client.percentile_ms(played.latencies_s, 0.95)
        say(f"{len(crowd)} volunteers, {played.per_s:.0f} answers/s: p95 {p95} ms")
        return p95

    held, tried = queue_client.find_held_rate(try_rate, most=setup.rate, limit_ms=LIMIT_MS)
    return {"held_rate_per_s": round(held, 1), "rates_tried": tried}


def _percentiles(latencies_s: list[float]) -> dict[str, float]:
    return {
        "p50": queue_client.percentile_ms(latencies_s, 0.50),
        "p95": queue_client.percentile_ms(latencies_s, 0.95),
    }
