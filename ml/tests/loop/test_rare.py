"""What a refill puts into the window beside what its function chooses."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from labeling.selectors.annotations import NEUTRAL_SENTENCE, SENTENCES, sentence_after
from labeling.selectors.queue import NOVEL, TAIL_FIRST
from labeling.services.queue import RefillEntry
from labeling.tests import worlds
from labeling.tests.rows import Annotation, QueueEntry
from ml.models import Embedding
from ml.services import rare
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


def test_each_place_of_the_window_has_its_share() -> None:
    base = [RefillEntry(key, 0.0, 1.0) for key in range(18)]
    extra = [RefillEntry(key, 0.0, 1.0, NOVEL) for key in (100, 101)]
    counted = np.zeros(20)
    for seed in range(400):
        mixed = rare.mixed(base, extra, np.random.default_rng(seed))
        assert [each.priority for each in mixed] == [-float(place) for place in range(20)]
        assert [each.image_id for each in mixed if not each.policy] == list(range(18))
        counted += [each.policy == NOVEL for each in mixed]

    np.testing.assert_allclose(counted / 400, 0.1, atol=0.06)


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


def test_each_kind_of_share_comes_among_the_first_as_often_as_there_are_of_it() -> None:
    """One kind after the other, a window that is filled anew at each answer never came to the last.

    Questions about one label were chosen four hundred times and asked not once.
    """
    plain = [RefillEntry(1000 + number, 0.0, 1.0) for number in range(40)]
    kinds = {"tail_first 1": 4, "novelty 1": 4, "contains 1": 2}
    extra = [
        RefillEntry(100 * place + number, 0.0, 1.0, f"{policy} x")
        for place, (policy, count) in enumerate(kinds.items())
        for number in range(count)
    ]
    first: Counter[str] = Counter()
    for seed in range(400):
        mixed = rare.mixed(plain, extra, np.random.default_rng(seed))
        assert [each.image_id for each in mixed if each.policy.startswith("tail")] == [0, 1, 2, 3]
        first[next(each.policy for each in mixed if each.policy).removesuffix(" x")] += 1

    assert first.keys() == kinds.keys()
    assert 40 < first["contains 1"] < 120
