"""Who comes after whom, where several lists share one place: in turn, or spread evenly."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

T = TypeVar("T")


def in_turn(lists: Iterable[Iterable[T]], is_free: Callable[[T], bool]) -> Iterator[T]:
    """Take the next free element of each list in turn, until none has any.

    Args:
        lists: each in its own order, which is kept.
        is_free: asked once of each element, when its list's turn has come; so whoever takes what is
            yielded may make others unfree.
    """
    waiting = [iter(each) for each in lists]
    while waiting:
        still = []
        for rest in waiting:
            for one in rest:
                if is_free(one):
                    yield one
                    still.append(rest)
                    break
        waiting = still


def spread(plain: Sequence[T], kinds: Iterable[Sequence[T]], rng: np.random.Generator) -> list[T]:
    """Spread elements of some kinds evenly among the plain ones, each list in its own order.

    Of a list that is made anew before its end is reached only the first places are ever seen. So
    each kind begins at a random place: of a list of n, every place holds one of m elements of a
    kind with chance m / n.

    Args:
        plain: what fills the places between.
        kinds: each spread by itself, among all that is there before it.
        rng: draws where each begins.
    """
    out = list(plain)
    for kind in kinds:
        step = (len(out) + len(kind)) / max(len(kind), 1)
        places = step * (rng.random() + np.arange(len(kind)))
        for place, each in zip(places.astype(np.int64).tolist(), kind, strict=True):
            out.insert(place, each)
    return out
