"""One process of a race: threads that answer, refit, promote and roll back at the same moment.

Run as `python -m ml.tests.loop.racer` with one JSON job as its argument. It says `ready`, starts
when a line arrives on its input, and prints one JSON report: what each thread did.
"""

from __future__ import annotations

import json
import sys
import threading
from typing import Any

REFUSALS = ("pointer_moved", "nothing_to_roll_back_to", "version_cannot_serve")


def main() -> None:
    import django

    django.setup()
    from ml.models import Champion

    job = json.loads(sys.argv[1])
    Champion.objects.count()
    print("ready", flush=True)
    sys.stdin.readline()
    reports: list[list[Any]] = [[] for _ in range(job["threads"])]
    threads = [
        threading.Thread(target=_run, args=(job, place, mine)) for place, mine in enumerate(reports)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps(reports), flush=True)


def _run(job: dict[str, Any], place: int, report: list[Any]) -> None:
    from django.db import connections

    try:
        PLAYS[job["play"]](job, place, report)
    finally:
        connections.close_all()
    report.append("ended")


def _refit(job: dict[str, Any], place: int, report: list[Any]) -> None:
    """Answer images of one's own, and look for new answers after each, as every worker does."""
    from labeling.tests import worlds
    from labeling.tests.rows import Annotator, Image
    from ml.services import refit

    annotator = Annotator.objects.get(pk=job["annotator"])
    for image_id, label in job["answers"][place]:
        worlds.direct(annotator, Image.objects.get(pk=image_id), label)
        report.append(refit.run(project_id=job["project"], now=worlds.NOW).kind)


def _promote(job: dict[str, Any], place: int, report: list[Any]) -> None:
    """Make a version and let it take over from the champion that was seen, again and again."""
    from ml.errors import MlError
    from ml.models import ModelVersion
    from ml.selectors import registry as selectors
    from ml.services import registry

    for turn in range(job["turns"]):
        champion = selectors.champion(job["project"])
        expected = champion.version_id if champion else None
        is_roll_back = job["rolls_back"] and (turn + place) % 3 == 2
        try:
            if is_roll_back:
                target = _roll_back(job["project"], expected)
                report.append(["rolled_back", expected, target.pk])
                continue
            version = registry.create_version(
                project_id=job["project"], **_copied(ModelVersion.objects.get(pk=job["copied"]))
            )
            registry.promote(
                project_id=job["project"], version_id=version.pk, expected_id=expected, now=_now()
            )
            report.append(["promoted", expected, version.pk])
        except MlError as refusal:
            if refusal.code not in REFUSALS:
                raise
            report.append([refusal.code, expected, None])


def _roll_back(project_id: int, expected: int | None) -> Any:
    from ml.services import registry

    return registry.roll_back(
        project_id=project_id,
        to_version_id=None,
        user_id=None,
        reason="race",
        now=_now(),
        expected_id=expected,
    )


def _copied(version: Any) -> dict[str, Any]:
    names = (
        "kind", "embedding_set", "head", "temperature", "acceptance_threshold", "scheme_id",
        "label_order", "snapshot", "n_labels",
    )  # fmt: skip
    return {name: getattr(version, name) for name in names} | {"created_at": _now()}


def _now() -> Any:
    from labeling.tests import worlds

    return worlds.NOW


PLAYS = {"refit": _refit, "promote": _promote}

if __name__ == "__main__":
    main()
