"""Several labels an image, from people's sets to the champion's, in one loop."""

from __future__ import annotations

import uuid

import numpy as np
import pytest

from labeling.selectors import consensus, questions
from labeling.services import annotations as annotation_service
from labeling.tests import worlds
from labeling.tests.rows import Annotator, Image, Partition, Project, QueueEntry
from ml.heads import codec, ridge, several
from ml.models import Comparison, ComparisonDecision, Embedding, EmbeddingSet, ModelVersion
from ml.selectors import accuracy, embeddings, evidence, registry
from ml.services import common_ground, contains, finetune, finetune_due, gate, refit
from ml.types import LabeledSet

pytestmark = pytest.mark.django_db

LABELS = ("mountain", "glacier", "lake")
DIM = 16


class Landscapes:
    """A project whose pictures show any of three things; each thing is a direction in space."""

    def __init__(self, *, pool: int, audit: int = 0, noise: float = 0.4, **settings: object):
        self.project: Project = worlds.make_project(
            mode="MULTI", votes_audit=1, adjudication_share=0.0, **settings
        )
        worlds.make_scheme(self.project, list(LABELS))
        self.annotator: Annotator = worlds.make_annotator(self.project)
        self.rng = np.random.default_rng(5)
        self.directions = np.linalg.qr(self.rng.normal(size=(DIM, DIM)))[0][: len(LABELS)]
        self.noise = noise
        self.set = EmbeddingSet.objects.create(
            project=self.project,
            backbone="made-up",
            digest=f"{self.project.pk:064x}",
            storage_key="backbones/none.onnx",
            preprocessing={},
            dim=DIM,
            is_original=True,
            created_at=worlds.NOW,
        )
        self.shows: dict[int, np.ndarray] = {}
        self.pool = self.add(pool, Partition.POOL)
        self.audit = self.add(audit, Partition.AUDIT)
        self.clock = 0

    def add(self, count: int, partition: str) -> list[Image]:
        images = worlds.make_images(self.project, count, partition)
        shows = self.rng.random((count, len(LABELS))) < 0.5
        noise = self.noise * self.rng.normal(size=(count, DIM))
        vectors = (2 * shows - 1) @ self.directions + noise
        Embedding.objects.bulk_create(
            Embedding(set=self.set, image=image, vector=vector.astype(np.float16).tobytes())
            for image, vector in zip(images, vectors, strict=True)
        )
        self.shows |= {image.pk: row for image, row in zip(images, shows, strict=True)}
        return images

    def answer(self, images: list[Image], *, scrambled: bool = False) -> None:
        for image in images:
            row = self.rng.random(len(LABELS)) < 0.5 if scrambled else self.shows[image.pk]
            codes = [label for label, is_there in zip(LABELS, row, strict=True) if is_there]
            annotation_service.record_direct(
                annotator_id=self.annotator.pk,
                image_id=image.pk,
                kind="LABEL" if codes else "NONE_OF_THESE",
                label_codes=codes,
                key=uuid.uuid4(),
                now=worlds.NOW,
            )

    def refit(self) -> refit.RefitOutcome:
        self.clock += 1
        return refit.run(project_id=self.project.pk, now=worlds.later(self.clock))

    def said(self, images: list[Image]) -> np.ndarray:
        champion = registry.champion(self.project.pk)
        assert champion is not None
        vectors = embeddings.load_matrix(self.set.pk, np.array([image.pk for image in images]))
        return ridge.predict(codec.from_bytes(champion.head), vectors)


def test_a_picture_of_two_things_gets_both_of_a_head_learned_from_sets() -> None:
    world = Landscapes(pool=140)
    world.answer(world.pool[:80])

    outcome = world.refit()

    assert outcome.kind == "deployed"
    champion = registry.champion(world.project.pk)
    assert champion is not None
    head = codec.from_bytes(champion.head)
    assert head.several is not None
    truth = np.stack([world.shows[image.pk] for image in world.pool[80:]])
    assert (world.said(world.pool[80:]) >= head.several.thresholds)[truth].mean() > 0.9
    both = truth[:, 0] & truth[:, 1]
    assert (world.said(world.pool[80:])[both][:, :2] > 0.5).mean() > 0.9
    assert champion.n_labels == 80
    assert set(champion.metrics["thresholds"]) == set(LABELS)
    assert champion.acceptance_threshold == min(head.several.thresholds)


def test_the_window_is_filled_by_doubt_about_single_labels() -> None:
    world = Landscapes(pool=140, acquisition_function="badge")
    world.answer(world.pool[:60])

    world.refit()

    entries = QueueEntry.objects.filter(project=world.project, policy__startswith="uherding")
    assert entries.count() > 20


def test_scrambled_sets_are_refused_and_the_next_true_ones_deployed() -> None:
    world = Landscapes(pool=200)
    world.answer(world.pool[:60])
    world.refit()
    world.answer(world.pool[60:160], scrambled=True)

    assert world.refit().kind == "refused"

    assert "worse" in ModelVersion.objects.get(number=2).verdict


def test_what_a_version_said_of_its_own_images_is_the_same_computed_again() -> None:
    world = Landscapes(pool=60)
    world.answer(world.pool[:40])
    world.refit()
    version = ModelVersion.objects.get()
    before = common_ground.out_of_group(version)

    common_ground.forget()

    again = common_ground.out_of_group(version)
    np.testing.assert_allclose(again.probabilities, before.probabilities, atol=1e-6)
    assert again.targets.tolist() == before.targets.tolist()
    assert gate.check(world.project.pk, *common_ground.answered(version)).is_passed


def test_a_certification_compares_whole_sets_on_the_audit_slice() -> None:
    world = Landscapes(pool=120, audit=60)
    world.answer(world.pool[:90])
    world.answer(world.audit)

    world.refit()

    comparison = Comparison.objects.get()
    truth = evidence.audit_truth(world.project.pk)
    assert len(truth.codes) == 60
    assert "{}" in truth.codes
    assert "{glacier|mountain}" in truth.codes
    assert comparison.decision == ComparisonDecision.PASSED
    assert comparison.wins + comparison.losses + comparison.ties == 60
    version = ModelVersion.objects.get()
    shown = np.stack([world.shows[int(key)] for key in truth.image_ids])
    by_id = {image.pk: image for image in world.audit}
    said = world.said([by_id[int(key)] for key in truth.image_ids]) > 0.5
    is_right = (shown == said).all(axis=1)
    codes = evidence.answers(version, truth.image_ids)
    assert (codes == truth.codes).tolist() == is_right.tolist()
    assert is_right.mean() > 0.7


def test_a_label_that_is_new_is_never_said_before_it_has_images() -> None:
    world = Landscapes(pool=100)
    world.answer(world.pool[:60])
    world.refit()
    worlds.make_scheme(world.project, [*LABELS, "river"])

    outcome = world.refit()

    assert outcome.kind in {"deployed", "unchanged"}
    assert (world.said(world.pool[60:])[:, 3:] <= 0.5).all()


def test_the_figures_of_a_page_are_those_computed_by_hand() -> None:
    world = Landscapes(pool=120, audit=50, noise=0.7)
    world.answer(world.pool[:90])
    world.answer(world.audit)
    world.refit()
    version = ModelVersion.objects.get()

    page = accuracy.page(world.project.pk, version.public_id)

    shown = np.stack([world.shows[image.pk] for image in world.audit])
    said = world.said(world.audit)
    right = ((said > 0.5) == shown).all(axis=1)
    assert page["overall"]["estimate"] == pytest.approx(right.mean())
    assert page["overall"]["n"] == 50
    assert page["per_class"] == []
    bars = codec.from_bytes(bytes(version.head or b"")).several
    assert bars is not None
    for column, label in enumerate(page["several"]["labels"]):
        accepted = said[:, column] >= bars.thresholds[column]
        hits = int((accepted & shown[:, column]).sum())
        assert (label["code"], label["n"]) == (LABELS[column], 50)
        assert label["n_yes"] == shown[:, column].sum()
        assert label["recall"]["estimate"] == pytest.approx(hits / shown[:, column].sum())
        assert label["precision"]["n"] == accepted.sum()
        assert label["average_precision"] > 0.8
    both = [pair for pair in page["several"]["together"] if set(pair["names"]) == set(LABELS[:2])]
    assert both[0]["n"] == (shown[:, 0] & shown[:, 1]).sum()


def test_a_label_made_since_leaves_the_audit_slice_as_good_as_it_was() -> None:
    world = Landscapes(pool=120, audit=40)
    world.answer(world.pool[:90])
    world.answer(world.audit)
    world.refit()
    version = ModelVersion.objects.get().public_id
    before = accuracy.page(world.project.pk, version)
    pairs = evidence.table(
        ModelVersion.objects.get(), "{}", evidence.audit_truth(world.project.pk)
    ).counts()

    worlds.make_scheme(world.project, [*LABELS, "river"])

    truth = evidence.audit_truth(world.project.pk)
    assert all("~river" in code for code in truth.codes)
    assert evidence.table(ModelVersion.objects.get(), "{}", truth).counts() == pairs
    after = accuracy.page(world.project.pk, version)
    assert after["overall"] == before["overall"]
    assert after["several"]["labels"][:3] == before["several"]["labels"]
    assert after["several"]["labels"][3]["n"] == 0


def test_before_there_is_a_version_nothing_is_known_of_any_label() -> None:
    world = Landscapes(pool=5, audit=3)

    found = accuracy.page(world.project.pk, None)["several"]

    assert [label["average_precision"] for label in found["labels"]] == [None, None, None]
    assert found["images"] == 0


def test_a_fine_tune_that_would_learn_one_label_a_picture_is_refused() -> None:
    world = Landscapes(pool=40, finetune_enabled=True, finetune_min_new_labels=1)
    world.answer(world.pool[:30])
    world.refit()

    with pytest.raises(finetune.FineTuneNotEnabledError, match="several"):
        finetune.request(project_id=world.project.pk, trigger="button", now=worlds.NOW)
    due = finetune_due.request_where_it_pays(project_id=world.project.pk, now=worlds.NOW)
    assert due is None


def test_questions_about_one_label_come_with_a_classifier_and_teach_it_that_label() -> None:
    world = Landscapes(pool=160, window_size=40, contains_share=0.25, noise=0.7)
    world.answer(world.pool[:60])
    # Who answers for one label is not asked about the picture again: alone, one could finish none.
    assert not contains.has_others(world.project, worlds.NOW)
    for name, image in zip(("Ben", "Cleo"), world.pool[60:], strict=False):
        worlds.direct(worlds.make_annotator(world.project, name), image, LABELS[0])

    world.refit()

    asked = QueueEntry.objects.filter(
        project=world.project, state="OPEN", policy__startswith="contains"
    )
    assert asked.count() == 10
    answered: set[tuple[int, str]] = set()
    while len(answered) < 4:
        (held,) = worlds.claim(world.annotator, count=1, now=worlds.later(1))
        code = questions.asked_code(held.policy)
        if code is None:
            worlds.submit(held, kind="SKIP", now=worlds.later(1))
            continue
        is_there = world.shows[held.image_id][LABELS.index(code)]
        worlds.submit(held, kind="YES" if is_there else "NO", now=worlds.later(1))
        answered.add((held.image_id, code))
    rows = consensus.training_rows(world.project.pk)
    assert len(rows.image_ids) == 62 + len(answered)
    assert (rows.posteriors != 0.5).sum() == 62 * len(LABELS) + len(answered)

    world.refit()

    again = {(entry.image_id, questions.asked_code(entry.policy)) for entry in asked}
    assert again
    assert not again & answered


def test_nobody_is_asked_about_one_label_before_there_is_a_classifier() -> None:
    world = Landscapes(pool=60, contains_share=0.5)

    world.refit()

    entries = QueueEntry.objects.filter(project=world.project, state="OPEN")
    assert not entries.filter(policy__startswith="contains").exists()


def test_somebody_else_is_asked_about_the_answer_that_heads_doubt_most() -> None:
    world = Landscapes(pool=120, noise=0.2)
    world.answer(world.pool[:100])
    wrong = world.pool[100]
    world.shows[wrong.pk][1] ^= True
    world.answer([wrong])
    rows = consensus.training_rows(world.project.pk)
    fitted = several.fit(
        LabeledSet(
            image_ids=rows.image_ids,
            embeddings=embeddings.load_matrix(world.set.pk, rows.image_ids),
            targets=rows.posteriors.astype(np.float64),
            weights=rows.weights,
            groups=rows.groups,
            label_order=rows.codes,
            is_several=True,
        )
    )
    doubted = contains.doubted
    draws = [
        doubted(world.project, rows, fitted.out_of_group, np.random.default_rng(seed))
        for seed in range(40)
    ]

    found = [entry for each in draws for entry in each]

    assert 2 <= len(found) <= 16  # At one refill in five.
    assert {(entry.image_id, entry.policy) for entry in found} == {
        (wrong.pk, questions.policy_again(LABELS[1]))
    }
    Project.objects.filter(pk=world.project.pk).update(doubt_serving_share=0.0)
    world.project.refresh_from_db()
    assert not doubted(world.project, rows, fitted.out_of_group, np.random.default_rng(1))
