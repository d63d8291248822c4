"""Many volunteers in one thread: raw sockets and one selector, so that the server gets the machine.

Closed loop: each volunteer answers as soon as the last answer is confirmed. Open loop: each answers
when it is time to, and waiting for a late server counts (no coordinated omission).
"""

from __future__ import annotations

import heapq
import json
import selectors
import socket
import time
import uuid
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CSRF = "b" * 32
PATIENCE_S = 30.0
AT_ONCE = 8


class ServerFailedError(RuntimeError):
    """The server refused, broke off or kept silent; there is no figure to report."""


@dataclass
class Volunteer:
    """One open page: who it is, what it holds, and what the server has confirmed."""

    session: str
    slug: str
    labels: Sequence[str]
    client: str = field(default_factory=lambda: uuid.uuid4().hex)
    held: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    is_done: bool = False
    pending_key: str = ""

    def next_request(self) -> tuple[str, bytes]:
        """Give what the page sends now: an answer, or a claim where it holds nothing."""
        if not self.held:
            path = f"/api/v1/projects/{self.slug}/assignments"
            return "claim", self._post(path, {"client": self.client})
        assignment = self.held[0]
        self.pending_key = str(uuid.uuid4())
        # The same label for an image whoever looks at it: this crowd never disagrees.
        place = zlib.crc32(assignment["image"]["id"].encode()) % len(self.labels)
        body = {
            "assignment": assignment["id"],
            "key": self.pending_key,
            "kind": "LABEL",
            "labels": [self.labels[place]],
            "client": self.client,
            "time_spent_ms": 1500,
            "shown": {},
        }
        return "answer", self._post(f"/api/v1/projects/{self.slug}/annotations", body)

    def take(self, kind: str, status: int, body: bytes) -> None:
        """Read the reply as the page does."""
        if status not in (200, 201):
            raise ServerFailedError(f"HTTP {status}: {body[:400].decode(errors='replace')}")
        reply = json.loads(body)
        if kind == "answer":
            self.keys.append(self.pending_key)
        self.held = reply["assignments"]
        self.is_done = not self.held

    def _post(self, path: str, body: dict[str, Any]) -> bytes:
        data = json.dumps(body).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Cookie: sessionid={self.session}; csrftoken={CSRF}\r\nX-CSRFToken: {CSRF}\r\n"
            f"Content-Length: {len(data)}\r\n\r\n"
        )
        return head.encode() + data


@dataclass
class FloorVolunteer:
    """Whoever answers the bare view."""

    entry: int = 0
    is_done: bool = False

    def next_request(self) -> tuple[str, bytes]:
        """Answer what the last reply named."""
        body = {"entry": self.entry, "key": str(uuid.uuid4()), "label": "milk"}
        data = json.dumps(body).encode()
        head = (
            "POST /bench-floor HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        )
        return "answer", head.encode() + data

    def take(self, _: str, status: int, body: bytes) -> None:
        """Read the next image."""
        if status != 200:
            raise ServerFailedError(f"HTTP {status}: {body[:400].decode(errors='replace')}")
        self.entry = json.loads(body)["entry"]
        self.is_done = self.entry is None


@dataclass(eq=False)
class _Line:
    """One connection kept open, with what has arrived on it."""

    place: int
    volunteer: Volunteer | FloorVolunteer
    channel: socket.socket
    buffer: bytearray = field(default_factory=bytearray)
    kind: str = ""
    asked_at: float = 0.0
    due_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Played:
    """Latencies of the answers in seconds, and how long all of them took."""

    latencies_s: list[float]
    seconds: float

    @property
    def per_s(self) -> float:
        """Answers confirmed a second."""
        return len(self.latencies_s) / self.seconds


def closed_loop(
    people: Sequence[Volunteer | FloorVolunteer], *, port: int, seconds: float, most: int
) -> Played:
    """Let everyone answer as fast as the server confirms, for some seconds or `most` answers."""
    return _play(people, port=port, seconds=seconds, most=most, pause_s=None)


def open_pages(people: Sequence[Volunteer], *, port: int) -> None:
    """Let everyone who holds nothing claim their first images, a few at a time."""
    newcomers = [one for one in people if not one.held]
    for start in range(0, len(newcomers), AT_ONCE):
        some = newcomers[start : start + AT_ONCE]
        _play(some, port=port, seconds=PATIENCE_S, most=0, pause_s=None)


def open_loop(people: Sequence[Volunteer], *, port: int, seconds: float, pause_s: float) -> Played:
    """Let everyone answer every `pause_s` seconds, evenly spread over time."""
    return _play(people, port=port, seconds=seconds, most=10**9, pause_s=pause_s)


def _play(
    people: Sequence[Volunteer | FloorVolunteer],
    *,
    port: int,
    seconds: float,
    most: int,
    pause_s: float | None,
) -> Played:
    with selectors.DefaultSelector() as selector:
        here = [one for one in people if not one.is_done]
        lines = [_Line(place, one, _connect(port)) for place, one in enumerate(here)]
        try:
            for line in lines:
                selector.register(line.channel, selectors.EVENT_READ, line)
            return _Loop(selector, lines, most, pause_s).run(seconds)
        finally:
            for line in lines:
                line.channel.close()


class _Loop:
    def __init__(
        self,
        selector: selectors.BaseSelector,
        lines: list[_Line],
        most: int,
        pause_s: float | None,
    ) -> None:
        self.selector = selector
        self.lines = lines
        self.most = most
        self.pause_s = pause_s
        self.waiting: list[tuple[float, int]] = []
        self.in_flight = 0
        self.latencies: list[float] = []

    def run(self, seconds: float) -> Played:
        started = time.perf_counter()
        for place in range(len(self.lines)):
            spread = (self.pause_s or 0.0) * place / len(self.lines)
            heapq.heappush(self.waiting, (started + spread, place))
        stop = started + seconds
        self._send_due()
        while time.perf_counter() < stop and len(self.latencies) < self.most:
            self._send_due()
            if not self._receive(stop):
                break
        ended = time.perf_counter()
        self._drain()
        return Played(self.latencies, ended - started)

    def _send_due(self) -> None:
        while self.waiting and self.waiting[0][0] <= time.perf_counter():
            due, place = heapq.heappop(self.waiting)
            self._send(self.lines[place], due)

    def _send(self, line: _Line, due: float) -> None:
        line.kind, request = line.volunteer.next_request()
        line.due_at, line.asked_at = due, time.perf_counter()
        line.channel.setblocking(True)
        line.channel.sendall(request)
        line.channel.setblocking(False)
        self.in_flight += 1

    def _receive(self, stop: float) -> bool:
        """Read what has come; False where nothing is on its way and nobody will ask again."""
        now = time.perf_counter()
        until = min(self.waiting[0][0] if self.waiting else stop, stop)
        if not self.in_flight and not self.waiting:
            return False
        for key, _ in self.selector.select(max(0.0, until - now)):
            line: _Line = key.data
            if self._read(line):
                self._took(line)
        return True

    def _took(self, line: _Line) -> None:
        now = time.perf_counter()
        self.in_flight -= 1
        if line.kind == "answer":
            self.latencies.append(now - (line.asked_at if self.pause_s is None else line.due_at))
        if line.volunteer.is_done:
            return
        due = now
        if self.pause_s is not None and line.kind == "answer":
            due = max(line.due_at + self.pause_s, now)
        if due <= now and self.pause_s is None:
            self._send(line, now)
        else:
            heapq.heappush(self.waiting, (due, line.place))

    def _read(self, line: _Line) -> bool:
        """Add what has arrived; tell whether a whole reply is there, and take it."""
        chunk = line.channel.recv(65536)
        if not chunk:
            raise ServerFailedError("The server closed a connection.")
        line.buffer += chunk
        end = line.buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = bytes(line.buffer[:end]).lower()
        length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        if len(line.buffer) < end + 4 + length:
            return False
        body = bytes(line.buffer[end + 4 : end + 4 + length])
        del line.buffer[: end + 4 + length]
        line.volunteer.take(line.kind, int(head[9:12]), body)
        return True

    def _drain(self) -> None:
        """Wait for replies on their way: they are stored, so they are confirmed too."""
        deadline = time.perf_counter() + PATIENCE_S
        while self.in_flight:
            if time.perf_counter() > deadline:
                raise ServerFailedError(f"{self.in_flight} answers got no reply.")
            for key, _ in self.selector.select(0.1):
                if self._read(key.data):
                    self.in_flight -= 1


def _connect(port: int) -> socket.socket:
    channel = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
    channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    channel.setblocking(False)
    return channel


def percentile_ms(latencies_s: Sequence[float], share: float) -> float:
    """Give a percentile in milliseconds, by the nearest rank."""
    ordered = sorted(latencies_s)
    place = min(len(ordered) - 1, int(share * len(ordered)))
    return round(1000 * ordered[place], 2)


def find_held_rate(
    try_rate: Callable[[float], float], *, most: float, limit_ms: float, tries: int = 5
) -> tuple[float, list[dict[str, float]]]:
    """Find by bisection the highest rate whose p95 stays within the limit, in (0, `most`]."""
    low, high, tried = 0.0, most, []
    rate = most
    for _ in range(tries):
        p95 = try_rate(rate)
        tried.append({"rate": round(rate, 1), "p95_ms": p95})
        if p95 <= limit_ms:
            low = rate
            if rate >= most:
                break
        else:
            high = rate
        rate = (low + high) / 2
    return low, tried
