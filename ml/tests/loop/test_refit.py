"""The fast loop from answers to champion, window and priors."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import transaction

from labeling.services import projects
from labeling.tests.rows import ImagePrior, Partition, QueueEntry
from ml.models import (
    Champion,
    DatasetSnapshot,
    Evidence,
    ModelState,
    ModelVersion,
    TrainingKind,
    TrainingRun,
    TrainingState,
)
from ml.selectors import registry
from ml.services import gate, refit, refit_due, runs, snapshots
from ml.services import registry as registry_services
from ml.tests.loop.world import World

pytestmark = pytest.mark.django_db


def test_a_refit_after_answers_deploys_a_provisional_champion() -> None:
    world = World.make()
    world.label_some(15)

    outcome = world.refit()

    champion = registry.champion(world.project.pk)
    assert outcome.kind == "deployed"
    assert champion is not None
    assert (champion.number, champion.evidence, champion.n_labels) == (1, Evidence.PROVISIONAL, 15)
    assert champion.label_order == ("milk", "soy-milk", "oat-milk")
    assert champion.verdict.startswith("First classifier: on labeled images it had not learned")


def test_nothing_new_makes_no_version() -> None:
    world = World.make()
    world.label_some(15)
    world.refit()

    again = world.refit()

    assert again.kind == "current"
    assert ModelVersion.objects.count() == 1


def test_each_answer_makes_the_next_version_and_retires_the_last() -> None:
    world = World.make()
    world.label_some(15)
    world.refit()
    world.label_some(1)

    world.refit()

    states = list(ModelVersion.objects.order_by("number").values_list("number", "state"))
    assert states == [(1, ModelState.RETIRED), (2, ModelState.CHAMPION)]


def test_audit_answers_make_no_version() -> None:
    world = World.make(audit=10)
    world.label_some(15)
    world.refit()
    world.label_some(5, Partition.AUDIT)

    outcome = world.refit()

    assert outcome.kind == "unchanged"
    assert ModelVersion.objects.count() == 1


def test_one_label_alone_waits_for_a_second() -> None:
    world = World.make()
    world.label([key for key in world.unanswered() if world.truth[key] == "milk"][:6])

    assert world.refit().kind == "waiting"
    assert registry.champion(world.project.pk) is None


def test_the_window_is_filled_before_the_first_answer() -> None:
    world = World.make()

    outcome = world.refit()

    entries = QueueEntry.objects.filter(reason="ACQUIRED", state="OPEN")
    assert outcome.kind == "waiting"
    assert entries.count() == 40
    assert set(entries.values_list("policy", flat=True)) == {"uherding 1"}


def test_the_window_is_chosen_by_the_newest_head_once_every_label_is_known() -> None:
    world = World.make(novelty_share=0, tail_share=0)
    world.label_some(15)

    world.refit()

    champion = registry.champion(world.project.pk)
    assert champion is not None
    entries = QueueEntry.objects.filter(reason="ACQUIRED", state="OPEN")
    assert entries.count() == 105
    named = set(entries.values_list("policy", "model_version"))
    assert named == {("uherding 1", champion.public_id)}


def test_priors_reach_pool_images_and_never_audit_images() -> None:
    world = World.make(audit=10)
    world.label_some(15)

    world.refit()

    priors = ImagePrior.objects.filter(image__project=world.project)
    assert priors.count() == 120
    assert not priors.filter(image__partition=Partition.AUDIT).exists()


def test_a_snapshot_holds_exactly_what_the_head_was_fitted_on() -> None:
    world = World.make()
    labeled = world.label_some(15)

    world.refit()

    rows = snapshots.load(DatasetSnapshot.objects.get().pk)
    assert rows.image_ids.tolist() == sorted(labeled)
    assert rows.codes == ("milk", "soy-milk", "oat-milk")
    said = [rows.codes[column] for column in rows.posteriors.argmax(axis=1)]
    assert said == [world.truth[key].replace(" ", "-") for key in sorted(labeled)]


def test_scrambled_labels_are_refused() -> None:
    world = World.make(pool=200)
    world.label_some(60)
    world.refit()
    world.label_some(60, scrambled=True)

    outcome = world.refit()

    refused = ModelVersion.objects.get(number=2)
    assert outcome.kind == "refused"
    assert refused.state == ModelState.REJECTED
    assert refused.verdict.startswith("Refused as worse: on the same ")
    assert refused.gate["settled_difference"] > refused.gate["settled_tolerance"]
    champion = registry.champion(world.project.pk)
    assert champion is not None
    assert champion.number == 1


@pytest.mark.parametrize("seed", range(4))
def test_the_verdict_of_a_passed_head_agrees_with_the_numbers_it_quotes(seed: int) -> None:
    world = World.make(pool=200, noise=2.0, seed=seed)
    world.label_some(60)
    world.refit()
    world.label_some(10)

    assert world.refit().kind == "deployed"

    version = ModelVersion.objects.get(number=2)
    said = re.fullmatch(
        r"(Better|About as good): on the same 70 labeled images, each checked with it "
        r"and its look-alikes left out of what is learned, it is "
        r"(surer|about as sure) of the right label (than|as) v1\.",
        version.verdict,
    )
    assert said is not None, version.verdict
    words = (said[1], said[2], said[3])
    assert words in {("Better", "surer", "than"), ("About as good", "about as sure", "as")}
    old = version.gate["champion_log_loss"]
    is_lower = round(old + version.gate["difference"], 3) < round(old, 3)
    assert (said[1] == "Better") == is_lower


@pytest.mark.parametrize(
    ("new", "old", "word"),
    [
        (1.843, 1.870, "Better"),
        (1.870, 1.843, "About as good"),
        (1.8431, 1.8434, "About as good"),
    ],
)
def test_a_head_is_called_better_only_where_the_quoted_loss_is_smaller(
    new: float, old: float, word: str
) -> None:
    assert gate.praise(new, old) == word


def test_a_refused_head_is_not_tried_again_until_a_label_changes() -> None:
    world = World.make(pool=200, audit=10)
    world.label_some(60)
    world.refit()
    world.label_some(60, scrambled=True)
    world.refit()
    world.label_some(1, Partition.AUDIT)

    assert world.refit().kind == "unchanged"
    assert ModelVersion.objects.count() == 2


def test_a_second_refit_goes_home_while_one_runs() -> None:
    world = World.make()
    world.label_some(15)
    run = refit.request(project_id=world.project.pk, trigger="answers", now=world.now)
    assert runs.claim(run=run, now=world.now) is not None

    assert world.refit().kind == "busy"
    assert TrainingRun.objects.count() == 1


def test_answers_that_came_meanwhile_ask_for_one_more_refit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World.make()
    world.label_some(15)
    prune = registry_services.prune

    def answer_meanwhile(*, project_id: int) -> int:
        world.label_some(1)
        return prune(project_id=project_id)

    monkeypatch.setattr(registry_services, "prune", answer_meanwhile)

    assert world.refit().has_more
    monkeypatch.undo()
    assert not world.refit().has_more
    assert ModelVersion.objects.count() == 2


def test_a_stale_run_is_fenced_off_and_its_worker_can_write_nothing() -> None:
    world = World.make()
    world.label_some(15)
    run = refit.request(project_id=world.project.pk, trigger="answers", now=world.now)
    dead = runs.claim(run=run, now=world.now)
    assert dead is not None
    world.clock += 31

    assert world.refit().kind == "deployed"

    assert TrainingRun.objects.get().fencing_token == 2
    with pytest.raises(runs.FencedOffError):
        dead.beat(now=world.now, progress=0.9)


def test_a_worker_fenced_off_before_deploying_leaves_no_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World.make()
    world.label_some(15)
    store = snapshots.store

    def be_slow(**fields: object) -> object:
        row = TrainingRun.objects.get()
        TrainingRun.objects.filter(pk=row.pk).update(fencing_token=row.fencing_token + 1)
        return store(**fields)  # type: ignore[arg-type]

    monkeypatch.setattr(snapshots, "store", be_slow)

    with pytest.raises(runs.FencedOffError):
        world.refit()
    assert not ModelVersion.objects.exists()
    assert not Champion.objects.exists()


def test_a_refit_that_loses_the_pointer_deploys_nothing_and_is_due_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World.make()
    world.label_some(15)
    world.refit()
    world.label_some(1)
    promote = registry_services.promote

    def somebody_else_first(**fields: object) -> None:
        monkeypatch.undo()
        rival = ModelVersion.objects.get(number=1)
        rival.pk, rival.number, rival.state = None, 99, ModelState.CHALLENGER
        rival.public_id = "3f0e9f2e-8a51-4f8e-9d55-000000000099"
        rival.save(force_insert=True)
        promote(**{**fields, "version_id": rival.pk})  # type: ignore[arg-type]
        promote(**fields)  # type: ignore[arg-type]

    monkeypatch.setattr(registry_services, "promote", somebody_else_first)

    outcome = world.refit()

    assert outcome.kind == "superseded"
    assert outcome.has_more
    # The rival's promotion was in the transaction that was rolled back with ours.
    assert Champion.objects.get().model_version.number == 1


def test_a_failed_refit_says_why_and_is_tried_again_after_a_minute() -> None:
    world = World.make()
    world.label_some(15)
    projects.update_settings(
        project_id=world.project.pk, now=world.now, acquisition_function="no-such"
    )

    with pytest.raises(Exception, match="no-such"):
        world.refit()

    run = TrainingRun.objects.get()
    assert run.state == TrainingState.FAILED
    assert "no-such" in run.error
    later = world.now + timedelta(seconds=61)
    assert refit_due.is_due(world.project.pk, now=later)


def test_paused_training_waits_and_resumes_with_all_answers() -> None:
    world = World.make()
    world.label_some(15)
    projects.set_paused(project_id=world.project.pk, what="training", paused=True, now=world.now)
    assert world.refit().kind == "paused"
    assert not refit_due.is_due(world.project.pk, now=world.now)

    projects.set_paused(project_id=world.project.pk, what="training", paused=False, now=world.now)

    assert world.refit().kind == "deployed"


def test_the_staffs_button_refits_without_a_new_label() -> None:
    world = World.make()
    world.label_some(15)
    world.refit()
    refit.request(project_id=world.project.pk, trigger="staff", now=world.now)

    assert world.refit().kind == "deployed"
    assert TrainingRun.objects.filter(kind=TrainingKind.HEAD).count() == 2


def test_a_new_label_in_the_scheme_gets_its_column() -> None:
    world = World.make()
    world.label_some(15)
    world.refit()
    with transaction.atomic():
        projects.add_label(project_id=world.project.pk, name="Rice milk", now=world.now)

    assert world.refit().kind == "deployed"
    champion = registry.champion(world.project.pk)
    assert champion is not None
    assert champion.label_order == ("milk", "soy-milk", "oat-milk", "rice-milk")


def test_stages_are_timed() -> None:
    world = World.make()
    world.label_some(15)

    outcome = world.refit()

    assert list(outcome.stages_s) == [
        "read", "fit", "check", "deploy", "rescore", "refill", "priors", "certify",
    ]  # fmt: skip
    assert TrainingRun.objects.get().stages_s == pytest.approx(outcome.stages_s)
