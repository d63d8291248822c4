"""Which part of a very large pool is rescored at a refill.

Rescoring a million images takes seconds, and after twenty answers hardly any score has moved. So
beyond `WHOLE_UP_TO` images a refill looks at one shard, another each time, and at the images that
were most in doubt when they were last looked at. After as many refills as there are shards every
image has been looked at again.

Source: the rolling shard of `methods.md` §1.5.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.types import Indices, Scores

WHOLE_UP_TO = 200_000
"""Images up to which the whole pool is rescored: under two seconds."""

SHARD = 100_000
LEADERS = 20_000
"""Images in most doubt that are looked at each time: a hundred windows' worth."""

_SPREAD = np.uint64(0x9E3779B97F4A7C15)
"""2^64 divided by the golden ratio: keys that follow each other land in shards far apart, so that
a shard is spread over the pool and not one day's upload."""


@dataclass(slots=True)
class RollingShard:
    """Whose turn it is, and who is in most doubt; one for each pool, kept between refills.

    Attributes:
        whole_up_to: a pool of at most so many is taken whole.
        size: about how many images a shard has.
        n_leaders: how many stay from refill to refill.
    """

    whole_up_to: int = WHOLE_UP_TO
    size: int = SHARD
    n_leaders: int = LEADERS
    turn: int = 0
    leaders: Indices = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    def next(self, image_ids: Indices) -> npt.NDArray[np.bool_]:
        """Mark which of (n,) candidates are looked at now; all of them in a small pool."""
        n = len(image_ids)
        if n <= self.whole_up_to:
            return np.ones(n, dtype=bool)
        n_shards = -(-n // self.size)
        spread = (image_ids.astype(np.uint64) * _SPREAD) >> np.uint64(32)
        is_turn = spread % np.uint64(n_shards) == np.uint64(self.turn % n_shards)
        self.turn += 1
        marked: npt.NDArray[np.bool_] = is_turn | np.isin(image_ids, self.leaders)
        return marked

    def saw(self, image_ids: Indices, doubt: Scores) -> None:
        """Keep the images in most doubt of those (m,) just looked at."""
        if len(image_ids) > self.n_leaders:
            most = np.argpartition(-doubt, self.n_leaders)[: self.n_leaders]
            image_ids = image_ids[most]
        self.leaders = image_ids
