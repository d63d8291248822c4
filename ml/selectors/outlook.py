"""How much further: labels, answers, minutes and cost to the target, or why nobody can say.

The curve is made of heads refitted on nested beginnings of the labels in the order they came, all
on the champion's backbone and all measured on today's audit answers; it is measured, and steers
nothing (rule 1). Everything follows from stored rows, so a command gives the page's numbers again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from labeling.selectors import partitions, projects, queue
from ml.evaluation import forecast, intervals, label_needs, stopping
from ml.evaluation.forecast import Refusal, two_digits
from ml.models import Outlook
from ml.selectors import ground, metrics, outlook_words, practice, savings, spending

if TYPE_CHECKING:
    from labeling.selectors.projects import ProjectRow
    from ml.evaluation.forecast import Curve, Fitted, Forecast
    from ml.evaluation.label_needs import Need
    from ml.selectors.ground import Ground
    from ml.types import Head, Interval

SHARES = (0.2, 0.3, 0.42, 0.56, 0.72, 0.86, 1.0)
"""Beginnings of the labels that make the curve."""

FEWEST_LABELS = 10
FEWEST_AUDIT = 30
"""Audit images under which a curve says nothing: each point is 18 points wide or more."""

FEWEST_STOP = 20
"""Unlabeled images under which nobody can tell whether a classifier has settled."""

BAND_STEPS = 16


@dataclass(frozen=True, slots=True)
class Rates:
    """What a label takes, by what labels have taken so far.

    Attributes:
        answers: people's answers, audit slice and all, a label.
        seconds: of people's time an answer; None where no page has told.
        cost: device cost a label.
    """

    answers: float
    seconds: float | None
    cost: float


def stored(project_id: int) -> Outlook | None:
    """Give what was computed last."""
    return Outlook.objects.filter(project_id=project_id).first()


def fallback(project_id: int) -> str:
    """Name the function that chooses while the project's own does not pay; empty where it does."""
    rows = Outlook.objects.filter(project_id=project_id).values_list("fallback", flat=True)
    return rows.first() or ""


def page(project_id: int) -> dict[str, Any]:
    """Give the stored figures as the API shows them; `figures` is null before the first."""
    found = stored(project_id)
    return {
        "computed_at": found.computed_at if found else None,
        "fallback": found.fallback if found else "",
        "fallback_because": found.fallback_because if found else "",
        "figures": found.figures if found else None,
    }


def compute(project_id: int) -> dict[str, Any]:
    """Work the figures out from stored rows; the same rows give the same figures.

    Takes a dozen refits: seconds at a few thousand labels. Never in a request.
    """
    project = projects.by_id(project_id)
    # One for each part, so that what one draws does not move the others.
    first, second, third, fourth, fifth = (
        np.random.default_rng([project.seed, part]) for part in range(5)
    )
    target = project.target_accuracy
    found = ground.of_project(project_id, rng=first)
    if found is None:
        return _nothing(target, is_several=project.mode == "MULTI")
    heads = _heads(found)
    curve = _curve(found, heads)
    rates = _rates(project, found)
    refusal, fitted, ahead = _ahead(found, curve, target, second)
    left = _left(project_id, is_several=found.is_several)
    overall = _overall(found, rates, refusal, ahead, target, left=left)
    names = dict(zip(found.measured.codes, found.measured.names, strict=True))
    return {
        "version": found.version.number,
        "backbone": found.version.backbone,
        "is_several": found.is_several,
        "labels": found.n,
        "audit_images": len(found.truth),
        "audit_answered": metrics.overall(found.measured).n,
        "target": target,
        "curve": _points(curve),
        "band": _band(curve, fitted),
        "overall": overall,
        "per_label": _per_label(found, fitted, target, names, third),
        "advice": _advice(found, heads, curve, target, ahead),
        "savings": savings.refused("multi_label")
        if found.is_several
        else savings.page(found, rng=fourth),
        "gain": None if found.is_several else savings.gain(found, rng=fifth),
    }


def _nothing(target: float | None, *, is_several: bool) -> dict[str, Any]:
    return {
        "version": None,
        "backbone": None,
        "is_several": is_several,
        "labels": 0,
        "audit_images": 0,
        "audit_answered": 0,
        "target": target,
        "curve": [],
        "band": [],
        "overall": outlook_words.refused("no_champion", top=None, target=target),
        "per_label": [],
        "advice": None,
        "savings": savings.refused("multi_label" if is_several else "no_champion"),
        "gain": None,
    }


def _heads(found: Ground) -> dict[int, Head]:
    """Fit heads on beginnings: those of the curve, and three steps of 5 % before the last.

    Labels that came with an import came in no order of choosing: the curve begins after them.
    """
    n, k = found.n, len(found.labeled.label_order)
    least = max(FEWEST_LABELS, min(k, n // 2), int(found.is_imported.sum()))
    late = [n / stopping.GROWTH**step for step in range(stopping.WINDOW, 0, -1)]
    sizes = {max(round(n * share), least) for share in SHARES} | {round(size) for size in late}
    starts = {size: np.arange(size) for size in sorted(sizes) if least <= size <= n}
    return {size: found.head(rows) for size, rows in starts.items() if found.is_fit(rows)}


def _curve(found: Ground, heads: dict[int, Head]) -> Curve:
    sizes = [size for size in heads if _is_on_curve(size, found.n)]
    right = [int(found.right(heads[size]).sum()) for size in sizes]
    return forecast.Curve(
        np.array(sizes, dtype=np.int64), np.array(right, dtype=np.int64), len(found.truth)
    )


def _is_on_curve(size: int, n: int) -> bool:
    """Leave the extra steps of the stop advice out: points that close tell the same twice."""
    extra = {round(n / stopping.GROWTH**step) for step in range(1, stopping.WINDOW + 1)}
    return size not in extra or size in {round(n * share) for share in SHARES}


def _rates(project: ProjectRow, found: Ground) -> Rates:
    by_people = max(int((~found.is_imported).sum()), 1)
    return Rates(
        answers=found.history.answers / by_people,
        seconds=found.history.seconds,
        cost=float(spending.so_far(project)) / by_people,
    )


def _ahead(
    found: Ground, curve: Curve, target: float | None, rng: np.random.Generator
) -> tuple[str | None, Fitted | None, Forecast | None]:
    """Fit and forecast where there is something to go by; else say why not."""
    if len(found.truth) < FEWEST_AUDIT:
        return "few_audit", None, None
    if len(curve.labels) < forecast.MIN_POINTS:
        return Refusal.TOO_FEW_POINTS.value, None, None
    fitted = forecast.fit(curve, rng=rng)
    if target is None:
        return "no_target", fitted, None
    ahead = forecast.forecast(curve, target, rng=rng)
    return (ahead.refusal.value if ahead.refusal else None), fitted, ahead


def _overall(
    found: Ground,
    rates: Rates,
    refusal: str | None,
    ahead: Forecast | None,
    target: float | None,
    *,
    left: int,
) -> dict[str, Any]:
    if refusal is not None or ahead is None:
        return outlook_words.refused(
            refusal or "no_target",
            top=_known(ahead.top) if ahead else None,
            target=target,
            audit_images=len(found.truth),
            fewest=FEWEST_AUDIT,
        )
    # Totals are told to two digits: as many as there are now is none to come.
    now = two_digits(found.n)
    totals = (ahead.low, ahead.middle, ahead.high)
    more = [total - found.n if total > max(now, found.n) else 0.0 for total in totals]
    minutes = None
    if rates.seconds is not None:
        minutes = _range([each * rates.answers * rates.seconds / 60 for each in more])
    figures = {
        "refusal": None,
        "labels": _range([ahead.low, ahead.middle, ahead.high]),
        "more_labels": _range(more),
        "more_answers": _range([each * rates.answers for each in more]),
        "minutes": minutes,
        "cost": {name: round(each * rates.cost, 2) for name, each in _named(more)},
        "answers_a_label": rates.answers,
        "top": _known(ahead.top),
        "pictures_left": left,
    }
    said = outlook_words.forecast(figures, target or 0.0, is_several=found.is_several)
    return figures | {"sentence": said}


def _left(project_id: int, *, is_several: bool) -> int:
    if is_several:  # A picture that shows none of the labels is labeled as well.
        return queue.undecided_pool(project_id).count()
    counts = partitions.counts(project_id)
    return counts.pool - counts.pool_resolved


def _range(three: list[float]) -> dict[str, float]:
    return {name: two_digits(value) for name, value in _named(three)}


def _named(three: list[float]) -> list[tuple[str, float]]:
    return list(zip(("low", "middle", "high"), three, strict=True))


def _points(curve: Curve) -> list[dict[str, Any]]:
    rows = []
    for labels, right in zip(curve.labels.tolist(), curve.right.tolist(), strict=True):
        one = intervals.wilson(right, curve.n_audit)
        rows.append(
            {"labels": labels, "accuracy": _known(one.estimate), "low": one.low, "high": one.high}
        )
    return rows


def _band(curve: Curve, fitted: Fitted | None) -> list[dict[str, float]]:
    """Draw on to twice the labels there are: further, curves that fit alike differ at will."""
    if fitted is None:
        return []
    now = int(curve.labels[-1])
    steps = np.unique(np.round(now * np.geomspace(1.0, 2.0, BAND_STEPS)).astype(np.int64))
    low, middle, high = fitted.band(steps, now=now)
    return [
        {"labels": int(n), "low": float(lo), "middle": float(mid), "high": float(hi)}
        for n, lo, mid, hi in zip(steps, low, middle, high, strict=True)
    ]


def _per_label(
    found: Ground,
    fitted: Fitted | None,
    target: float | None,
    names: dict[str, str],
    rng: np.random.Generator,
) -> list[dict[str, Any]]:
    """Say of each label of today what it needs; by audit images that can be judged.

    Nothing where images may bear several: a label has no mix-ups with others there.
    """
    if found.is_several:
        return []
    codes, k = found.labeled.label_order, len(found.labeled.label_order)
    mass = found.labeled.targets.sum(axis=0)
    counts = np.zeros((k, k), dtype=np.int64)
    champion = found.measured
    column_of = {code: column for column, code in enumerate(codes)}
    judged = champion.is_judged & ~champion.checks.pending & champion.is_alike
    for truth, says in zip(champion.truth[judged], champion.predicted[judged], strict=True):
        at, to = (column_of.get(champion.codes[place], -1) for place in (truth, says))
        if at >= 0 and to >= 0:
            counts[at, to] += 1
    if fitted is None or target is None:
        needs: list[Need | None] = [None] * k
    else:
        needs = list(
            label_needs.label_needs(
                counts,
                mass,
                fitted,
                now=found.n,
                target=target,
                rng=rng,
                practice=practice.in_order(champion.practice, champion.codes, codes),
            )
        )
    return [
        {
            "code": code,
            "name": names[code],
            "labels": round(float(mass[at])),
            "n": int(counts[at].sum()),
            **outlook_words.label_need(need, codes, names, n=int(counts[at].sum())),
        }
        for at, (code, need) in enumerate(zip(codes, needs, strict=True))
    ]


def _advice(
    found: Ground,
    heads: dict[int, Head],
    curve: Curve,
    target: float | None,
    ahead: Forecast | None,
) -> dict[str, Any] | None:
    """Compare the last heads, 5 % of the labels apart, on the stop set."""
    n = found.n
    steps = [round(n / stopping.GROWTH**step) for step in range(stopping.WINDOW, -1, -1)]
    known = [size for size in dict.fromkeys(steps) if size in heads]
    if len(known) < 2 or len(found.stop_set) < FEWEST_STOP or not len(found.truth):
        return None
    says, k = ground.said_by([heads[size] for size in known], found.stop_set)
    checkpoints = [
        stopping.Checkpoint(
            labels=known[at],
            kappa=stopping.kappa(says[at - 1], says[at], k),
            audit=_counted_both_ways(found, heads[known[at]]),
        )
        for at in range(1, len(known))
    ]
    top = ahead.top if ahead else math.nan
    is_few = len(found.truth) < FEWEST_AUDIT
    ceiling = None if math.isnan(top) or is_few else top
    kind = stopping.advise(checkpoints, target=None if is_few else target, ceiling=ceiling)
    agreement = float(np.mean([each.kappa for each in checkpoints]))
    # The interval that the page shows above, so that nobody reads two of one accuracy.
    shown = metrics.overall(found.measured)
    return {
        "kind": kind.value,
        "kappa": agreement,
        "low": shown.low,
        "high": shown.high,
        "top": ceiling,
        "sentence": outlook_words.advice(
            kind, agreement, shown, target=target, top=ceiling, is_several=found.is_several
        ),
    }


def _counted_both_ways(found: Ground, head: Head) -> Interval:
    """Give a head's accuracy with the open images wrong at the lower end, right at the upper.

    As the overview counts them for the champion (`metrics.overall`).
    """
    right, n = int(found.right(head).sum()), len(found.truth)
    n_open = found.measured.n_unresolved + int(found.measured.checks.pending.sum())
    inner = intervals.wilson(right, n)
    low = intervals.wilson(right, n + n_open).low
    high = intervals.wilson(right + n_open, n + n_open).high
    return replace(inner, low=min(low, inner.low), high=max(high, inner.high))


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
