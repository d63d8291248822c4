"""`manage.py bench finetune`: one fine-tune from its trigger to its verdict, and to its service.

Boots the real processes on a project whose audit slice is judged. A volunteer's last answers fill
the trigger's conditions; from there nothing is touched: the sweep queues the run, the `gpu` worker
tunes, the audit slice decides, the pool gets its vectors and the pointer moves, while a client
asks `predict` all the time.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from django.utils import timezone

from labeling.selectors import consensus
from labeling.selectors import images as image_selectors
from labeling.services import annotations as annotation_service
from labeling.services import people
from ml.bench import http, sandbox
from ml.bench import pictures as bench_pictures
from ml.bench.poller import Poller, account
from ml.models import Champion, Comparison, Embedding, ModelVersion, TrainingRun
from ml.services import refit, training_requests

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from ml.services.labeled_folder import LabeledPicture

    Say = Callable[[str], None]

SLUG = "bench-finetune"
LAST_ANSWERS = 5
"""Given over HTTP at the end; the last of them fills the trigger's conditions."""
POLL_S = 0.1
TRIGGER_S = 90.0
VERDICT_S = 900.0
SWITCH_S = 300.0
AFTERWARDS_S = 6.0
STEPS = 8
SEED = 0
TUNED = ("n_train", "n_validation", "log_loss_before", "log_loss_after", "best_epoch")


class CannotMeasureError(RuntimeError):
    """No run was queued, or it came to no verdict; there is nothing to report."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What is measured.

    Attributes:
        labeled: pool labels at which the trigger is due.
        audit_share: of split groups; all their measured images are judged beforehand.
        by_button: queue the run as the staff room's button does, where the curve is not flat.
    """

    pictures: Sequence[LabeledPicture]
    labeled: int
    audit_share: float
    by_button: bool
    work: Path


def prepare(setup: Setup, *, now: datetime, say: Say) -> bench_pictures.Stored:
    """Store and embed the pictures, judge the audit slice, and label all but the last few."""
    say(f"storing {len(setup.pictures)} images")
    stored = bench_pictures.store(
        setup.pictures,
        slug=SLUG,
        now=now,
        audit_partition_share=setup.audit_share,
        audit_serving_share=0.0,
        finetune_min_new_labels=setup.labeled,
        seed=SEED,
    )
    say("embedding them")
    bench_pictures.embed(stored.project_id, now=now)
    _trust(stored, consensus.audit_rows(stored.project_id).image_ids.tolist(), now)
    pool = image_selectors.pool_ids(stored.project_id)
    wanted = setup.labeled - LAST_ANSWERS
    if len(pool) < setup.labeled:
        raise CannotMeasureError(f"{len(pool)} pool images are too few for {setup.labeled} labels.")
    chosen = np.random.default_rng(SEED).permutation(pool)[:wanted].tolist()
    say(f"labeling {wanted} of the pool, in {STEPS} steps")
    for step in np.array_split(np.array(chosen), STEPS):
        _trust(stored, step.tolist(), now)
        refit.run(project_id=stored.project_id, now=now)
    return stored


def measure(
    setup: Setup, stored: bench_pictures.Stored, *, now: datetime, say: Say
) -> dict[str, Any]:
    """Boot everything, give the last answers, follow the run to its end, and sum up."""
    _, invitation = people.invite(
        project_id=stored.project_id, role="VOLUNTEER", use_limit=1, now=now
    )
    owner, _ = people.create_owner(username="bench")
    _, token = people.create_token(
        user_id=owner.pk, project_id=stored.project_id, name="bench", scopes=["predict"], now=now
    )
    picture = setup.pictures[0].path
    with (
        sandbox.processes(setup.work) as address,
        Poller(address, SLUG, token, picture) as poller,
    ):
        volunteer = http.Volunteer(address, slug=SLUG, invitation=invitation, name="Bench")
        told_at = _last_answers(volunteer, stored, setup)
        say("waiting for the trigger")
        run = _wait_for_run(stored.project_id)
        say(f"triggered by {run.trigger}; tuning")
        changes = _follow(run, say)
        run.refresh_from_db()
        comparison = _verdict(run)
        switched_at = None
        if comparison is not None and comparison.decision == "PASSED":
            say("passed: waiting for the pool's vectors and the switch")
            switched_at = _wait_for_switch(run)
            time.sleep(AFTERWARDS_S)
    client = account(
        poller.replies, project_id=stored.project_id, picture=picture, switched_at=switched_at
    )
    seconds = _seconds(run, changes, told_at, switched_at)
    return {"seconds_of": seconds} | _figures(stored, run, comparison) | {"client": client}


def _trust(stored: bench_pictures.Stored, image_ids: Sequence[int], now: datetime) -> None:
    for image_id in image_ids:
        annotation_service.record_trusted(
            project_id=stored.project_id,
            image_id=int(image_id),
            label_id=stored.label_of[int(image_id)],
            now=now,
        )


def _last_answers(volunteer: http.Volunteer, stored: bench_pictures.Stored, setup: Setup) -> float:
    """Answer over HTTP until the trigger's number of labels is there; give when (Unix time)."""
    for _ in range(LAST_ANSWERS):
        assignment = volunteer.next_assignment()
        if assignment is None:
            raise CannotMeasureError("The queue ended before the last labels were given.")
        volunteer.answer(assignment, stored.code_of[assignment["image"]["id"]])
    if setup.by_button:
        training_requests.by_hand(
            project_id=stored.project_id, kind="finetune", user_id=None, now=timezone.now()
        )
    return time.time()


def _wait_for_run(project_id: int) -> TrainingRun:
    runs = TrainingRun.objects.filter(project_id=project_id, kind="FINETUNE")
    deadline = time.monotonic() + TRIGGER_S
    while time.monotonic() < deadline:
        run = runs.first()
        if run is not None:
            return run
        time.sleep(POLL_S)
    losses = ModelVersion.objects.filter(project_id=project_id).order_by("number")
    curve = [(row.n_labels, round(row.metrics.get("log_loss", 0), 3)) for row in losses]
    raise CannotMeasureError(
        f"No fine-tune was queued within {TRIGGER_S:.0f} s; labels and log-loss were {curve}. "
        "Where the curve is not flat yet, give --button."
    )


def _follow(run: TrainingRun, say: Say) -> dict[str, float]:
    """Give the Unix time at which each stage of the run was first seen, its end included."""
    seen: dict[str, float] = {}
    deadline = time.monotonic() + VERDICT_S
    while time.monotonic() < deadline:
        run.refresh_from_db()
        if run.stage and run.stage not in seen:
            seen[run.stage] = time.time()
            say(f"stage {run.stage}")
        if run.state not in ("QUEUED", "RUNNING"):
            return seen
        time.sleep(POLL_S)
    raise CannotMeasureError(f"The run was still {run.stage!r} after {VERDICT_S:.0f} s.")


def _verdict(run: TrainingRun) -> Comparison | None:
    return Comparison.objects.filter(challenger_id=run.model_version_id).order_by("-pk").first()


def _wait_for_switch(run: TrainingRun) -> datetime:
    deadline = time.monotonic() + SWITCH_S
    served = ModelVersion.objects.filter(pk=run.model_version_id or 0, promoted_at__isnull=False)
    while time.monotonic() < deadline:
        moved = served.values_list("promoted_at", flat=True).first()
        if moved is not None:
            return moved
        time.sleep(POLL_S)
    raise CannotMeasureError(f"The challenger passed but did not serve within {SWITCH_S:.0f} s.")


def _seconds(
    run: TrainingRun, changes: dict[str, float], told_at: float, switched_at: datetime | None
) -> dict[str, float]:
    if run.started_at is None or run.finished_at is None:
        raise CannotMeasureError(f"The run ended as {run.state}: {run.error}")
    queued, begun = run.created_at.timestamp(), run.started_at.timestamp()
    ended = run.finished_at.timestamp()
    seconds = {"trigger": queued - told_at, "worker": begun - queued, **run.stages_s}
    if "embedding" in changes:
        seconds["embedding_and_verdict"] = ended - changes["embedding"]
    seconds["answer_to_verdict"] = ended - told_at
    if switched_at is not None:
        seconds["verdict_to_switch"] = switched_at.timestamp() - ended
    return {name: round(value, 2) for name, value in seconds.items()}


def _figures(
    stored: bench_pictures.Stored, run: TrainingRun, comparison: Comparison | None
) -> dict[str, Any]:
    version = run.model_version
    champion = Champion.objects.select_related("model_version__embedding_set").get(
        project_id=stored.project_id
    )
    audit = consensus.audit_rows(stored.project_id)
    return {
        "trigger": run.trigger,
        "device": run.device,
        "state": run.state,
        "verdict": run.settings.get("verdict", run.error),
        "n_labels": run.settings.get("n_labels"),
        "tuned": {name: run.settings.get(name) for name in TUNED},
        "epochs": len(run.settings.get("epochs", [])),
        "audit_groups": len(audit.image_ids),
        "comparison": _compared(comparison),
        "challenger": version.number if version else None,
        "champion": {
            "number": champion.model_version.number,
            "kind": champion.model_version.kind,
            "backbone": champion.model_version.embedding_set.backbone,
            "vectors": Embedding.objects.filter(set=champion.model_version.embedding_set).count(),
        },
    }


def _compared(comparison: Comparison | None) -> dict[str, Any] | None:
    if comparison is None:
        return None
    return {
        "decision": comparison.decision,
        "wins": comparison.wins,
        "losses": comparison.losses,
        "ties": comparison.ties,
        "log_e": round(comparison.log_e, 3),
        "alpha": round(comparison.alpha, 5),
        "numbers": comparison.detail.get("numbers"),
    }
