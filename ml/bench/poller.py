"""A client that asks `predict` about one picture again and again, and what it was told."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from labeling.errors import LabelingError
from ml.errors import MlError
from ml.services import classify, serving

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path
    from types import TracebackType
    from typing import Self

PAUSE_S = 0.15
PATIENCE_S = 30.0
TOLERANCE = 1e-4
"""Between the probability a version gives here and there: the same file, head and engine."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: when it came (Unix time), after how long, and what it said."""

    at: float
    seconds: float
    status: int
    version: int = 0
    label: str = ""
    probability: float = 0.0


@dataclass
class Poller:
    """Asks from a thread of its own, from `with` to its end."""

    address: str
    slug: str
    token: str
    picture: Path
    replies: list[Reply] = field(default_factory=list)

    def __enter__(self) -> Self:
        """Begin to ask."""
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._ask_on, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop asking."""
        self._is_over.set()
        self._thread.join(2 * PATIENCE_S)

    def _ask_on(self) -> None:
        content = self.picture.read_bytes()
        while not self._is_over.wait(PAUSE_S):
            self.replies.append(self._ask(content))

    def _ask(self, content: bytes) -> Reply:
        boundary = uuid.uuid4().hex
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="image"; '
            f'filename="{self.picture.name}"\r\n\r\n'
        )
        request = urllib.request.Request(  # noqa: S310 - our own server on loopback
            f"{self.address}/api/v1/projects/{self.slug}/predict",
            data=head.encode() + content + f"\r\n--{boundary}--\r\n".encode(),
            headers={
                "Authorization": f"Bearer {self.token}",
                "Content-Type": f"multipart/form-data; boundary={boundary}",
            },
        )
        started = time.time()
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:  # noqa: S310
                status, body = response.status, json.loads(response.read())
        except urllib.error.HTTPError as refusal:
            return Reply(time.time(), time.time() - started, refusal.code)
        except OSError:  # refused, reset, or no answer in time
            return Reply(time.time(), time.time() - started, 0)
        now = time.time()
        (result,) = body["results"]
        if "error" in result:
            return Reply(now, now - started, 599)
        best = result["top"][0]
        number = result["model_version"]["number"]
        return Reply(now, now - started, status, number, best["label"], best["probability"])


def account(
    replies: list[Reply], *, project_id: int, picture: Path, switched_at: datetime | None
) -> dict[str, Any]:
    """Sum up what a client saw, and ask every version that answered whether it says so itself.

    A reply made of an old head on a new backbone, or the other way round, would differ from what
    its version gives here by far more than `TOLERANCE`.

    Args:
        switched_at: when the pointer moved to another backbone.
    """
    good = [reply for reply in replies if reply.status == 200]
    said = {number: _says(project_id, number, picture) for number in _numbers(good)}
    mixed = sum(not _is_of(reply, said[reply.version]) for reply in good)
    found: dict[str, Any] = {
        "replies": len(replies),
        "status": {str(code): n for code, n in Counter(each.status for each in replies).items()},
        "mixed": mixed,
        "versions": {str(number): said[number][2] for number in said},
        "slowest_s": round(max(reply.seconds for reply in replies), 3),
    }
    if switched_at is not None:
        found |= _around(good, {n: said[n][2] for n in said}, switched_at.timestamp())
    return found


def _around(good: list[Reply], backbone_of: dict[int, str], moved: float) -> dict[str, Any]:
    """Say how soon after the switch the new backbone answered, and how long its first took."""
    old = {backbone_of[each.version] for each in good if each.at < moved}
    new = [each for each in good if each.at >= moved and backbone_of[each.version] not in old]
    if not new:
        return {"first_of_new_backbone_after_s": None}
    usual = sorted(each.seconds for each in good)[len(good) // 2]
    return {
        "first_of_new_backbone_after_s": round(new[0].at - moved, 3),
        "its_request_took_s": round(new[0].seconds, 3),
        "slowest_in_5_s_after_switch_s": round(
            max(each.seconds for each in good if moved <= each.at < moved + 5), 3
        ),
        "median_request_s": round(usual, 3),
        "replies_of_new_backbone": len(new),
    }


def _numbers(good: list[Reply]) -> list[int]:
    return sorted({reply.version for reply in good})


def _is_of(reply: Reply, said: tuple[str, float, str]) -> bool:
    return reply.label == said[0] and abs(reply.probability - said[1]) <= TOLERANCE


def _says(project_id: int, number: int, picture: Path) -> tuple[str, float, str]:
    """Give a version's likeliest label of the picture, its probability, and the backbone."""
    try:
        served = serving.pinned(project_id, number)
    except MlError as error:
        return error.code, -1.0, ""
    with picture.open("rb") as file:
        (row,) = classify.probabilities_of(served, [file])
    if isinstance(row, LabelingError):
        raise row
    best = int(row.argmax())
    return served.label_order[best], float(row[best]), served.embedder.digest[:12]
