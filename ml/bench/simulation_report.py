"""The table, the plot and the figures of `manage.py simulate`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table

from ml.bench import report

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# Colour-blind safe (Okabe and Ito 2008), told apart by line style as well.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLES = ("-", "--", "-.", ":")
COLUMNS = 9
"""Points of a curve that a table shows; the JSON has all."""
MOST_BANDS = 4
NEARLY_ALL = 0.99


def summarise(plays: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Give mean and standard deviation over runs (ddof 1) at each number of labels.

    `area_mean` is the area under the curve over its width, the mean accuracy on the way, up to
    the fewest labels to which all strategies were played.
    """
    ends = [play["labels"][-1] for play in plays]
    summary = {}
    for strategy in dict.fromkeys(play["strategy"] for play in plays):
        runs = [play for play in plays if play["strategy"] == strategy]
        runs.sort(key=lambda play: (play.get("fold", 0), play["seed"]))
        accuracy = np.array([play["accuracy"] for play in runs])  # (runs, points)
        areas = np.array([_area(runs[0]["labels"], run, min(ends)) for run in accuracy])
        summary[strategy] = {
            "labels": runs[0]["labels"],
            "answers": runs[0]["answers"],
            "accuracy_mean": _rounded(accuracy.mean(axis=0)),
            "accuracy_std": _rounded(_spread(accuracy)),
            "area_mean": round(float(areas.mean()), 5),
            "area_std": round(float(_spread(areas)), 5),
            "runs": [_rounded(run) for run in accuracy],
        }
    return summary


def all_labels(plays: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Give what a head on every pool image reaches: the end of all curves."""
    found = np.array([play["accuracy"][0] for play in plays])
    return {
        "labels": round(float(np.mean([play["labels"][0] for play in plays]))),
        "accuracy_mean": round(float(found.mean()), 5),
        "accuracy_std": round(float(_spread(found)), 5),
        "runs": _rounded(found),
    }


def _area(labels: Sequence[int], accuracy: np.ndarray[Any, Any], end: int) -> float:
    at = np.array(labels)
    is_in = at <= end
    if is_in.sum() < 2:
        return float(accuracy[is_in].mean())
    width = at[is_in][-1] - at[is_in][0]
    return float(np.trapezoid(accuracy[is_in], at[is_in]) / width)


def _spread(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return values.std(axis=0, ddof=1) if len(values) > 1 else np.zeros(values.shape[1:])


def _rounded(values: np.ndarray[Any, Any]) -> list[float]:
    return [round(float(value), 5) for value in values]


def labels_needed(summary: dict[str, Any], strategy: str, accuracy: float) -> int | None:
    """Give the fewest labels at which a strategy's mean reaches an accuracy, or None."""
    figures = summary[strategy]
    for labels, mean in zip(figures["labels"], figures["accuracy_mean"], strict=True):
        if mean >= accuracy:
            return int(labels)
    return None


def goals(payload: dict[str, Any]) -> dict[str, float]:
    """Name the accuracies worth reaching: random's at its end, and 99 % of that of all labels."""
    found = {}
    random = payload["strategies"].get("random")
    if random:
        found[f"random at {random['labels'][-1]}"] = random["accuracy_mean"][-1]
    if "all_labels" in payload:
        found["99 % of all labels"] = NEARLY_ALL * payload["all_labels"]["accuracy_mean"]
    return {name: round(value, 5) for name, value in found.items()}


def table(payload: dict[str, Any]) -> Table:
    """Draw the means for a terminal: a row a strategy."""
    drawn = Table(title="Accuracy on held-out images (mean over runs)")
    header, *rows = _cells(payload, with_spread=False)
    for place, name in enumerate(header):
        drawn.add_column(name, justify="right" if place else "left")
    for row in rows:
        drawn.add_row(*row)
    return drawn


def _cells(payload: dict[str, Any], *, with_spread: bool = True) -> list[list[str]]:
    """Give a header and a row a strategy: accuracy at some points, area, labels to each goal."""
    summary, wanted = payload["strategies"], goals(payload)
    curves = sorted((figures["labels"] for figures in summary.values()), key=len)
    shared, points = len(curves[0]) - 1, curves[-1]
    shown = np.unique([*np.linspace(0, shared, COLUMNS).round().astype(int), len(points) - 1])
    header = ["labels", *(str(points[place]) for place in shown), "area"]
    rows = [header + [f"to reach {name} ({value:.3f})" for name, value in wanted.items()]]
    for strategy, figures in summary.items():
        cells = [
            _cell(figures, int(place), with_spread) if place < len(figures["labels"]) else ""
            for place in shown
        ]
        needed = [labels_needed(summary, strategy, value) for value in wanted.values()]
        reached = ["no" if each is None else str(each) for each in needed]
        rows.append([strategy, *cells, f"{figures['area_mean']:.4f}", *reached])
    return rows


def _cell(figures: dict[str, Any], place: int, with_spread: bool) -> str:
    mean = f"{figures['accuracy_mean'][place]:.3f}"
    return f"{mean} ± {figures['accuracy_std'][place]:.3f}" if with_spread else mean


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
    (folder / "simulation.json").write_text(json.dumps(payload, indent=2) + "\n", encoding="utf-8")
    header, *rows = _cells(payload)
    lines = report.markdown(header, rows)
    if "all_labels" in payload:
        best = payload["all_labels"]
        lines += ["", f"All {best['labels']} labels of the pool: {best['accuracy_mean']:.3f}."]
    (folder / "simulation.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    _plot(payload, folder / "simulation.svg")


def _plot(payload: dict[str, Any], target: Path) -> None:
    import matplotlib as mpl  # noqa: PLC0415 - a second to import, and only for the plot

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "larder"  # the same figures make the same file
    import matplotlib.pyplot as plt  # noqa: PLC0415

    summary = payload["strategies"]
    figure, axes = plt.subplots(figsize=(7, 4.2), layout="constrained")
    for position, (strategy, figures) in enumerate(summary.items()):
        mean = np.array(figures["accuracy_mean"])
        spread = np.array(figures["accuracy_std"])
        colour, style = COLOURS[position % len(COLOURS)], STYLES[position % len(STYLES)]
        axes.plot(figures["labels"], mean, style, color=colour, label=strategy, linewidth=1.2)
        if len(summary) <= MOST_BANDS:
            axes.fill_between(
                figures["labels"], mean - spread, mean + spread, color=colour, alpha=0.15
            )
    if "all_labels" in payload:
        axes.axhline(payload["all_labels"]["accuracy_mean"], color="#888888", linewidth=0.8)
    axes.set_xlabel("images labeled")
    axes.set_ylabel("accuracy on held-out groups")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize="small", ncols=2 if len(summary) > MOST_BANDS else 1)
    figure.savefig(target, metadata={"Date": None})
    plt.close(figure)
