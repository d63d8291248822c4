"""Is the challenger better than the champion? Tests that may be looked at after every answer.

All take counts of pairs on the same audit groups, in which the challenger alone is right
(wins), the champion alone (losses), or both or neither (ties). One pair a split group: with
correlated images the error rates below do not hold (`methods.md` §6).

An e-process starts at 1 and, while its null hypothesis holds, exceeds 1/alpha at any time with
probability at most alpha (Ville's inequality). So it may be checked after every pair, for
ever. Only *new* groups may be added to a running one, in an order fixed beforehand; heads may
change between pairs, for the null hypotheses speak of each pair given the past.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

_N_BETS = 48
_SMALLEST_BET = 0.002
_LARGEST_SHARE_OF_BET = 0.98


def count_pairs(
    challenger_right: npt.NDArray[np.bool_], champion_right: npt.NDArray[np.bool_]
) -> tuple[int, int, int]:
    """Count (n,) paired outcomes as wins, losses and ties of the challenger."""
    wins = int(np.sum(challenger_right & ~champion_right))
    losses = int(np.sum(champion_right & ~challenger_right))
    return wins, losses, len(challenger_right) - wins - losses


def log_e_value(wins: int, losses: int) -> float:
    """Give the log e-value against "the challenger wins at most half of the discordant pairs".

    The likelihood ratio of p against 1/2, averaged uniformly over p in (1/2, 1):
    E = 2^(n+1) B(W+1, L+1) P(Beta(W+1, L+1) > 1/2). Promote where it reaches log(1 / alpha_k).
    Where the tail underflows its largest term stands for it: smaller, so on the safe side.

    Source: Ramdas et al. 2022, arXiv 2210.01948; `methods.md` §6.
    """
    from scipy.special import betainc, betaln  # noqa: PLC0415 (kept off the web's import path)

    n = wins + losses
    tail = float(betainc(losses + 1, wins + 1, 0.5))
    log_tail = math.log(tail) if tail > 0 else _log_choose(n + 1, wins) - (n + 1) * math.log(2)
    return (n + 1) * math.log(2) + float(betaln(wins + 1, losses + 1)) + log_tail


def log_e_reversed(wins: int, losses: int) -> float:
    """Give the log e-value against "the challenger wins at least half": the roll-back monitor."""
    return log_e_value(losses, wins)


def log_e_noninferiority(wins: int, losses: int, ties: int, *, margin: float) -> float:
    """Give the log e-value against "the challenger is worse by the margin or more".

    With d = +1, -1 or 0 for a win, a loss or a tie, the null hypothesis is that every pair,
    given the past, has E[d] <= -margin. A bet b in (0, 1/(1-margin)) multiplies its stake by
    1 + b (d + margin) >= 0, whose expectation is then at most 1. The stake is spread evenly over
    fixed bets on a geometric grid, so the value depends on the counts alone, not on their order.
    Ties are evidence too: they show that the two heads agree.

    Args:
        wins: pairs that the challenger alone has right.
        losses: pairs that the champion alone has right.
        ties: all other pairs.
        margin: of accuracy, in (0, 1): 0.01 is one point. Fixed for the life of the process.

    Source: Waudby-Smith & Ramdas 2024, "Estimating means of bounded random variables by betting".
    """
    _check_margin(margin, lowest=0.0)
    return _log_mixture(wins, losses, ties, margin)


def log_e_harm(wins: int, losses: int, ties: int, *, margin: float = 0.0) -> float:
    """Give the log e-value against "the new head is at most the margin worse".

    The guard of provisional heads. The null hypothesis is that every pair, given the past, has
    E[d] >= -margin, where d compares the head that serves with the last *proven* champion. The
    margin is thus one for all refits together, not one a refit: hundreds of heads, each a little
    worse than the one before, cannot creep past it. Roll back where it reaches log(1 / alpha).
    """
    _check_margin(margin, lowest=-1e-300)
    return _log_mixture(losses, wins, ties, -margin)


def log_e_harm_of(counts: npt.NDArray[np.int64], *, margin: float) -> npt.NDArray[np.float64]:
    """Give `log_e_harm` of (n, 3) wins, losses and ties at once."""
    _check_margin(margin, lowest=-1e-300)
    return _log_mixtures(counts[:, [1, 0, 2]], -margin)


def alpha_k(k: int, alpha: float = 0.05) -> float:
    """Give the error budget of the k-th challenger (from 1); all of them sum to `alpha`."""
    if k < 1:
        message = f"challengers are counted from 1, got {k}"
        raise ValueError(message)
    return alpha * 6 / (math.pi**2 * k**2)


def mcnemar(wins: int, losses: int) -> float:
    """Give the exact one-sided p-value P(Bin(wins + losses, 1/2) >= wins). For one look only."""
    from scipy.special import bdtrc  # noqa: PLC0415

    return 1.0 if wins == 0 else float(bdtrc(wins - 1, wins + losses, 0.5))


def _log_mixture(wins: int, losses: int, ties: int, shift: float) -> float:
    return float(_log_mixtures(np.array([[wins, losses, ties]]), shift)[0])


def _log_mixtures(counts: npt.NDArray[np.int64], shift: float) -> npt.NDArray[np.float64]:
    """Average the wealth of bets on d + shift, |shift| < 1, in log space, for (n, 3) counts."""
    largest = _LARGEST_SHARE_OF_BET / (1 - shift)
    bets = np.geomspace(_SMALLEST_BET, largest, _N_BETS)
    a_win, a_loss = np.log1p(bets * (1 + shift)), np.log1p(-bets * (1 - shift))
    wealth = counts @ np.stack([a_win, a_loss, np.log1p(bets * shift)])
    top = wealth.max(axis=1, keepdims=True)
    mixed: npt.NDArray[np.float64] = top[:, 0] + np.log(np.exp(wealth - top).mean(axis=1))
    return mixed


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _check_margin(margin: float, *, lowest: float) -> None:
    if not lowest < margin < 1:
        message = f"margin must be a share of accuracy between 0 and 1, got {margin}"
        raise ValueError(message)
