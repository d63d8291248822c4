"""What the audit slice leads to: proven, not proven, rolled back."""

from __future__ import annotations

import re

import numpy as np
import pytest

from labeling.tests import worlds
from labeling.tests.rows import Adjudication, Annotation, AuditEvent, Image, Partition
from ml.heads import codec
from ml.models import (
    Champion,
    Comparison,
    ComparisonDecision,
    ComparisonKind,
    Evidence,
    ModelState,
    ModelVersion,
)
from ml.selectors import evidence, registry
from ml.services import certification
from ml.services import registry as registry_services
from ml.tests.loop.world import World

pytestmark = pytest.mark.django_db


def _champion(world: World) -> ModelVersion:
    return Champion.objects.get(project=world.project).model_version


def _proven_world(audit: int = 200) -> World:
    """A world whose first version is proven on the first 25 audit answers."""
    world = World.make(pool=200, audit=audit)
    world.label_some(25, Partition.AUDIT)
    world.label_some(30)
    world.refit()
    return world


def _deploy_harm(world: World) -> ModelVersion:
    """Let a head serve whose columns are shuffled, past the check that would have refused it."""
    good = _champion(world)
    head = codec.from_bytes(bytes(good.head or b""))
    bad = codec.to_bytes(
        type(head)(
            weights=np.roll(head.weights, 1, axis=1),
            bias=np.roll(head.bias, 1),
            centre=head.centre,
            temperature=head.temperature,
            regularisation=head.regularisation,
            label_order=head.label_order,
        )
    )
    version = registry_services.create_version(
        project_id=world.project.pk,
        kind="HEAD",
        head=bad,
        embedding_set=good.embedding_set,
        temperature=good.temperature,
        acceptance_threshold=good.acceptance_threshold,
        scheme_id=good.scheme_id,
        label_order=good.label_order,
        snapshot=good.snapshot,
        n_labels=good.n_labels,
        created_at=world.now,
    )
    registry_services.promote(
        project_id=world.project.pk, version_id=version.pk, expected_id=good.pk, now=world.now
    )
    return version


def test_the_first_version_is_proven_against_always_the_commonest_label() -> None:
    world = _proven_world()

    version = _champion(world)

    assert version.evidence == Evidence.PROVEN
    assert version.verdict.startswith("Proven: right on ")
    assert re.search("that always answering “(milk|soy milk|oat milk)” had", version.verdict)
    assert Champion.objects.get().proven_id == version.pk
    assert AuditEvent.objects.filter(verb="version_proven", target="v1").exists()


def test_the_answer_to_beat_is_the_one_that_the_audit_slice_knows_best() -> None:
    world = _proven_world()
    comparison = Comparison.objects.get()
    codes = evidence.audit_truth(world.project.pk).codes.tolist()
    commonest = max(sorted(set(codes)), key=codes.count)
    Comparison.objects.update(decision="RUNNING", detail={"always": "nothing-in-the-slice"})

    certification.advance(project_id=world.project.pk, now=world.now)

    comparison.refresh_from_db()
    assert comparison.detail["always"] == commonest
    assert comparison.losses + comparison.ties > 0  # it is right now and then


def test_no_certification_is_opened_before_ten_audit_answers() -> None:
    world = World.make(audit=20)
    world.label_some(9, Partition.AUDIT)
    world.label_some(30)

    world.refit()

    assert not Comparison.objects.exists()
    assert not _champion(world).is_certification_candidate


def test_a_candidate_comes_with_every_tenth_label_more() -> None:
    world = _proven_world()
    for _ in range(4):
        world.label_some(1)
        world.refit()

    candidates = ModelVersion.objects.filter(is_certification_candidate=True)

    assert list(candidates.order_by("number").values_list("n_labels", flat=True)) == [30, 33]
    tests = Comparison.objects.filter(kind=ComparisonKind.CERTIFICATION).order_by("pk")
    assert [(each.ordinal, each.reference_id is None) for each in tests] == [(1, True), (1, False)]


def test_an_undecided_candidate_goes_on_with_new_audit_answers() -> None:
    world = _proven_world()
    world.label_some(3)
    world.refit()
    before = Comparison.objects.get(decision=ComparisonDecision.RUNNING, kind="CERTIFICATION")
    world.label_some(10, Partition.AUDIT)

    world.refit()

    after = Comparison.objects.get(pk=before.pk)
    assert before.wins + before.losses + before.ties == 25
    assert after.wins + after.losses + after.ties == 35


def test_a_corrected_audit_label_is_counted_as_corrected() -> None:
    world = World.make(pool=200, audit=60)
    wrong = world.label_some(12, Partition.AUDIT, scrambled=True)
    world.label_some(30)
    world.refit()
    first = Comparison.objects.get(kind="CERTIFICATION")
    assert first.decision == ComparisonDecision.RUNNING
    Annotation.objects.filter(image_id__in=wrong).update(withdrawn_at=world.now)
    world.label(wrong)

    world.refit()

    again = Comparison.objects.get(pk=first.pk)
    assert again.wins + again.losses + again.ties == 12
    assert again.wins > first.wins


def test_the_monitor_rolls_a_harmful_champion_back_to_the_proven_one() -> None:
    world = _proven_world()
    good = _champion(world)
    bad = _deploy_harm(world)
    certification.advance(project_id=world.project.pk, now=world.now)
    world.label_some(30, Partition.AUDIT)

    outcome = world.refit()

    bad.refresh_from_db()
    assert outcome.rolled_back_to == good.pk
    assert _champion(world).pk == good.pk
    assert bad.state == ModelState.REJECTED
    assert bad.verdict.startswith("Rolled back: wrong on ")
    assert f"audit images that v{good.number} had right" in bad.verdict
    event = AuditEvent.objects.get(verb="version_rolled_back")
    assert event.detail["from"] == bad.number


def test_the_monitor_leaves_an_equal_champion_alone() -> None:
    world = _proven_world()
    world.label_some(1)
    world.refit()
    world.label_some(100, Partition.AUDIT)

    assert world.refit().rolled_back_to is None
    monitor = Comparison.objects.get(kind=ComparisonKind.MONITOR)
    assert monitor.decision == ComparisonDecision.RUNNING
    assert monitor.wins + monitor.losses + monitor.ties == 100


def test_answers_from_before_the_monitor_began_are_not_counted_twice() -> None:
    world = _proven_world()
    _deploy_harm(world)

    certification.advance(project_id=world.project.pk, now=world.now)

    monitor = Comparison.objects.get(kind=ComparisonKind.MONITOR)
    assert monitor.wins + monitor.losses + monitor.ties == 0


def test_after_a_roll_back_heads_from_almost_the_same_labels_are_held_back() -> None:
    world = _proven_world()
    _deploy_harm(world)
    certification.advance(project_id=world.project.pk, now=world.now)
    world.label_some(30, Partition.AUDIT)
    world.refit()
    world.label_some(1)

    assert world.refit().kind == "refused"
    world.label_some(4)
    assert world.refit().kind == "deployed"


def test_staff_roll_back_to_the_version_before_and_the_reason_stays() -> None:
    world = World.make()
    world.label_some(20)
    world.refit()
    world.label_some(1)
    world.refit()

    registry_services.roll_back(
        project_id=world.project.pk,
        to_version_id=None,
        user_id=None,
        reason="It calls oat milk milk.",
        now=world.now,
    )

    states = dict(ModelVersion.objects.values_list("number", "state"))
    assert states == {1: ModelState.CHAMPION, 2: ModelState.REJECTED}
    assert ModelVersion.objects.get(number=2).verdict == "It calls oat milk milk."


def test_the_only_version_cannot_be_rolled_back() -> None:
    world = World.make()
    world.label_some(20)
    world.refit()

    with pytest.raises(registry_services.NothingToRollBackToError):
        registry_services.roll_back(
            project_id=world.project.pk,
            to_version_id=None,
            user_id=None,
            reason="No.",
            now=world.now,
        )


def test_a_promotion_from_an_old_champion_loses_to_the_newer_one() -> None:
    world = World.make()
    world.label_some(20)
    world.refit()
    first = _champion(world)
    world.label_some(1)
    world.refit()
    second = _champion(world)

    with pytest.raises(registry_services.PointerMovedError):
        registry_services.promote(
            project_id=world.project.pk,
            version_id=first.pk,
            expected_id=first.pk,
            now=world.now,
        )

    assert _champion(world).pk == second.pk
    assert ModelVersion.objects.filter(state=ModelState.CHAMPION).count() == 1


def test_old_unproven_versions_lose_their_weights_and_keep_their_record(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(registry_services, "VERSIONS_WITH_WEIGHTS", 3)
    world = _proven_world()
    for _ in range(5):
        world.label_some(1)
        world.refit()

    with_weights = ModelVersion.objects.filter(head__isnull=False).values_list("number", flat=True)

    assert sorted(with_weights) == [1, 4, 5, 6]  # v1 is proven
    assert ModelVersion.objects.count() == 6
    assert registry.champion(world.project.pk) is not None


def test_an_image_without_an_answer_is_no_pair() -> None:
    world = _proven_world()
    image = Image.objects.filter(project=world.project, partition=Partition.AUDIT).first()
    assert image is not None
    worlds.direct(worlds.make_annotator(world.project, "Bo"), image, None, kind="CANT_TELL")

    world.refit()

    assert Comparison.objects.filter(kind="CERTIFICATION").count() == 1


def test_disputed_and_asked_audit_images_are_open_and_no_pairs() -> None:
    project = worlds.make_project(votes_audit=3)
    people = [worlds.make_annotator(project, name) for name in ("Ada", "Ben", "Cleo")]
    worlds.active(project, people)
    settled, asked, disputed, _untouched = worlds.make_images(project, 4, Partition.AUDIT)
    for image, said in (
        (settled, ("milk", "milk", "milk")),
        (asked, ("milk", "soy milk", "milk")),
        (disputed, worlds.LABELS),
    ):
        for who, label in zip(people, said, strict=True):
            worlds.direct(who, image, label)
    Adjudication.objects.create(
        project=project,
        image=asked,
        kind="DISAGREEMENT",
        probability=1.0,
        created_at=worlds.NOW,
    )

    truth = evidence.audit_truth(project.pk)

    assert truth.image_ids.tolist() == [settled.pk]
    assert truth.codes.tolist() == ["milk"]
    assert truth.n_open == 3
