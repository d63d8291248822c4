"""How well people answer: mean and 95 % interval, over everything and by label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from labeling.consensus import skill
from labeling.consensus.crowd import START_ALPHA, START_BETA
from labeling.models import AnnotatorSkill, CrowdModel

if TYPE_CHECKING:
    from collections.abc import Sequence

STRENGTH = 2.0
"""What is known of a person over all labels counts as so many answers about each single one."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """The chance to be right: its mean, its central 95 % interval, and the answers behind it.

    `n` is an expected count, fractional: answers to images of which others, or an expert, have
    said something as well.
    """

    mean: float
    low: float
    high: float
    n: float


@dataclass(frozen=True, slots=True)
class PersonSkill:
    """One annotator's skill; `by_label` by code of the true label, "" is none of these."""

    annotator_id: int
    overall: Estimate
    by_label: dict[str, Estimate]


def of_project(
    project_id: int, annotator_ids: Sequence[int] | None = None
) -> dict[int, PersonSkill]:
    """Give the skill of everyone of whom something is known, in two queries.

    Overall, a person starts from what the project's annotators are like; in one label, from what
    the person is like over all labels.
    """
    prior = _prior(project_id)
    rows = AnnotatorSkill.objects.filter(annotator__project_id=project_id)
    if annotator_ids is not None:
        rows = rows.filter(annotator_id__in=annotator_ids)
    return {row.annotator_id: _person(row, prior) for row in rows.order_by("annotator_id")}


def _prior(project_id: int) -> tuple[float, float]:
    row = CrowdModel.objects.filter(project_id=project_id).values_list("alpha", "beta").first()
    return row or (START_ALPHA, START_BETA)


def _person(row: AnnotatorSkill, prior: tuple[float, float]) -> PersonSkill:
    overall = _estimate(row.n_right, row.n_wrong, *prior)
    mine = STRENGTH * overall.mean, STRENGTH * (1 - overall.mean)
    by_label = {
        code: _estimate(right, wrong, *mine)
        for code, (right, wrong) in sorted(row.by_label.items())
    }
    return PersonSkill(row.annotator_id, overall, by_label)


def _estimate(right: float, wrong: float, alpha: float, beta: float) -> Estimate:
    found = skill.interval(right, wrong, alpha=alpha, beta=beta)
    return Estimate(found.mean, found.low, found.high, right + wrong)
