"""One process of its own: clients that poll predict while the champion changes under them.

Run as `python -m ml.tests.serving.switcher` with one JSON job as its argument; prints one JSON
report. Its database is a real one, so that threads have their own connections as in the web.
"""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from typing import Any

CLIENTS = 2
PAUSE_S = 0.02


def main() -> None:
    import django

    django.setup()
    job = json.loads(sys.argv[1])
    before = set(sys.modules)
    done = threading.Event()
    seen: list[Counter[str]] = [Counter() for _ in range(CLIENTS)]
    clients = [threading.Thread(target=_poll, args=(job, done, mine)) for mine in seen]
    for client in clients:
        client.start()
    try:
        _switch(job, seen)
    finally:
        done.set()
        for client in clients:
            client.join()
    loaded = {name.partition(".")[0] for name in sys.modules}
    report = {
        "answers": [dict(mine) for mine in seen],
        "heavy": sorted(loaded & {"torch", "torchvision", "sklearn"}),
        "is_late": sorted({"onnxruntime"} - {name.partition(".")[0] for name in before}),
    }
    print(json.dumps(report))


def _poll(job: dict[str, Any], done: threading.Event, mine: Counter[str]) -> None:
    from django.db import connections
    from rest_framework.test import APIClient

    from ml.tests.serving.kitchen import RED, file, picture

    client = APIClient(SERVER_NAME="localhost")
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {job['secret']}")
    try:
        while not done.is_set():
            reply = client.post(job["address"], {"image": file(picture(RED))}, format="multipart")
            mine[_told(reply)] += 1
    finally:
        connections.close_all()


def _told(reply: Any) -> str:
    if reply.status_code != 200:
        return f"{reply.status_code} {reply.content[:200]!r}"
    (one,) = reply.json()["results"]
    best, version = one["top"][0], one["model_version"]["number"]
    return f"v{version} {best['label']} {best['name']} {one['accepted']}"


def _switch(job: dict[str, Any], seen: list[Counter[str]]) -> None:
    """Promote the versions in turn, each once every client has had an answer since the last."""
    import time

    from django.utils import timezone

    from ml.selectors import registry as selectors
    from ml.services import registry

    for turn in range(job["switches"]):
        at = [sum(mine.values()) for mine in seen]
        serving = selectors.champion(job["project"])
        assert serving is not None
        registry.promote(
            project_id=job["project"],
            version_id=job["versions"][(turn + 1) % 2],
            expected_id=serving.version_id,
            now=timezone.now(),
        )
        deadline = time.monotonic() + 60
        while any(sum(mine.values()) < n + 2 for mine, n in zip(seen, at, strict=True)):
            assert time.monotonic() < deadline, "a client has stopped"
            time.sleep(PAUSE_S)


if __name__ == "__main__":
    main()
