"""The table and the plot of `manage.py bench crowd`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.table import Table

from ml.bench import report
from ml.bench.simulation_report import COLOURS

if TYPE_CHECKING:
    from pathlib import Path

MARKERS = "osD^v<>P*"
OURS = ("larder", "larder_quick")


def table(crowds: dict[str, Any]) -> Table:
    """Draw errors and answers for a terminal."""
    drawn = Table(title="Wrong labels in % (95 % interval), answers an image")
    header, *rows = _rows(crowds)
    for position, name in enumerate(header):
        drawn.add_column(name, justify="right" if position else "left")
    for row in rows:
        drawn.add_row(*row)
    return drawn


def write(payload: dict[str, Any], folder: Path) -> None:
    """Write `crowd.json`, `crowd.md` and `crowd.svg`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "crowd.json").write_text(json.dumps(payload, indent=2) + "\n", encoding="utf-8")
    header, *rows = _rows(payload["crowds"])
    text = "\n".join(report.markdown(header, rows))
    text += "\n\n" + "\n".join(_sentences(payload["crowds"])) + "\n"
    (folder / "crowd.md").write_text(text, encoding="utf-8")
    _plot(payload["crowds"], folder / "crowd.svg")


def _rows(crowds: dict[str, Any]) -> list[list[str]]:
    """Give a line a method: what it cost on the first crowd's row, its error on every crowd."""
    methods = list(next(iter(crowds.values())))
    rows = [["method", *crowds]]
    for method in methods:
        cells = [_cell(figures[method]) for figures in crowds.values()]
        rows.append([method.replace("_", " "), *cells])
    return rows


def _cell(figures: dict[str, Any]) -> str:
    low, high = figures["interval"]
    return (
        f"{100 * figures['error']:.1f} ({100 * low:.1f} to {100 * high:.1f}), "
        f"{figures['answers_per_image']:.2f}"
    )


def _sentences(crowds: dict[str, Any]) -> list[str]:
    """Set Larder beside the alternative with the fewest errors, crowd by crowd."""
    found = ["Larder against the alternative with the fewest errors, in points of error:", ""]
    for name, methods in crowds.items():
        ours = methods["larder"]
        low, high = (100 * bound for bound in ours["excess_interval"])
        best = ours["best_alternative"]
        found.append(
            f"- {name.replace('_', ' ')}: {100 * ours['excess_error']:+.2f} "
            f"({low:+.2f} to {high:+.2f}) against {best.replace('_', ' ')}, "
            f"{ours['answers_per_image']:.2f} answers an image against "
            f"{methods[best]['answers_per_image']:.0f}; "
            f"{100 * ours['disputed']:.1f} % went to the experts' queue."
        )
    return found


def _plot(crowds: dict[str, Any], target: Path) -> None:
    import matplotlib as mpl  # noqa: PLC0415 - a second to import, and only for the plot

    mpl.use("Agg")
    import matplotlib.pyplot as plt  # noqa: PLC0415

    figure, grid = plt.subplots(2, 3, figsize=(9, 5.4), layout="constrained", sharex=True)
    for axes, (name, methods) in zip(grid.ravel(), crowds.items(), strict=False):
        for position, (method, figures) in enumerate(methods.items()):
            error, (low, high) = 100 * figures["error"], (100 * b for b in figures["interval"])
            spread = [[max(error - low, 0)], [max(high - error, 0)]]
            axes.errorbar(
                figures["answers_per_image"], error, yerr=spread,
                fmt=MARKERS[position % len(MARKERS)], color=COLOURS[position % len(COLOURS)],
                markersize=9 if method in OURS else 5, label=method.replace("_", " "),
            )  # fmt: skip
        axes.set_title(name.replace("_", " "), fontsize=10)
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
    figure.supxlabel("answers an image")
    figure.supylabel("wrong labels, %")
    handles, labels = grid.ravel()[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False, fontsize=8)
    figure.savefig(target, metadata={"Date": None})
    plt.close(figure)
