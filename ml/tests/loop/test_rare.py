"""What a refill puts into the window beside what its function chooses."""

from __future__ import annotations

import numpy as np
import pytest

from labeling.selectors.annotations import NEUTRAL_SENTENCE, SENTENCES, sentence_after
from labeling.selectors.queue import NOVEL, TAIL_FIRST
from labeling.tests import worlds
from labeling.tests.rows import Annotation, QueueEntry
from ml.models import Embedding
from ml.tests.loop.world import DIM, LABELS, World

pytestmark = pytest.mark.django_db


def entries(world: World, policy: str) -> list[QueueEntry]:
    rows = QueueEntry.objects.filter(project=world.project, state="OPEN", policy=policy)
    return list(rows.order_by("-priority", "pk"))


def of_one_kind(world: World, label: str) -> list[int]:
    return [key for key in world.unanswered() if world.truth[key] == label]


def test_images_of_no_label_so_far_get_their_share() -> None:
    world = World.make(pool=90, window_size=40, novelty_share=0.1, tail_share=0.0)
    strange = worlds.make_images(world.project, 6)
    vector = np.zeros(DIM, dtype=np.float16)
    vector[0] = -40
    Embedding.objects.bulk_create(
        Embedding(set=world.embedding_set, image=image, vector=vector.tobytes())
        for image in strange
    )
    world.label([key for key in world.unanswered() if key in world.truth][:30])

    world.refit()

    new = entries(world, NOVEL)
    assert len(new) == 4
    assert {entry.image_id for entry in new} <= {image.pk for image in strange}
    assert {entry.selection_probability for entry in new} == {1.0}
    assert len(QueueEntry.objects.filter(project=world.project, state="OPEN")) <= 40


def test_a_label_with_few_images_is_asked_for_first_until_it_has_five() -> None:
    world = World.make(pool=120, window_size=40, novelty_share=0.0, tail_share=0.1)
    rare_label, *common = LABELS
    world.label(of_one_kind(world, rare_label)[:2])
    for label in common:
        world.label(of_one_kind(world, label)[:12])

    world.refit()

    wanted = entries(world, TAIL_FIRST)
    assert len(wanted) == 4
    right = [world.truth[entry.image_id] == rare_label for entry in wanted]
    assert sum(right) >= 3

    world.label(of_one_kind(world, rare_label)[:3])
    world.refit()
    assert entries(world, TAIL_FIRST) == []


def test_nothing_is_added_where_the_shares_are_zero() -> None:
    world = World.make(pool=60, window_size=40, novelty_share=0.0, tail_share=0.0)
    world.label_some(20)
    world.refit()

    assert entries(world, NOVEL) + entries(world, TAIL_FIRST) == []


def test_the_reason_is_told_after_the_answer_and_not_before() -> None:
    world = World.make(pool=60, window_size=40, client_window=40, novelty_share=0.25)
    world.label_some(20)
    world.refit()
    told = {}
    for assignment in worlds.claim(world.annotator, 40):
        answer = worlds.submit(assignment, world.truth[assignment.image_id]).annotation
        stored = Annotation.objects.select_related("assignment").get(pk=answer.pk).assignment
        assert stored is not None
        told[stored.policy] = sentence_after(stored)

    assert len(told) > 1
    assert NOVEL in told
    for policy, sentence in told.items():
        assert (sentence == SENTENCES.get(NOVEL)) == (policy == NOVEL)
    assert NEUTRAL_SENTENCE not in SENTENCES.values()
