"""How good the classifier is, measured on the audit slice and nowhere else (rule 1).

One image a split group is measured, drawn before anybody labeled it; the prediction is the
version's own, on the stored embedding. Accuracy on actively chosen labels is never computed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from labeling.selectors import consensus, projects
from ml.evaluation import adjudicated, by_label, intervals
from ml.evaluation import metrics as shares
from ml.selectors import audit_predictions, versions

if TYPE_CHECKING:
    from uuid import UUID

    import numpy.typing as npt

    from ml.types import Interval, Labels


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
    """

    estimate: float | None
    low: float
    high: float
    n: int
    unresolved: int
    missing: int

    def to_json(self) -> dict[str, Any]:
        """Give the fields as the API sends them."""
        return {
            "estimate": self.estimate,
            "low": self.low,
            "high": self.high,
            "n": self.n,
            "unresolved": self.unresolved,
            "missing": self.missing,
        }


@dataclass(frozen=True, slots=True)
class Checks:
    """What experts make of audit images, (n,) each (`labeling.selectors.consensus.AuditRows`).

    Attributes:
        pending: an expert has yet to look.
        checked: people agreed, an expert drawn by chance has looked.
        trusted: the label is people's own, and nobody is to check it.
        people: index into the current scheme of what people had said, where `checked`; else -1.
        probability: of being checked.
        named: what people have named of images whose label is open, columns of the scheme.
    """

    pending: npt.NDArray[np.bool_]
    checked: npt.NDArray[np.bool_]
    trusted: npt.NDArray[np.bool_]
    people: Labels
    probability: npt.NDArray[np.float64]
    named: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Audit:
    """The audit images that have answers, in draw order; the fields are those of `Measured`.

    Attributes:
        checks: what experts have looked at, or are to look at.
        waiting: (m,) audit images without an answer yet.
    """

    codes: tuple[str, ...]
    names: tuple[str, ...]
    image_ids: npt.NDArray[np.int64]
    truth: Labels
    sources: tuple[str, ...]
    n_people: int
    checks: Checks
    waiting: npt.NDArray[np.int64]


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
        sources: (n,) where each image came from.
        n_people: how many annotators stand behind these labels.
        checks: what experts make of the images.
    """

    version_number: int
    codes: tuple[str, ...]
    names: tuple[str, ...]
    image_ids: npt.NDArray[np.int64]
    truth: Labels
    predicted: Labels
    p: npt.NDArray[np.float64]
    sources: tuple[str, ...]
    n_people: int
    checks: Checks

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


def audit(project_id: int) -> Audit:
    """Read the audit images that have answers, by two queries."""
    rows = consensus.audit_rows(project_id, measured_only=True)
    scheme = projects.current_scheme(project_id)
    is_answered = (rows.label_index >= 0) | (rows.n_votes > 0)
    return Audit(
        codes=tuple(scheme.codes),
        names=tuple(scheme.names),
        image_ids=rows.image_ids[is_answered],
        truth=rows.label_index[is_answered],
        sources=tuple(np.asarray(rows.sources, dtype=object)[is_answered]),
        n_people=rows.n_people,
        checks=Checks(
            pending=rows.is_pending[is_answered],
            checked=rows.is_checked[is_answered],
            trusted=~(rows.is_expert | rows.is_pending)[is_answered],
            people=rows.people_index[is_answered],
            probability=rows.check_probability[is_answered],
            named=tuple(one for one, kept in zip(rows.named, is_answered, strict=True) if kept),
        ),
        waiting=rows.image_ids[~is_answered],
    )


def measured(found: Audit, version: UUID) -> Measured | None:
    """Judge a version on audit images; None where its weights are gone."""
    said = audit_predictions.of_version(version, found.image_ids, ahead=found.waiting)
    if said is None:
        return None
    extra = tuple(code for code in said.label_order if code not in found.codes)
    codes = found.codes + extra
    column_of = {code: place for place, code in enumerate(codes)}
    # The last entry is what an absent prediction, -1, picks.
    places = np.array([*(column_of[code] for code in said.label_order), -1], dtype=np.int64)
    return Measured(
        version_number=said.number,
        codes=codes,
        names=found.names + extra,
        image_ids=found.image_ids,
        truth=found.truth,
        predicted=places[said.columns],
        p=said.p,
        sources=found.sources,
        n_people=found.n_people,
        checks=found.checks,
    )


def overall(found: Measured) -> Estimate:
    """Estimate the accuracy on images like those of the project.

    What experts found where they checked agreements by chance stands for the agreements that nobody
    checked; what they have yet to look at widens the interval (`ml.evaluation.adjudicated`).
    """
    return _put_right(found, np.ones(len(found.truth), dtype=np.bool_))


def _put_right(found: Measured, here: npt.NDArray[np.bool_]) -> Estimate:
    """Estimate the accuracy on some of the images, by what experts found among them."""
    judged, checks = found.is_judged & here, found.checks
    was_right = checks.people == found.predicted
    n_unresolved = int((here & ~judged).sum())
    one = adjudicated.estimate(
        adjudicated.Judged(
            is_right=found.is_right[judged],
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
        missing=intervals.answers_missing_for(int((found.is_right & here).sum()), one.n),
    )


def per_source(found: Measured) -> list[dict[str, Any]]:
    """Estimate the accuracy on the images of each source, most images first; as `overall`."""
    sources = np.asarray(found.sources, dtype=object)
    rows = [
        {"source": source, **_put_right(found, sources == source).to_json()}
        for source in sorted(set(found.sources))
    ]
    return sorted(rows, key=lambda row: (-row["n"], row["source"]))


def by_labels(found: Measured) -> list[by_label.Share]:
    """Estimate the accuracy on the images of each label, in the order of `codes`."""
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
    return by_label.shares(cases, k)


def per_class(found: Measured) -> list[dict[str, Any]]:
    """Estimate, for each label, the share of its audit images that the version gets right.

    Put right by what experts found, as the overall figure is (`ml.evaluation.by_label`). An image
    that is open counts in the interval of every label somebody has named for it, `unresolved` says
    how many; of labels nobody named, the overall bound holds it. `pooled` draws rare labels towards
    the others, and is None with n 0.
    """
    rows = by_labels(found)
    # What the checks leave in doubt is worth fewer answers: those are pooled.
    cases = [min(one.n, round(one.effective)) if one.n else 0 for one in rows]
    right = [one.estimate * n if n else 0.0 for one, n in zip(rows, cases, strict=True)]
    drawn = intervals.pooled(right, cases)
    return [
        {
            "code": code,
            "name": name,
            **_of_label(row).to_json(),
            "pooled": interval_json(replace(one, n=row.n)) if row.n else None,
        }
        for code, name, row, one in zip(found.codes, found.names, rows, drawn, strict=True)
    ]


def _of_label(row: by_label.Share) -> Estimate:
    is_known = row.n > 0 and not math.isnan(row.estimate)
    return Estimate(
        estimate=row.estimate if is_known else None,
        low=row.low,
        high=row.high,
        n=row.n,
        unresolved=row.open,
        missing=intervals.answers_missing_for(row.estimate * row.n if is_known else 0, row.n),
    )


def macro(found: Measured) -> float | None:
    """Give the mean of the labels' shares, each label counting once, over labels with images."""
    known = [one.estimate for one in by_labels(found) if not math.isnan(one.estimate)]
    return sum(known) / len(known) if known else None


def confusion(found: Measured) -> dict[str, Any]:
    """Count resolved audit images: a row for the label people agreed on, a column for ours."""
    judged = found.is_judged
    counts = shares.confusion(found.truth[judged], found.predicted[judged], len(found.codes))
    return {
        "labels": [
            {"code": code, "name": name}
            for code, name in zip(found.codes, found.names, strict=True)
        ],
        "counts": counts.tolist(),
        "n": int(judged.sum()),
        "version": found.version_number,
    }


def cell(found: Measured, truth: str, predicted: str) -> list[tuple[int, float]]:
    """Give image ids and probabilities of one confusion cell, most certain first.

    Codes that the matrix does not have give an empty cell.
    """
    if truth not in found.codes or predicted not in found.codes:
        return []
    is_here = (
        found.is_judged
        & (found.truth == found.codes.index(truth))
        & (found.predicted == found.codes.index(predicted))
    )
    rows = zip(found.image_ids[is_here].tolist(), found.p[is_here].tolist(), strict=True)
    return sorted(rows, key=lambda row: (-row[1], row[0]))


def confusion_of_champion(project_id: int) -> dict[str, Any]:
    """Give the matrix of the version that serves; all zeros before the first."""
    return confusion(_of_champion(project_id))


def cell_of_champion(project_id: int, *, truth: str, predicted: str) -> list[tuple[int, float]]:
    """Give the images of one cell of that matrix, most certain first."""
    return cell(_of_champion(project_id), truth, predicted)


def _of_champion(project_id: int) -> Measured:
    rows = audit(project_id)
    pointer = versions.pointer(project_id)
    found = measured(rows, pointer.version) if pointer else None
    return found or _unmeasured(rows)


def interval_json(interval: Interval) -> dict[str, Any]:
    """Give an interval as JSON can hold it: an unknown estimate is null."""
    known = not math.isnan(interval.estimate)
    return {
        "estimate": interval.estimate if known else None,
        "low": interval.low,
        "high": interval.high,
        "n": interval.n,
    }


def accuracy(project_id: int, version: UUID | None) -> dict[str, Any]:
    """Give all the figures of a page; every one of them unknown where there is no version.

    `rests_on_one_person` is true while a single annotator stands behind all measured labels
    (rule 2): the figure is then only as good as one person's word.
    """
    rows = audit(project_id)
    found = measured(rows, version) if version else None
    if found is None:
        found = _unmeasured(rows)
    return {
        "version": found.version_number or None,
        "overall": overall(found).to_json(),
        "macro": macro(found),
        "per_source": per_source(found),
        "per_class": per_class(found),
        "rests_on_one_person": found.n_people == 1,
    }


def _unmeasured(rows: Audit) -> Measured:
    """Judge nobody: no image, so every figure is unknown."""
    none = np.empty(0, dtype=np.int64)
    nobody = np.empty(0, dtype=np.bool_)
    checks = Checks(nobody, nobody, nobody, none, np.empty(0), ())
    return Measured(0, rows.codes, rows.names, none, none, none, np.empty(0), (), 0, checks)
