"""A small crowd of known skills, answering through the service."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from labeling.models import Annotation, AnnotationKind, AnnotatorSkill, Consensus, Partition
from labeling.services import skills
from labeling.tests.worlds import LABELS, active, direct, make_annotator, make_images, make_project

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labeling.models import Annotator, Image, Project


@dataclass
class World:
    project: Project
    people: list[Annotator]
    images: list[Image]
    truth: list[str]
    answers: list[Annotation] = field(default_factory=list)

    def newest_of(self, annotator_id: int) -> Annotation:
        return [answer for answer in self.answers if answer.annotator_id == annotator_id][-1]


def play(
    *,
    skills: Sequence[float],
    n_images: int,
    votes: int,
    seed: int = 0,
    n_audit: int = 0,
    silent: Sequence[int] = (),
) -> World:
    """Let everyone answer `votes` images in turn, right as often as their skill says.

    Who is `silent` never answers, and changes nobody else's answers by that.
    """
    project = make_project(votes_pool=votes, vote_cap_pool=votes, votes_audit=votes)
    people = [make_annotator(project, f"Person {number}") for number in range(len(skills))]
    images = make_images(project, n_images) + make_images(project, n_audit, Partition.AUDIT)
    rng = np.random.default_rng(seed)
    truth = [LABELS[column] for column in rng.integers(0, len(LABELS), len(images))]
    world = World(project, people, images, truth)
    active(project, [who for place, who in enumerate(people) if place not in silent])
    for place, (image, label) in enumerate(zip(images, truth, strict=True)):
        for turn in range(votes):
            who = (place + turn) % len(people)
            is_right = rng.random() < skills[who]
            other = LABELS[(LABELS.index(label) + 1 + int(rng.integers(0, 2))) % len(LABELS)]
            if who not in silent:
                said = label if is_right else other
                world.answers.append(direct(people[who], image, said))
    return world


def assert_sums_hold(project_id: int) -> None:
    """The invariant of the table: counts are the sum over `Consensus.counted`."""
    expected: dict[int, list[float]] = {}
    rows = Consensus.objects.filter(project_id=project_id)
    for counted in rows.values_list("counted", flat=True):
        for annotator, change in skills.difference(None, counted).items():
            pair = expected.setdefault(annotator, [0.0, 0.0])
            pair[0] += change.right
            pair[1] += change.wrong
    for row in AnnotatorSkill.objects.filter(annotator__project_id=project_id):
        right, wrong = expected.pop(row.annotator_id, [0.0, 0.0])
        assert [row.n_right, row.n_wrong] == pytest.approx([right, wrong], abs=1e-6)
        assert sum(row.confusions.values()) == pytest.approx(right + wrong, abs=1e-6)
    assert expected == {}


def rows(project_id: int) -> dict[int, tuple[float, float, dict[str, float]]]:
    found: Any = AnnotatorSkill.objects.filter(annotator__project_id=project_id)
    return {row.annotator_id: (row.n_right, row.n_wrong, row.confusions) for row in found}


__all__ = ["AnnotationKind", "World", "assert_sums_hold", "play", "rows"]
