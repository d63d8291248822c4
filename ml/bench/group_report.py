"""The table and the words of `manage.py simulate --group-column`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table

from ml.bench import report
from ml.services.group_study import ARMS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ROWS = 6
"""Points that the table shows; the JSON has all."""
WORDS = {
    "everybody-knows": "everybody names the label",
    "say-group": "who cannot tell says the group",
    "cant-tell": "who cannot tell says so",
}
FIGURES = ("label", "group", "said_label", "said_label_right", "said_group", "said_group_right")


def summarise(plays: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Give each arm's shares over all seeds at each number of answers, with every run beside."""
    found = {}
    for arm in ARMS:
        runs = sorted((one for one in plays if one["arm"] == arm), key=lambda one: one["seed"])
        ends = [point["answers"] for point in runs[0]["points"]]
        points = [
            {"answers": answers, **_mean([run["points"][at] for run in runs])}
            for at, answers in enumerate(ends)
        ]
        said = {kind: round(_average([run["said"][kind] for run in runs]), 1) for kind in
                runs[0]["said"]}  # fmt: skip
        found[arm] = {"points": points, "said": said, "runs": runs}
    return found


def differences(plays: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Give what saying the group adds to saying "can't tell", by seed, at the last point."""
    last = {(one["arm"], one["seed"]): one["points"][-1] for one in plays}
    seeds = sorted({seed for _, seed in last})
    found = {}
    for level in ("label", "group"):
        gains = [
            last["say-group", seed][level]["share"] - last["cant-tell", seed][level]["share"]
            for seed in seeds
        ]
        found[level] = {"mean": round(_average(gains), 5), "runs": [round(g, 5) for g in gains]}
    return found


def table(payload: dict[str, Any]) -> Table:
    """Draw accuracy of labels and groups by answers."""
    drawn = Table(title="Right on held-out pictures: labels / groups of labels")
    drawn.add_column("answers", justify="right")
    for arm in ARMS:
        drawn.add_column(WORDS[arm], justify="right")
    for row in _rows(payload):
        drawn.add_row(*row)
    return drawn


def write(payload: dict[str, Any], folder: Path) -> None:
    """Write `groups.json` and `groups.md`."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(payload, indent=1) + "\n"
    (folder / "groups.json").write_text(text, encoding="utf-8")
    heading = ["answers", *(WORDS[arm] for arm in ARMS)]
    lines = ["Right on held-out pictures, labels / groups of labels (all seeds):", ""]
    lines += report.markdown(heading, _rows(payload))
    lines += ["", "What the API answers with at the end, and how often it is right:", ""]
    lines += report.markdown(
        ["arm", "says a label", "right", "says a group", "right"],
        [[WORDS[arm], *_said(payload["arms"][arm]["points"][-1])] for arm in ARMS],
    )
    (folder / "groups.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _rows(payload: dict[str, Any]) -> list[list[str]]:
    arms = payload["arms"]
    n = len(arms[ARMS[0]]["points"])
    shown = sorted({round(at) for at in np.linspace(0, n - 1, min(n, ROWS))})
    return [
        [str(arms[ARMS[0]]["points"][at]["answers"]), *(_both(arms[arm]["points"][at]) for arm in
         ARMS)]
        for at in shown
    ]  # fmt: skip


def _both(point: dict[str, Any]) -> str:
    return f"{_percent(point.get('label'))} / {_percent(point.get('group'))}"


def _said(point: dict[str, Any]) -> list[str]:
    return [_percent(point.get(name)) for name in FIGURES[2:]]


def _percent(value: dict[str, Any] | None) -> str:
    return "-" if value is None else f"{value['share']:.1%}"


def _mean(points: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Give shares of all runs' pictures together; None where a run has no champion yet."""
    found: dict[str, Any] = {}
    is_whole = all(one.get("label") for one in points)
    for name in FIGURES:
        shares = [one[name] for one in points if one.get(name)]
        n = sum(one["n"] for one in shares)
        found[name] = None
        if is_whole and n:
            right = sum(one["share"] * one["n"] for one in shares)
            found[name] = {"share": round(right / n, 5), "n": n}
    return found


def _average(values: Sequence[float]) -> float:
    return float(np.mean(values))
