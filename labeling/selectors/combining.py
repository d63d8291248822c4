"""Let requests that come at the same time do one thing together, without waiting for company.

What an answer costs is mostly what does not grow with the answer: statements on their way to the
database and back, a commit, the interpreter between them. So whoever finds nobody at work works at
once, alone (no request is later for it). Who comes meanwhile waits, and all that have come are
done together by the first of them as soon as the one before has ended. The more there is to do, the
more is shared: "flat combining" (Hendler, Incze, Shavit and Tzafrir 2010), known to databases as
group commit. Whoever is to work goes last of those who need the interpreter just then: requests
that are being read come along, and replies of the work before are out first (`Passage`).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from django.db import connection, transaction

from labeling.selectors.prepared import IS_SQLITE

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence, Sized

Q = TypeVar("Q")
R = TypeVar("R")
K = TypeVar("K", bound="Hashable")
MOST_KEYS = 64
PATIENCE_S = 0.006
LULL_S = 0.0004


class Passage:
    """The threads of this process that are reading a request, or replying to one.

    They have all they need but the interpreter. Work for several others would take it from them,
    and would have to be done again for each of them right after. A client may stall while it sends:
    who has kept somebody waiting for as long as that is done is not waited for again.

    Args:
        patience_s: how long somebody waits for them at most.
        lull_s: so long must nobody come before it is believed that nobody does.
    """

    def __init__(self, patience_s: float = PATIENCE_S, lull_s: float = LULL_S) -> None:
        self._patience_s, self._lull_s = patience_s, lull_s
        self._lock = threading.Lock()
        self._inside: dict[int, float] = {}  # since when
        self._watching: list[threading.Lock] = []

    def enter(self, *threads: int) -> None:
        """Say that threads are on their way, this one where none is named."""
        with self._lock:
            self._inside.update(dict.fromkeys(threads or [threading.get_ident()], time.monotonic()))

    def leave(self) -> bool:
        """Say that this thread is through, or waits; tell whether it was on its way."""
        with self._lock:
            was_inside = self._inside.pop(threading.get_ident(), None) is not None
            told = self._told()
        for one in told:
            one.release()
        return was_inside

    def settle(self, waiting: Sized) -> None:
        """Wait until nobody is on their way and nobody comes to those who wait.

        Who is alone, with nobody on their way and nobody waiting, goes at once.
        """
        if not self._inside and not waiting:
            return
        until = time.monotonic() + self._patience_s
        while time.monotonic() < until:
            self._wait_for_others(until)
            n_waiting = len(waiting)
            time.sleep(self._lull_s)
            if not self._inside and len(waiting) == n_waiting:
                return

    def _wait_for_others(self, until: float) -> None:
        told = threading.Lock()
        told.acquire()
        with self._lock:
            if not self._inside:
                return
            self._watching.append(told)
        if told.acquire(timeout=max(0.0, until - time.monotonic())):
            return
        with self._lock:  # Somebody is slow to send; nobody else is to tell us of it later.
            if told in self._watching:
                self._watching.remove(told)
            began = until - self._patience_s
            for thread in [one for one, since in self._inside.items() if since <= began]:
                del self._inside[thread]
            others = self._told()
        for one in others:
            one.release()

    def _told(self) -> list[threading.Lock]:
        """Give those who wait until nobody is on their way, where nobody is."""
        told: list[threading.Lock] = []
        if not self._inside:
            told, self._watching = self._watching, told
        return told


@dataclass(slots=True, eq=False)
class _Place:
    """One request that waits: its question, and then its answer or its turn to work.

    `thread` is set where it was on its way, and will be again with its answer.
    """

    question: object
    thread: int | None = None
    answer: object = None
    is_leader: bool = False
    called: threading.Lock = field(default_factory=threading.Lock)


class Combiner(Generic[Q, R]):
    """Asks questions of several threads together.

    Args:
        work: gives the answers to some questions, in their order; None for one that its own
            thread has to see to, alone. It runs in the thread of one of those who ask.
        most: how many questions at once.
        apart: two questions with the same of these are never asked together.
        passage: who may be on their way with a question; without it nobody is waited for.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Q]], Sequence[R | None]],
        *,
        most: int,
        apart: Callable[[Q], Hashable],
        passage: Passage | None = None,
    ) -> None:
        self._work, self._most, self._apart = work, most, apart
        self._passage = passage
        self._lock = threading.Lock()
        self._waiting: deque[_Place] = deque()
        self._is_busy = False

    def ask(self, question: Q) -> R | None:
        """Give the answer, or None where it has to be found alone.

        What `work` raises is raised for the one in whose thread it ran; the others get None.
        """
        place = _Place(question)
        if self._passage is not None and self._passage.leave():
            place.thread = threading.get_ident()
        with self._lock:
            place.is_leader = not self._is_busy
            self._is_busy = True
            if not place.is_leader:
                place.called.acquire()
                self._waiting.append(place)
        if not place.is_leader:
            place.called.acquire()
        if place.is_leader:
            self._lead(place)
        return place.answer  # type: ignore[return-value]

    def _lead(self, leader: _Place) -> None:
        """Answer for all who wait, then let the next of those who have come meanwhile lead."""
        if self._passage is not None:
            self._passage.settle(self._waiting)
        together = self._company_of(leader)
        try:
            answers = self._work([place.question for place in together])  # type: ignore[misc]
            for place, answer in zip(together, answers, strict=True):
                place.answer = answer
        finally:
            back = [place.thread for place in together if place.thread is not None]
            if self._passage is not None and back:
                # Before they are called: the next must not find the way empty.
                self._passage.enter(*back)
            self._pass_on()
            for place in together[1:]:
                place.called.release()

    def _company_of(self, leader: _Place) -> list[_Place]:
        """Take from those who wait, in their order, all who can go together with the leader."""
        together, stays = [leader], deque[_Place]()
        taken = {self._apart(leader.question)}  # type: ignore[arg-type]
        with self._lock:
            for place in self._waiting:
                key = self._apart(place.question)  # type: ignore[arg-type]
                if key in taken or len(together) == self._most:
                    stays.append(place)
                else:
                    taken.add(key)
                    together.append(place)
            self._waiting = stays
        return together

    def _pass_on(self) -> None:
        with self._lock:
            if not self._waiting:
                self._is_busy = False
                return
            following = self._waiting.popleft()
        following.is_leader = True
        following.called.release()


on_their_way = Passage()
"""With answers: entered and left by whoever takes requests in (`labeling.api.shortcut`)."""
_writer = threading.RLock()


@contextmanager
def writing() -> Iterator[None]:
    """Run what writes to the queue in a transaction of its own.

    SQLite has one writer at a time, and who finds it busy sleeps and tries again: longer each time,
    while others come and go. Within a process they wait for each other here instead, and wake at
    once. Inside a transaction, which has the turn already, nobody waits.
    """
    turn = _writer if IS_SQLITE and not connection.in_atomic_block else nullcontext()
    with turn, transaction.atomic():
        yield


class Shared(Generic[K, R]):
    """What is read by a key, for several threads that ask at the same time by one statement.

    SQLite is in the process: a statement there costs less than to wait for somebody.

    Args:
        read: gives by key what there is for some keys.
    """

    def __init__(self, read: Callable[[list[K]], dict[K, R]]) -> None:
        self._read = read
        self._combiner: Combiner[K, tuple[R | None]] = Combiner(
            self._read_all, most=MOST_KEYS, apart=lambda key: key
        )

    def get(self, key: K) -> R | None:
        """Give what the key has now, or None where there is nothing."""
        found = None
        # Others do not see what an open transaction has written.
        if not IS_SQLITE and not connection.in_atomic_block:
            found = self._combiner.ask(key)
        return self._read([key]).get(key) if found is None else found[0]

    def _read_all(self, keys: Sequence[K]) -> list[tuple[R | None] | None]:
        found = self._read(list(keys))
        return [(found.get(key),) for key in keys]
