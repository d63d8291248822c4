"""The slow loop around the tuning itself: triggers, budget, verdict, handover, death on the way."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from labeling.services import adjudication, decisions, label_groups, projects
from labeling.tests import factories, worlds
from labeling.tests.rows import Adjudication, Partition
from ml.models import (
    Champion,
    Comparison,
    ComparisonDecision,
    Embedding,
    EmbeddingScope,
    EmbeddingSet,
    Evidence,
    ModelState,
    ModelVersion,
    TrainingKind,
    TrainingRun,
    TrainingState,
)
from ml.services import (
    budget,
    deployment,
    due,
    embedding,
    finetune,
    finetune_due,
    handover,
    outlook,
    refit,
    runs,
)
from ml.services.embed_ahead import Row
from ml.tests.loop.world import DIM, World

pytestmark = pytest.mark.django_db


@pytest.fixture
def vectors_at_once(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Stand in for the backbone: a tuned vector is the truth's direction with this much noise."""
    noise = {"noise": 0.05}

    def embed(of: EmbeddingSet, rows: list[Row]) -> Any:
        world = WORLDS[of.project_id]
        classes = [list(_labels(world)).index(world.truth[key]) for key, *_ in rows]
        rng = np.random.default_rng(len(rows))
        found = world.directions[classes] + noise["noise"] * rng.normal(size=(len(rows), DIM))
        content = [row.astype(np.float16).tobytes() for row in found]
        owners = [public_id.bytes for *_, public_id in rows]
        return SimpleNamespace(
            ids=[key for key, *_ in rows], public_ids=owners, content=content, broken=[]
        )

    monkeypatch.setattr(embedding, "_embed", embed)
    return noise


WORLDS: dict[int, World] = {}


def _labels(world: World) -> tuple[str, ...]:
    from ml.tests.loop.world import LABELS

    return LABELS


def _noisy_world(audit_answers: int = 60, audit: int = 60) -> World:
    """A world in which the original vectors are poor, so that a tuned backbone can be better."""
    world = World.make(pool=150, audit=audit, noise=4.0)
    WORLDS[world.project.pk] = world
    world.label_some(audit_answers, Partition.AUDIT)
    world.label_some(60)
    world.refit()
    return world


def _tuned(world: World) -> Any:
    """What `ml.transfer` gives back: here only its account, the file is never opened."""
    backbone = SimpleNamespace(
        name="tuned",
        digest=f"{world.project.pk + 7:064x}",
        dim=DIM,
        path="nowhere.onnx",
        preprocessing=SimpleNamespace(to_json=dict),
    )
    return SimpleNamespace(
        backbone=backbone, is_better=True, epochs=(), best_epoch=1,
        log_loss_before=1.0, log_loss_after=0.5, stages_s={}, n_train=48, n_validation=12,
    )  # fmt: skip


@pytest.fixture
def tuning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip the tuning (its own tests are under transfer); everything around it is real."""
    monkeypatch.setattr(finetune._FineTune, "_tune", lambda self: _tuned(WORLDS[self.project.pk]))
    monkeypatch.setattr(embedding, "store_backbone", lambda backbone: backbone.path)


def _finetune(world: World) -> finetune.FineTuneOutcome:
    finetune.request(project_id=world.project.pk, trigger="staff", now=world.now)
    return finetune.run(project_id=world.project.pk, clock=lambda: world.now)


def _open_questions(world: World) -> int:
    """Ask experts what the minute's sweep would; give how many images wait."""
    adjudication.open_due(project_id=world.project.pk, now=world.now)
    return Adjudication.objects.filter(project=world.project, settled_at=None).count()


def _settle_questions(world: World, at_most: int | None = None) -> None:
    """Let an expert say the truth of every image that waits, or of so many."""
    expert = factories.make_expert_annotator(
        world.project, factories.make_member(world.project, "EXPERT")
    )
    waiting = Adjudication.objects.filter(project=world.project, settled_at=None)
    for image_id in list(waiting.order_by("pk").values_list("image_id", flat=True)[:at_most]):
        decisions.adjudicate(
            project_id=world.project.pk,
            image_id=image_id,
            annotator_id=expert.pk,
            kind="LABEL",
            label_code=worlds.slug(world.truth[image_id]),
            now=world.now,
        )


def _hand_over(world: World) -> None:
    for _ in range(20):
        if not handover.is_due(world.project.pk, now=world.now):
            return
        handover.advance(project_id=world.project.pk, now=world.now)


@pytest.mark.usefixtures("tuning", "vectors_at_once")
def test_a_better_backbone_is_proven_and_then_serves_with_its_own_vectors() -> None:
    world = _noisy_world()

    outcome = _finetune(world)
    assert outcome.kind == "challenger"
    assert outcome.sentence.startswith("Proven: right on ")
    before = Champion.objects.get().model_version
    assert before.pk != outcome.version_id  # it does not serve before the pool has its vectors

    _hand_over(world)

    pointer = Champion.objects.get()
    tuned = ModelVersion.objects.get(kind="FINETUNE")
    assert outcome.version_id == tuned.pk
    assert pointer.model_version_id == pointer.proven_id == tuned.pk
    assert (tuned.state, tuned.evidence) == (ModelState.CHAMPION, Evidence.PROVEN)
    assert Embedding.objects.filter(set=tuned.embedding_set).count() == 210
    assert tuned.embedding_set.scope == EmbeddingScope.ALL


@pytest.mark.usefixtures("tuning", "vectors_at_once")
def test_a_tuned_version_says_groups_from_a_sum_of_its_own() -> None:
    world = _noisy_world()
    pair = [worlds.slug(name) for name in _labels(world)[:2]]
    label_groups.set_groups(
        project_id=world.project.pk, group_of=dict.fromkeys(pair, "Pair"), now=world.now
    )

    _finetune(world)

    tuned = ModelVersion.objects.get(kind="FINETUNE")
    assert tuned.metrics["grouped_as"] == [pair]
    assert tuned.metrics["group_threshold"] <= tuned.acceptance_threshold


@pytest.mark.usefixtures("tuning", "vectors_at_once")
def test_where_a_manager_is_asked_a_proven_backbone_waits_for_the_yes() -> None:
    world = _noisy_world()
    projects.update_settings(project_id=world.project.pk, now=world.now, deployment_mode="ASK")
    _finetune(world)
    tuned = ModelVersion.objects.get(kind="FINETUNE")
    assert not handover.is_due(world.project.pk, now=world.now)
    handover.advance(project_id=world.project.pk, now=world.now)
    assert Champion.objects.get().model_version_id != tuned.pk

    deployment.approve(
        project_id=world.project.pk, version_id=tuned.pk, user_id=None, now=world.now
    )
    _hand_over(world)

    pointer = Champion.objects.get()
    assert pointer.model_version_id == pointer.proven_id == tuned.pk


@pytest.mark.usefixtures("tuning", "vectors_at_once")
def test_after_the_handover_the_fast_loop_goes_on_with_the_new_vectors() -> None:
    world = _noisy_world()
    _finetune(world)
    _hand_over(world)

    outcome = world.refit()

    champion = Champion.objects.get().model_version
    assert outcome.kind == "deployed"
    assert champion.kind == "HEAD"
    assert champion.embedding_set.backbone == "tuned"
    assert champion.evidence == Evidence.PROVISIONAL
    # The backbone has learned from these images: how they fare out of group is no hint.
    assert "practice" not in champion.metrics


@pytest.mark.usefixtures("tuning")
def test_a_backbone_that_is_no_better_is_rejected_when_the_audit_slice_is_used_up(
    vectors_at_once: dict[str, float],
) -> None:
    vectors_at_once["noise"] = 6.0
    world = _noisy_world()

    _open_questions(world)
    _settle_questions(world)
    _finetune(world)

    version = ModelVersion.objects.get(kind="FINETUNE")
    assert version.state == ModelState.REJECTED
    assert version.verdict.startswith("Not proven: right on ")
    assert Champion.objects.get().model_version.kind == "HEAD"


@pytest.mark.usefixtures("tuning")
def test_a_challenger_is_not_rejected_while_experts_have_to_decide(
    vectors_at_once: dict[str, float],
) -> None:
    vectors_at_once["noise"] = 6.0
    world = _noisy_world()
    asked = _open_questions(world)

    _finetune(world)

    version = ModelVersion.objects.get(kind="FINETUNE")
    comparison = Comparison.objects.get(challenger=version)
    assert asked > 0
    assert version.state == ModelState.CHALLENGER
    assert comparison.wins + comparison.losses + comparison.ties == 60 - asked
    _settle_questions(world)
    world.refit()
    version.refresh_from_db()
    comparison.refresh_from_db()
    assert version.state == ModelState.REJECTED
    assert comparison.wins + comparison.losses + comparison.ties == 60


@pytest.mark.usefixtures("tuning")
def test_the_last_answer_does_not_reject_before_experts_are_asked(
    vectors_at_once: dict[str, float],
) -> None:
    vectors_at_once["noise"] = 6.0
    world = _noisy_world()

    _finetune(world)  # no sweep has looked at the answers yet

    version = ModelVersion.objects.get(kind="FINETUNE")
    assert Adjudication.objects.filter(settled_at=None).exists()
    assert version.state == ModelState.CHALLENGER


def _wait(world: World, days: float) -> None:
    world.clock += days * 24 * 3600
    if handover.is_due(world.project.pk, now=world.now):
        handover.advance(project_id=world.project.pk, now=world.now)


@pytest.mark.usefixtures("tuning")
def test_experts_who_never_answer_do_not_hold_up_the_next_fine_tune(
    vectors_at_once: dict[str, float],
) -> None:
    vectors_at_once["noise"] = 6.0
    world = _noisy_world()
    asked = _open_questions(world)
    _finetune(world)
    version = ModelVersion.objects.get(kind="FINETUNE")

    _wait(world, 13.9)
    version.refresh_from_db()
    assert version.state == ModelState.CHALLENGER
    _wait(world, 0.2)

    version.refresh_from_db()
    comparison = Comparison.objects.get(challenger=version)
    assert version.state == ModelState.REJECTED
    assert comparison.decision == ComparisonDecision.UNDECIDED
    images = "1 image" if asked == 1 else f"{asked} images"
    assert version.verdict.startswith(f"Not decided: experts have not answered {images}, ")
    # Open images stay in the denominator: all for the one side, or all for the other.
    found = comparison.detail["numbers"]["difference"]
    ahead = comparison.wins - comparison.losses
    assert found["low"] == pytest.approx((ahead - asked) / 60)
    assert found["high"] == pytest.approx((ahead + asked) / 60)
    finetune.request(project_id=world.project.pk, trigger="staff", now=world.now)


@pytest.mark.usefixtures("tuning")
def test_an_expert_at_work_is_waited_for(vectors_at_once: dict[str, float]) -> None:
    vectors_at_once["noise"] = 6.0
    world = _noisy_world()
    assert _open_questions(world) > 1
    _finetune(world)
    version = ModelVersion.objects.get(kind="FINETUNE")

    _wait(world, 10)
    _settle_questions(world, 1)
    _wait(world, 10)

    version.refresh_from_db()
    assert version.state == ModelState.CHALLENGER
    _wait(world, 14.1)
    version.refresh_from_db()
    assert version.state == ModelState.REJECTED


@pytest.mark.usefixtures("tuning", "vectors_at_once")
def test_people_who_have_left_do_not_hold_up_the_next_fine_tune() -> None:
    world = _noisy_world(audit_answers=5)
    _finetune(world)

    _wait(world, 14.1)

    version = ModelVersion.objects.get(kind="FINETUNE")
    assert version.verdict.startswith("Not decided: people have not answered 55 images, ")
    assert version.state == ModelState.REJECTED


@pytest.mark.usefixtures("tuning", "vectors_at_once")
def test_an_undecided_challenger_waits_for_audit_answers_and_then_serves() -> None:
    world = _noisy_world(audit_answers=5)
    outcome = _finetune(world)
    comparison = Comparison.objects.get(challenger_id=outcome.version_id)
    assert comparison.decision == ComparisonDecision.RUNNING
    with pytest.raises(finetune.FineTuneNotEnabledError, match="waits for its verdict"):
        finetune.request(project_id=world.project.pk, trigger="staff", now=world.now)
    world.label_some(50, Partition.AUDIT)

    world.refit()
    _hand_over(world)

    assert Champion.objects.get().model_version_id == outcome.version_id


@pytest.mark.usefixtures("tuning", "vectors_at_once")
def test_an_answer_during_the_switch_is_not_lost() -> None:
    world = _noisy_world()
    _finetune(world)
    world.label_some(5)
    world.refit()

    _hand_over(world)
    world.refit()

    champion = Champion.objects.get().model_version
    assert (champion.n_labels, champion.embedding_set.backbone) == (65, "tuned")


def test_an_exhausted_budget_refuses_before_anything_starts() -> None:
    world = _noisy_world()
    TrainingRun.objects.create(
        project=world.project,
        kind=TrainingKind.FINETUNE,
        trigger="staff",
        state=TrainingState.SUCCEEDED,
        cost=Decimal(10),
        created_at=world.now,
    )

    with pytest.raises(budget.BudgetExhaustedError, match="10"):
        finetune.request(project_id=world.project.pk, trigger="staff", now=world.now)
    next_month = world.now + timedelta(days=32)
    assert finetune.request(project_id=world.project.pk, trigger="staff", now=next_month)


def test_a_budget_spent_since_the_request_refuses_the_run() -> None:
    world = _noisy_world()
    finetune.request(project_id=world.project.pk, trigger="staff", now=world.now)
    world.project.monthly_budget = Decimal(0)
    world.project.save()

    outcome = finetune.run(project_id=world.project.pk, clock=lambda: world.now)

    run = TrainingRun.objects.get(kind=TrainingKind.FINETUNE)
    assert outcome.kind == "refused"
    assert (run.state, "budget" in run.error) == (TrainingState.REFUSED, True)


def test_seconds_are_priced_by_the_hour() -> None:
    world = World.make(pool=3)
    world.project.price_per_device_hour = Decimal("2.40")

    assert budget.cost(world.project, 90.0) == Decimal("0.0600")


@pytest.mark.usefixtures("tuning", "vectors_at_once")
def test_a_worker_killed_after_tuning_is_replaced_without_tuning_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = _noisy_world()
    run = finetune.request(project_id=world.project.pk, trigger="staff", now=world.now)
    challenge = finetune._FineTune._challenge

    def die(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(finetune._FineTune, "_challenge", die)
    monkeypatch.setattr(runs.Closing, "__exit__", lambda *_: None)  # SIGKILL closes nothing
    with pytest.raises(KeyboardInterrupt):
        finetune.run(project_id=world.project.pk, clock=lambda: world.now)
    monkeypatch.setattr(finetune._FineTune, "_challenge", challenge)
    monkeypatch.setattr(finetune._FineTune, "_tune", die)
    world.clock += 400

    assert due.Due("finetune", world.project.pk) in due.find(now=world.now)
    outcome = finetune.run(project_id=world.project.pk, clock=lambda: world.now)

    run.refresh_from_db()
    assert outcome.kind == "challenger"
    assert (run.fencing_token, run.state) == (2, TrainingState.SUCCEEDED)
    assert ModelVersion.objects.filter(kind="FINETUNE").count() == 1


def _history(world: World, losses: dict[int, float]) -> None:
    """Rewrite what past heads reached, label count to log-loss; the last is the champion's."""
    champion = Champion.objects.get().model_version
    for n_labels, loss in losses.items():
        if n_labels == max(losses):
            champion.n_labels, champion.metrics = n_labels, {"log_loss": loss}
            champion.save()
            continue
        past = ModelVersion.objects.get(pk=champion.pk)
        past.pk, past.number, past.state = None, n_labels + 1000, ModelState.RETIRED
        past.public_id = f"00000000-0000-4000-8000-{n_labels:012d}"
        past.n_labels, past.metrics = n_labels, {"log_loss": loss}
        past.save(force_insert=True)


@pytest.mark.parametrize(
    ("loss_at_half", "is_queued"), [(0.93, True), (1.20, False)], ids=["flat", "still falling"]
)
def test_a_fine_tune_is_queued_where_the_curve_is_flat(
    loss_at_half: float, is_queued: bool
) -> None:
    world = _noisy_world()
    _history(world, {300: loss_at_half, 600: 0.90})

    run = finetune_due.request_where_it_pays(project_id=world.project.pk, now=world.now)

    assert (run is not None) == is_queued


def test_the_next_attempt_wants_half_as_many_labels_more() -> None:
    world = _noisy_world()
    _history(world, {300: 0.93, 600: 0.90})
    TrainingRun.objects.create(
        project=world.project,
        kind=TrainingKind.FINETUNE,
        trigger="flat curve",
        state=TrainingState.SUCCEEDED,
        settings={"n_labels": 450},
        created_at=world.now,
    )

    assert finetune_due.request_where_it_pays(project_id=world.project.pk, now=world.now) is None


def _catch_up(world: World) -> None:
    """Do what follows from answers: a refit, and the look ahead that the first head makes due."""
    world.refit()
    outlook.update(project_id=world.project.pk, now=world.now)


def test_the_sweep_finds_answers_that_nobody_was_told_about() -> None:
    world = World.make()
    world.label_some(15)

    assert due.Due("refit", world.project.pk) in due.find(now=world.now)
    _catch_up(world)
    assert due.find(now=world.now) == []


def test_an_idle_sweep_costs_a_handful_of_queries(django_assert_max_num_queries: Any) -> None:
    world = World.make()
    world.label_some(15)
    _catch_up(world)

    # Eight kinds of work, each asked by a few indexed rows.
    with django_assert_max_num_queries(30):
        assert due.find(now=world.now) == []


def test_the_staffs_refit_is_due_at_once() -> None:
    world = World.make()
    world.label_some(15)
    _catch_up(world)
    refit.request(project_id=world.project.pk, trigger="staff", now=world.now)

    assert due.find(now=world.now) == [due.Due("refit", world.project.pk)]
