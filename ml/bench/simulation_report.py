"""The table, the plot and the figures of `manage.py simulate`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# Colour-blind safe (Okabe and Ito 2008), told apart by line style as well.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLES = ("-", "--", "-.", ":")


def summarise(plays: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Give mean and standard deviation over seeds (ddof 1) at each number of labels."""
    summary = {}
    for strategy in dict.fromkeys(play["strategy"] for play in plays):
        runs = [play for play in plays if play["strategy"] == strategy]
        runs.sort(key=lambda play: play["seed"])
        accuracy = np.array([play["accuracy"] for play in runs])  # (seeds, points)
        spread = accuracy.std(axis=0, ddof=1) if len(runs) > 1 else np.zeros(accuracy.shape[1])
        summary[strategy] = {
            "labels": runs[0]["labels"],
            "answers": runs[0]["answers"],
            "accuracy_mean": [round(float(value), 5) for value in accuracy.mean(axis=0)],
            "accuracy_std": [round(float(value), 5) for value in spread],
            "runs": [[round(float(value), 5) for value in run] for run in accuracy],
        }
    return summary


def labels_needed(summary: dict[str, Any], strategy: str, accuracy: float) -> int | None:
    """Give the fewest labels at which a strategy's mean reaches an accuracy, or None."""
    figures = summary[strategy]
    for labels, mean in zip(figures["labels"], figures["accuracy_mean"], strict=True):
        if mean >= accuracy:
            return int(labels)
    return None


def table(summary: dict[str, Any]) -> Table:
    """Draw the means for a terminal."""
    drawn = Table(title="Accuracy on held-out images (mean ± standard deviation over seeds)")
    drawn.add_column("labels", justify="right")
    for strategy in summary:
        drawn.add_column(strategy, justify="right")
    for row in _rows(summary):
        drawn.add_row(*row)
    return drawn


def _rows(summary: dict[str, Any]) -> list[list[str]]:
    points = next(iter(summary.values()))["labels"]
    return [
        [str(labels)]
        + [
            f"{figures['accuracy_mean'][position]:.3f} ± {figures['accuracy_std'][position]:.3f}"
            for figures in summary.values()
        ]
        for position, labels in enumerate(points)
    ]


def told(chapters: Sequence[dict[str, Any]]) -> str:
    """Tell the story of the gate in a line a chapter."""
    return "\n".join(f"{chapter['title']}: {chapter['sentence']}" for chapter in chapters)


def _as_markdown(chapters: Sequence[dict[str, Any]]) -> str:
    lines = ["# The gate at work", ""]
    for number, chapter in enumerate(chapters, start=1):
        lines += [f"## {number}. {chapter['title']}", "", chapter["sentence"], ""]
        lines += ["| figure | value |", "| :--- | ---: |"]
        for name, value in chapter.items():
            if isinstance(value, int | float | str) and name not in ("title", "sentence"):
                lines.append(f"| {name.replace('_', ' ')} | {value} |")
        lines.append("")
    return "\n".join(lines)


def write(payload: dict[str, Any], folder: Path) -> None:
    """Write `simulation.json`, `.md` and `.svg`, or `story.json` and `.md`."""
    folder.mkdir(parents=True, exist_ok=True)
    if "chapters" in payload:
        (folder / "story.json").write_text(json.dumps(payload, indent=2) + "\n", encoding="utf-8")
        (folder / "story.md").write_text(_as_markdown(payload["chapters"]), encoding="utf-8")
        return
    summary = payload["strategies"]
    (folder / "simulation.json").write_text(json.dumps(payload, indent=2) + "\n", encoding="utf-8")
    header = ["labels", *summary]
    lines = [
        "| " + " | ".join(cells) + " |"
        for cells in [header, ["---:"] * len(header), *_rows(summary)]
    ]
    (folder / "simulation.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    _plot(summary, folder / "simulation.svg")


def _plot(summary: dict[str, Any], target: Path) -> None:
    import matplotlib as mpl  # noqa: PLC0415 - a second to import, and only for the plot

    mpl.use("Agg")
    import matplotlib.pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(figsize=(7, 4.2), layout="constrained")
    for position, (strategy, figures) in enumerate(summary.items()):
        mean = np.array(figures["accuracy_mean"])
        spread = np.array(figures["accuracy_std"])
        colour = COLOURS[position % len(COLOURS)]
        axes.plot(
            figures["labels"], mean, STYLES[position % len(STYLES)], color=colour, label=strategy
        )
        axes.fill_between(figures["labels"], mean - spread, mean + spread, color=colour, alpha=0.15)
    axes.set_xlabel("images labeled")
    axes.set_ylabel("accuracy on held-out groups")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(target, metadata={"Date": None})
    plt.close(figure)
