"""The audit slice as figures need it: what people agree on, and what experts make of it.

One image a split group, drawn before anybody labeled it (rule 1).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from labeling.selectors import consensus, projects, several
from ml.evaluation import closer_look, weighted
from ml.selectors import set_audit

if TYPE_CHECKING:
    import numpy.typing as npt

    from labeling.selectors.consensus import AuditRows
    from labeling.selectors.projects import Group
    from ml.types import Labels


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
        inclusion: (n,) chance of each of being in the slice and asked about by now.
        stands_for: (n + m,) images of the project that each stands for, those with an answer first.
        chances: (n + m,) chance of each to have been asked about by now, beside others; 1 where no
            image was ever preferred: then it is the same for all.
        reached: (n + m,) that chance itself.
        waiting: (m,) audit images without an answer yet.
        waiting_sources: (m,) where those came from.
        into: what labels of before were merged into, by code.
        groups: of labels, by columns of `codes`.
        group_code: (n,) the group of an image of which people know no more than that; else "".
        label_names: what labels are called, by code, where an image may bear several: `codes` are
            sets of labels then (`ml.evaluation.label_sets`), and right is who finds the whole set.
        unasked: then, by image, the labels that nobody was asked about (`set_audit`).
    """

    codes: tuple[str, ...]
    names: tuple[str, ...]
    image_ids: npt.NDArray[np.int64]
    truth: Labels
    sources: tuple[str, ...]
    n_people: int
    checks: Checks
    inclusion: npt.NDArray[np.float64]
    stands_for: npt.NDArray[np.float64]
    chances: npt.NDArray[np.float64]
    reached: npt.NDArray[np.float64]
    is_alike: npt.NDArray[np.bool_]
    states: tuple[str, ...]
    waiting: npt.NDArray[np.int64]
    waiting_sources: tuple[str, ...]
    into: dict[str, str] = field(default_factory=dict)
    groups: tuple[Group, ...] = ()
    group_code: tuple[str, ...] = ()
    label_names: dict[str, str] | None = None
    unasked: dict[int, frozenset[str]] | None = None


def audit(project_id: int) -> Audit:
    """Read the audit images that have answers, by two queries."""
    rows = consensus.audit_rows(project_id, measured_only=True)
    scheme = rows.scheme
    is_answered = was_asked(rows)
    is_alike = drawn_alike(rows)
    # A group's key grows with the time at which it joined.
    reached = closer_look.asked_by_now(rows.order_weight, rows.reached, is_answered, rows.groups)
    is_preferred = bool(np.any(rows.order_weight != 1) or rows.reached.any())
    chances = reached if is_preferred else np.ones(len(reached))
    answered_first = np.argsort(~is_answered, kind="stable")
    found = Audit(
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
        inclusion=(rows.inclusion_probability * chances)[is_answered],
        stands_for=(1.0 / rows.inclusion_probability)[answered_first],
        chances=chances[answered_first],
        reached=reached[answered_first],
        is_alike=is_alike[is_answered],
        states=tuple(np.asarray(rows.states, dtype=object)[is_answered]),
        waiting=rows.image_ids[~is_answered],
        waiting_sources=tuple(np.asarray(rows.sources, dtype=object)[~is_answered]),
        into={
            code: heirs[0]
            for code, heirs in projects.heirs_of(scheme, scheme.codes).items()
            if len(heirs) == 1
        },
        groups=scheme.groups,
        group_code=tuple(np.asarray(rows.group_code, dtype=object)[is_answered]),
    )
    if not several.is_several(project_id):
        return found
    names = dict(zip(scheme.codes, scheme.names, strict=True))
    return _of_sets(found, set_audit.truth(project_id, found.image_ids, names), names)


def was_asked(rows: AuditRows) -> npt.NDArray[np.bool_]:
    """Tell which (n,) audit images somebody has answered."""
    return (rows.label_index >= 0) | (rows.n_votes > 0)


def drawn_alike(rows: AuditRows) -> npt.NDArray[np.bool_]:
    """Tell which (n,) audit images count where nothing can be weighed: all had the same chance.

    Of being in the slice, and of having been asked about by now.
    """
    front = closer_look.front(rows.order_weight, rows.reached, was_asked(rows), rows.groups)
    return weighted.equal_chance(rows.draw_order, rows.inclusion_probability, front=front)


def _of_sets(found: Audit, sets: set_audit.SetTruth, names: dict[str, str]) -> Audit:
    """Let whole sets stand where labels stood; an expert's word stands for that image alone."""
    n = len(found.image_ids)
    checks = replace(
        found.checks,
        checked=np.zeros(n, dtype=np.bool_),
        people=np.full(n, -1, dtype=np.int64),
        probability=np.ones(n),
        named=((),) * n,
    )
    return replace(
        found,
        codes=sets.codes,
        names=sets.names,
        truth=sets.truth,
        checks=checks,
        label_names=names,
        unasked=sets.unasked,
    )
