"""One process of a race: threads that claim, answer, repeat, undo, give back and let things expire.

Run as `python -m labeling.tests.queue.racer` with one JSON job as its argument. It says `ready`,
starts when a line arrives on its input, and prints one JSON report.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
import uuid
from datetime import timedelta
from typing import Any

PLAYS = ("claim", "double", "reuse", "crowd", "grid")
PATIENCE_S, PAUSE_S = 60.0, 0.02
"""How long somebody asks again who gets nothing, as the page does, and how often."""


def main() -> None:
    import django

    django.setup()
    job = json.loads(sys.argv[1])
    _warm()
    print("ready", flush=True)
    sys.stdin.readline()
    reports: list[dict[str, Any]] = [{} for _ in job["annotators"]]
    barrier = threading.Barrier(len(reports))
    threads = [
        threading.Thread(target=_run, args=(job, place, barrier, reports))
        for place in range(len(reports))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps(reports), flush=True)


def _warm() -> None:
    from labeling.models import Project

    Project.objects.count()


def _run(
    job: dict[str, Any], place: int, barrier: threading.Barrier, reports: list[dict[str, Any]]
) -> None:
    from django.db import connections

    barrier.wait()
    play = {
        "claim": _claim_all,
        "double": _double,
        "reuse": _double,
        "crowd": _crowd,
        "grid": _grid,
    }[job["play"]]
    try:
        reports[place] = play(job, place)
    except BaseException as error:
        reports[place] = {"error": f"{type(error).__name__}: {error}"}
        raise
    finally:
        connections.close_all()


def _claim(job: dict[str, Any], annotator: int, client: str, now: Any) -> Any:
    from labeling.services import queue

    return queue.claim(
        project_id=job["project"], annotator_id=annotator, count=3, client=client, now=now
    )


def _claim_all(job: dict[str, Any], place: int) -> dict[str, Any]:
    from labeling.tests.worlds import NOW

    claimed = _claim(job, job["annotators"][place], f"tab{job['number']}-{place}", NOW)
    return {"images": [one.image_id for one in claimed.assignments]}


def _double(job: dict[str, Any], place: int) -> dict[str, Any]:
    """Submit `job["assignments"][place]` under the one key that everybody has."""
    from labeling.models import Assignment
    from labeling.services import annotations as annotation_service
    from labeling.tests.worlds import submit

    assignment = Assignment.objects.get(pk=job["assignments"][place])
    try:
        return {"is_repeat": submit(assignment, key=uuid.UUID(job["key"])).is_repeat}
    except annotation_service.KeyReusedError as refusal:
        return {"refused": refusal.code}


def _crowd(job: dict[str, Any], place: int) -> dict[str, Any]:
    """Work until all is labeled, as badly behaved as a bad network makes a browser.

    Nothing to hand out is no end: somebody else may be about to give an image back.
    """
    from labeling.services import annotations as annotation_service
    from labeling.services import queue
    from labeling.tests.worlds import NOW, submit

    refusals = (annotation_service.AssignmentExpiredError, annotation_service.AlreadyAnsweredError)
    rng = random.Random(job["number"] * 1000 + place)
    annotator, client = job["annotators"][place], f"tab{job['number']}-{place}"
    accepted: list[str] = []
    refused: list[str] = []
    now, last = NOW, time.monotonic()
    while time.monotonic() - last < PATIENCE_S:
        now += timedelta(seconds=rng.choice([1, 1, 1, 1, 400]))
        claimed = _claim(job, annotator, client, now)
        if claimed.done is not None and claimed.done.code == "all_labeled":
            break
        if not claimed.assignments:
            time.sleep(PAUSE_S)
            continue
        last = time.monotonic()
        for assignment in claimed.assignments:
            key, what = uuid.uuid4(), rng.random()
            if what < 0.05:
                queue.release(annotator_id=annotator, client=client, now=now)
                break
            try:
                stored = submit(assignment, key=key, now=now)
                accepted.append(str(key))
                if what < 0.25:
                    assert submit(assignment, key=key, now=now).is_repeat
                if what > 0.9:
                    annotation_service.undo(
                        annotator_id=annotator,
                        annotation_public_id=stored.annotation.public_id,
                        key=uuid.uuid4(),
                        now=now,
                    )
            except refusals as why:
                refused.append(why.code)
    return {"accepted": accepted, "refused": refused}


def _grid(job: dict[str, Any], place: int) -> dict[str, Any]:
    """Work until all is labeled, and confirm most of what is nearly the same after each answer."""
    from labeling.models import Project
    from labeling.services import all_the_same, queue
    from labeling.services import annotations as annotation_service
    from labeling.tests.worlds import NOW, submit

    refusals = (annotation_service.AssignmentExpiredError, annotation_service.AlreadyAnsweredError)
    project = Project.objects.get(pk=job["project"])
    annotator, client = job["annotators"][place], f"tab{job['number']}-{place}"
    rng = random.Random(job["number"] * 1000 + place)
    accepted: list[str] = []
    confirmed = lost = 0
    now, last = NOW, time.monotonic()
    while time.monotonic() - last < PATIENCE_S:
        now += timedelta(seconds=1)
        claimed = queue.claim(
            project_id=job["project"], annotator_id=annotator, count=1, client=client, now=now
        )
        if claimed.done is not None and claimed.done.code == "all_labeled":
            break
        if not claimed.assignments:
            time.sleep(PAUSE_S)
            continue
        last = time.monotonic()
        key = uuid.uuid4()
        try:
            answer = submit(claimed.assignments[0], key=key, now=now).annotation
        except refusals:
            continue
        accepted.append(str(key))
        if not all_the_same.is_offered(project, answer):
            continue
        mine = {"annotator_id": annotator, "annotation_public_id": answer.public_id, "now": now}
        held = all_the_same.claim(**mine, client=f"{client}-grid")
        marked = [(one.public_id, uuid.uuid4(), rng.random() < 0.8) for one in held]
        if not marked:
            continue
        done = all_the_same.confirm(
            **mine,
            client=f"{client}-grid",
            ticked=[all_the_same.Ticked(one, each) for one, each, same in marked if same],
            unticked=[one for one, _, same in marked if not same],
            time_spent_ms=900,
        )
        accepted += [str(one.key) for one in done.annotations]
        confirmed, lost = confirmed + len(done.annotations), lost + done.lost
    return {"accepted": accepted, "confirmed": confirmed, "lost": lost}


if __name__ == "__main__":
    main()
