"""What an image costs in core-seconds: its stages alone, and as they went inside an import.

Alone a stage has the machine, its caches and its memory to itself. Inside an import two threads do
different stages side by side, so the same work costs more. The bound of an import is made of its
own core-seconds; the one made of stages alone stands beside it.
"""

from __future__ import annotations

import io
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from labeling.services import core_time, pictures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from ml.inference.embedder import OnnxEmbedder

ROUNDS = 3
Stages = dict[str, float]  # core-seconds by stage


@dataclass(frozen=True, slots=True)
class Process:
    """What one process has spent: core-seconds by stage, and on everything."""

    stages_s: Stages
    all_s: float

    @property
    def overhead_s(self) -> float:
        """Core-seconds outside the stages: Python, Django, the database, files, hashes."""
        return self.all_s - sum(self.stages_s.values())

    def since(self, before: Process) -> Process:
        """Give what came on top of an earlier look."""
        stages = {name: s - before.stages_s[name] for name, s in self.stages_s.items()}
        return Process(stages, self.all_s - before.all_s)


NOTHING = Process(dict.fromkeys(core_time.STAGES, 0.0), 0.0)


def saved(folder: Path) -> dict[str, Process]:
    """Read what processes have saved there (`labeling.services.core_time`), by process id."""
    found = {}
    for path in folder.glob("*.json"):
        read = json.loads(path.read_text(encoding="utf-8"))
        found[path.stem] = Process(NOTHING.stages_s | read["stages_s"], read["process_s"])
    return found


def spent_by_stage(processes: Iterable[Process]) -> Stages:
    """Give core-seconds by stage over some processes."""
    return {name: sum(one.stages_s[name] for one in processes) for name in core_time.STAGES}


def alone(embedder: OnnxEmbedder, uploads: Sequence[bytes]) -> Stages:
    """Measure each stage by itself: core-seconds an image, medians of rounds."""
    decoded = [pictures.decode(content)[0] for content in uploads]
    stored = [pictures.encode_both(picture)[0] for picture in decoded]
    inputs = np.stack([embedder.preprocess(picture) for picture in decoded])

    def decode_stored(content: bytes) -> npt.NDArray[np.float32]:
        with Image.open(io.BytesIO(content), formats=("JPEG",)) as opened:
            return embedder.preprocess(opened.convert("RGB"))

    work: dict[str, Callable[[], object]] = {
        core_time.DECODE: lambda: [pictures.decode(content) for content in uploads],
        core_time.ENCODE: lambda: [pictures.encode_both(picture) for picture in decoded],
        core_time.STORED_DECODE: lambda: [decode_stored(content) for content in stored],
        core_time.ENGINE: lambda: embedder.embed(inputs),
    }
    return {name: _core_seconds(one) / len(uploads) for name, one in work.items()}


def _core_seconds(work: Callable[[], object]) -> float:
    """Give processor seconds over all threads of the process: the median of rounds."""
    rounds = []
    for _ in range(ROUNDS):
        started = time.process_time()
        work()
        rounds.append(time.process_time() - started)
    return float(np.median(rounds))
