"""What `manage.py verify` checks, and how its figures are shown.

Each check plays the very functions that the product decides with, on streams whose truth is known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.table import Table

from ml.bench.report import flat
from ml.errors import MlError

if TYPE_CHECKING:
    from pathlib import Path

Progress = Callable[[str, int, int], None]
"""Told what is going on, how much of it is done, and of how much."""


class CannotMeasureError(MlError):
    """The check has nothing to measure on."""

    code = "cannot_measure"


@dataclass(frozen=True, slots=True)
class Setup:
    """What a check is given.

    Attributes:
        trials: simulated projects, streams or repetitions, at least 1.
        seed: of everything drawn.
        images, labels: folder of photographs and its table; None where there are none.
        label_column: of the table.
        embeddings: file that keeps their vectors between runs, or None.
        say: told about the progress.
    """

    trials: int
    seed: int
    images: Path | None
    labels: Path | None
    label_column: str
    embeddings: Path | None
    say: Progress


@dataclass(frozen=True, slots=True)
class Target:
    """A figure that was promised.

    Attributes:
        figure: its name.
        value: what was measured.
        wanted: what was promised, in words.
        is_met: whether it was reached.
    """

    figure: str
    value: float
    wanted: str
    is_met: bool


def table(name: str, targets: list[Target], figures: dict[str, Any]) -> Table:
    """Draw the promised figures first, then all others."""
    drawn = Table(title=f"verify {name}")
    for column in ("figure", "value", "wanted", ""):
        drawn.add_column(column, justify="right" if column == "value" else "left")
    for target in targets:
        drawn.add_row(
            target.figure,
            f"{target.value:.4g}",
            target.wanted,
            "met" if target.is_met else "NOT MET",
        )
    shown = {target.figure for target in targets}
    for key, value in flat(figures):
        if key not in shown:
            drawn.add_row(key, f"{value:.4g}" if isinstance(value, float) else str(value), "", "")
    return drawn
