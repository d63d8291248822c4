"""How good the classifier is, measured on the audit slice and nowhere else (rule 1).

One image a split group is measured, drawn before anybody labeled it; the prediction is the
version's own, on the stored embedding. How chosen images fare is a hint for a label at most.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ml.evaluation import adjudicated, by_label, closer_look, intervals, label_sets
from ml.selectors import practice, set_audit
from ml.selectors.audited import Audit, Checks, audit

if TYPE_CHECKING:
    from uuid import UUID

    import numpy.typing as npt

    from labeling.selectors.projects import Group
    from ml.evaluation.practice import Practice
    from ml.types import Interval, Labels

__all__ = [
    "Audit",
    "Checks",
    "Estimate",
    "Measured",
    "among",
    "audit",
    "by_labels",
    "interval_json",
    "is_drawn_alike",
    "measured",
    "of_version",
    "overall",
    "per_class",
    "per_source",
    "pooled_cases",
]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A share with its interval, as pages show it.

    Attributes:
        estimate: right / n over resolved images; None where n is 0: unknown, not 0. Put right by
            what experts found where they checked agreements by chance.
        low, high: 95 % Wilson, widened so that it holds whatever the unresolved turn out to be.
        n: resolved audit images behind the estimate.
        unresolved: audit images with answers that do not agree yet, or whose answer is no label,
            and those an expert has yet to look at, which are among the `n`. Of a label: those that
            may turn out to be of it.
        missing: about how many more resolved audit images give +-10 points.
        waiting: audit images without an answer that may count for it: of a label, those the version
            takes for it.
        reachable: half-width of the interval once those are answered.
    """

    estimate: float | None
    low: float
    high: float
    n: int
    unresolved: int
    missing: int
    waiting: int
    reachable: float

    def to_json(self) -> dict[str, Any]:
        """Give the fields as the API sends them."""
        return {
            "estimate": self.estimate,
            "low": self.low,
            "high": self.high,
            "n": self.n,
            "unresolved": self.unresolved,
            "missing": self.missing,
            "waiting": self.waiting,
            "reachable": self.reachable,
        }


@dataclass(frozen=True, slots=True)
class Measured:
    """The audit images that can be judged, in draw order, beside what one version says of them.

    Attributes:
        codes, names: the labels of `truth` and `predicted`: the current scheme, then labels that
            only the version knows (retired since).
        image_ids: (n,).
        truth: (n,) index into `codes`; -1 unresolved.
        predicted: (n,) index into `codes`; -1 where the version has no embedding of the image.
        p: (n,) probability of the predicted label.
        top: (n, t) the likeliest labels, the predicted one first; -1 as in `predicted`.
        sources: (n,) where each image came from.
        n_people: how many annotators stand behind these labels.
        checks: what experts make of the images.
        inclusion: (n,) chance of each of being in the audit slice and asked about by now.
        is_alike: (n,) among those that all had the same chance (`weighted.equal_chance`), for what
            cannot weigh its images.
        states: (n,) consensus states.
        waiting: (m,) what the version says of audit images without an answer, as `predicted`.
        waiting_sources: (m,) where those came from.
        is_sets: whether `codes` are sets of labels.
        groups, group_code: as of `Audit` (`ml.selectors.group_figures`).
        practice: how the version's labeled images of each of `codes` fared out of group; None where
            that was not kept.
        expected: what the version says of all audit images, with an answer and without; None of
            sets and of groups of labels.
        chances: of each of those, to have been asked about by now.
    """

    version_number: int
    codes: tuple[str, ...]
    names: tuple[str, ...]
    image_ids: npt.NDArray[np.int64]
    truth: Labels
    predicted: Labels
    p: npt.NDArray[np.float64]
    top: npt.NDArray[np.int64]
    sources: tuple[str, ...]
    n_people: int
    checks: Checks
    inclusion: npt.NDArray[np.float64]
    is_alike: npt.NDArray[np.bool_]
    states: tuple[str, ...]
    waiting: Labels
    waiting_sources: tuple[str, ...]
    is_sets: bool = False
    groups: tuple[Group, ...] = ()
    group_code: tuple[str, ...] = ()
    practice: Practice | None = None
    expected: closer_look.Expected | None = None
    chances: npt.NDArray[np.float64] | None = None

    @property
    def is_judged(self) -> npt.NDArray[np.bool_]:
        """Which images have an agreed label and a prediction, (n,)."""
        return (self.truth >= 0) & (self.predicted >= 0)

    @property
    def is_right(self) -> npt.NDArray[np.bool_]:
        """Which judged images the version gets right, (n,)."""
        right: npt.NDArray[np.bool_] = self.is_judged & (self.truth == self.predicted)
        return right

    @property
    def n_unresolved(self) -> int:
        """Images with answers that cannot be judged; they stay in the denominator as a bound."""
        return int((~self.is_judged).sum())


def measured(found: Audit, version: UUID) -> Measured | None:
    """Judge a version on audit images; None where its weights are gone."""
    n = len(found.image_ids)
    every = np.concatenate([found.image_ids, found.waiting])
    said = set_audit.said(version, every, found.unasked)
    if said is None:
        return None
    # What a label was merged into since is what the version says today.
    order = [found.into.get(code, code) for code in said.label_order]
    extra = tuple(dict.fromkeys(code for code in order if code not in found.codes))
    codes = found.codes + extra
    column_of = {code: place for place, code in enumerate(codes)}
    # The last entry is what an absent prediction, -1, picks.
    places = np.array([*(column_of[code] for code in order), -1], dtype=np.int64)
    return Measured(
        version_number=said.number,
        codes=codes,
        names=found.names + tuple(label_sets.names(one, found.label_names or {}) for one in extra),
        image_ids=found.image_ids,
        truth=found.truth,
        predicted=places[said.columns[:n]],
        p=said.p[:n],
        top=places[said.top[:n]],
        sources=found.sources,
        n_people=found.n_people,
        checks=found.checks,
        inclusion=found.inclusion,
        is_alike=found.is_alike,
        states=found.states,
        waiting=places[said.columns[n:]],
        waiting_sources=found.waiting_sources,
        is_sets=found.label_names is not None,
        groups=found.groups,
        group_code=found.group_code,
        practice=practice.in_columns(said.practice, found.into, column_of),
        expected=closer_look.Expected(places[said.top], said.top_p, found.stands_for, len(codes))
        if len(said.top_p)
        else None,
        chances=found.chances,
    )


def overall(found: Measured) -> Estimate:
    """Estimate the accuracy on images like those of the project.

    What experts found where they checked agreements by chance stands for the agreements that nobody
    checked; what they have yet to look at widens the interval (`ml.evaluation.adjudicated`). Where
    images were not drawn alike, the figure is moved to what it is of all images of the project.
    """
    one, judged = among(found, 1), found.is_judged
    if one.estimate is None or is_drawn_alike(found.inclusion[judged]):
        return one
    # Two outcomes, right and wrong, of one kind of image.
    is_wrong = (~found.is_right[judged]).astype(np.int64)
    likelier = closer_look.odds(np.zeros_like(is_wrong), is_wrong, found.inclusion[judged], 2)
    estimate, low, high = closer_look.moved(
        one.estimate,
        one.low,
        one.high,
        n=one.n,
        shift=float(likelier.shift[0]),
        variance=float(likelier.variance[0]),
    )
    return replace(one, estimate=estimate, low=low, high=high)


def among(found: Measured, k: int) -> Estimate:
    """Estimate how often the label is among the k likeliest, as `overall` does for k = 1.

    For more than one only on images that all had the same chance of being measured.
    """
    here = np.ones(len(found.truth), dtype=np.bool_) if k == 1 else found.is_alike
    return _put_right(found, here, len(found.waiting), k)


def _put_right(found: Measured, here: npt.NDArray[np.bool_], waiting: int, k: int = 1) -> Estimate:
    """Estimate the accuracy on some of the images, by what experts found among them."""
    judged, checks = found.is_judged & here, found.checks
    top = found.top[:, :k]
    is_right = judged & (top == found.truth[:, None]).any(axis=1)
    was_right = (top == checks.people[:, None]).any(axis=1)
    n_unresolved = int((here & ~judged).sum())
    right = int(is_right.sum())
    one = adjudicated.estimate(
        adjudicated.Judged(
            is_right=is_right[judged],
            was_right=was_right[judged],
            is_checked=checks.checked[judged],
            is_trusted=checks.trusted[judged],
            probability=checks.probability[judged],
            is_pending=checks.pending[judged],
        ),
        n_unresolved,
    )
    return Estimate(
        estimate=one.estimate if one.n else None,
        low=one.low,
        high=one.high,
        n=one.n,
        unresolved=n_unresolved + int(checks.pending[judged].sum()),
        missing=intervals.answers_missing_for(right, one.n),
        waiting=waiting,
        reachable=intervals.half_width_with(right, one.n, waiting),
    )


def per_source(found: Measured) -> list[dict[str, Any]]:
    """Estimate the accuracy on the images of each source, most images first; as `overall`."""
    sources = np.asarray(found.sources, dtype=object)
    rows = [
        {
            "source": source,
            **_put_right(
                found, (sources == source) & found.is_alike, found.waiting_sources.count(source)
            ).to_json(),
        }
        for source in sorted(set(found.sources))
    ]
    return sorted(rows, key=lambda row: (-row["n"], row["source"]))


def by_labels(found: Measured) -> list[by_label.Share]:
    """Estimate the accuracy on the images of each label, in the order of `codes`.

    Where images were not drawn into the slice or asked about alike (uploads that look different, a
    closer look at labels), the figures of the images met are moved to those of all images
    (`ml.evaluation.closer_look`).
    """
    checks, k = found.checks, len(found.codes)
    may_be = np.zeros((len(found.truth), k), dtype=np.bool_)
    for row, columns in enumerate(checks.named):
        may_be[row, list(columns)] = True
    cases = by_label.Cases(
        truth=found.truth,
        predicted=found.predicted,
        people=checks.people,
        is_checked=checks.checked,
        is_trusted=checks.trusted & (found.truth >= 0),
        probability=checks.probability,
        is_pending=checks.pending,
        may_be=may_be,
    )
    rows = by_label.shares(cases, k)
    if is_drawn_alike(found.inclusion):
        return rows
    judged = found.is_judged
    likelier = closer_look.odds(
        found.truth[judged],
        found.predicted[judged],
        found.inclusion[judged],
        k,
        expected=found.expected,
        chances=found.chances,
    )
    return [
        _moved(row, float(likelier.shift[at]), float(likelier.variance[at]))
        for at, row in enumerate(rows)
    ]


def is_drawn_alike(inclusion: npt.NDArray[np.float64]) -> bool:
    """Tell whether (n,) images came into the slice with one probability."""
    return len(np.unique(inclusion.round(9))) < 2


def _moved(row: by_label.Share, shift: float, variance: float) -> by_label.Share:
    """Move the figures of the images met to those of all images of a label."""
    if row.n == 0 or math.isnan(row.estimate):
        return row
    estimate, low, high = closer_look.moved(
        row.estimate, row.low, row.high, n=row.effective, shift=shift, variance=variance
    )
    return replace(
        row,
        estimate=estimate,
        low=low,
        high=high,
        effective=closer_look.worth(row.effective, row.estimate, variance),
        met=row.estimate,
        likelier=shift,
    )


def per_class(found: Measured) -> list[dict[str, Any]]:
    """Estimate, for each label, the share of its audit images that the version gets right.

    Put right by what experts found, as the overall figure is (`ml.evaluation.by_label`). An image
    that is open counts in the interval of every label somebody has named for it, `unresolved` says
    how many; of labels nobody named, the overall bound holds it. `pooled` draws rare labels towards
    the others, labeled images for a hint (`ml.evaluation.practice`), and is None with n 0.
    """
    rows = by_labels(found)
    right, cases = pooled_cases(rows)
    likelier = [row.likelier for row in rows]
    drawn = intervals.pooled(right, cases, practice=found.practice, likelier=likelier)
    return [
        {
            "code": code,
            "name": name,
            **_of_label(row, int((found.waiting == at).sum())).to_json(),
            "pooled": interval_json(replace(one, n=row.n)) if row.n else None,
            "practice": practice.row(found.practice, at),
        }
        for at, (code, name, row, one) in enumerate(
            zip(found.codes, found.names, rows, drawn, strict=True)
        )
    ]


def _of_label(row: by_label.Share, waiting: int) -> Estimate:
    is_known = row.n > 0 and not math.isnan(row.estimate)
    right = row.estimate * row.n if is_known else 0.0
    return Estimate(
        estimate=row.estimate if is_known else None,
        low=row.low,
        high=row.high,
        n=row.n,
        unresolved=row.open,
        missing=intervals.answers_missing_for(right, row.n),
        waiting=waiting,
        reachable=intervals.half_width_with(right, row.n, waiting),
    )


def pooled_cases(rows: list[by_label.Share]) -> tuple[list[float], list[int]]:
    """Give right cases and cases of each label among the images met, as they are pooled.

    What the checks leave in doubt is worth fewer answers.
    """
    cases = [min(one.n, round(one.effective)) if one.n else 0 for one in rows]
    met = [one.estimate if one.met is None else one.met for one in rows]
    return [share * n if n else 0.0 for share, n in zip(met, cases, strict=True)], cases


def interval_json(interval: Interval) -> dict[str, Any]:
    """Give an interval as JSON can hold it: an unknown estimate is null."""
    known = not math.isnan(interval.estimate)
    return {
        "estimate": interval.estimate if known else None,
        "low": interval.low,
        "high": interval.high,
        "n": interval.n,
    }


def of_version(project_id: int, version: UUID | None) -> Measured:
    """Judge a version; no image, so that every figure is unknown, where there is none."""
    rows = audit(project_id)
    return (measured(rows, version) if version else None) or _unmeasured(rows)


def _unmeasured(rows: Audit) -> Measured:
    none = np.empty(0, dtype=np.int64)
    nobody, nothing = np.empty(0, dtype=np.bool_), np.empty(0)
    return Measured(
        version_number=0,
        codes=rows.codes,
        names=rows.names,
        image_ids=none,
        truth=none,
        predicted=none,
        p=nothing,
        top=np.empty((0, 1), dtype=np.int64),
        sources=(),
        n_people=0,
        checks=Checks(nobody, nobody, nobody, none, nothing, ()),
        inclusion=nothing,
        is_alike=nobody,
        states=(),
        waiting=np.full(len(rows.waiting), -1, dtype=np.int64),
        waiting_sources=rows.waiting_sources,
        is_sets=rows.label_names is not None,
    )
