"""How many answers a policy can ask for."""

from __future__ import annotations

CONFIRMED = "all the same 1"
"""Name of the policy by which images are handed out in a grid, to be confirmed at a glance."""


def effective_votes(policy: int, active_annotators: int) -> int:
    """Give how many answers to wait for: the policy, or all there are to ask, at least one.

    Use it for the cap as well: a project of one person cannot ask a second.
    """
    return min(policy, max(active_annotators, 1))
