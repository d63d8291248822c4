"""Core-seconds by stage, measured where the work is done; only `manage.py bench embed` asks.

Off, and next to free, unless `settings.CORE_TIME_DIR` names a folder. There every process keeps one
file, rewritten by `save`. A thread's own processor time is what counts: waiting for the database, a
file, another thread or Python's lock costs no core-seconds and is not in it.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections import defaultdict
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DECODE, ENCODE, STORED_DECODE, ENGINE = "decode", "encode", "stored_decode", "engine"
STAGES = (DECODE, ENCODE, STORED_DECODE, ENGINE)

_spent: dict[str, float] = defaultdict(float)
_counting = threading.Lock()


def stage(name: str) -> AbstractContextManager[None]:
    """Add what this thread spends inside to a stage. Stages are not put into one another."""
    return nullcontext() if settings.CORE_TIME_DIR is None else _counted(name)


@contextmanager
def _counted(name: str) -> Iterator[None]:
    started = time.thread_time()
    try:
        yield
    finally:
        spent = time.thread_time() - started
        with _counting:
            _spent[name] += spent


def save() -> None:
    """Write what this process has spent so far, by stage and in all, where the bench finds it."""
    folder: Path | None = settings.CORE_TIME_DIR
    if folder is None:
        return
    with _counting:
        content = json.dumps({"stages_s": _spent, "process_s": time.process_time()})
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f"{os.getpid()}.part"
        draft.write_text(content, encoding="utf-8")
        draft.replace(draft.with_suffix(".json"))
