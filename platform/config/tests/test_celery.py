"""Which queue each task goes to."""

from __future__ import annotations

import pytest

from config.celery import app

QUEUES = {
    "labeling.tasks.sweep": "fast",
    "labeling.tasks.top_up": "fast",
    "labeling.tasks.run_import_job": "default",
    "labeling.tasks.run_ask_again_job": "default",
    "labeling.tasks.run_replay_job": "default",
    "labeling.tasks.sweep_crowd": "default",
    "labeling.tasks.follow_people": "default",
    "labeling.tasks.snapshot_agreement": "default",
    "ml.tasks.embed_images": "default",
    "ml.tasks.refit_head": "fast",
    "ml.tasks.finetune": "gpu",
    "ml.tasks.reembed": "default",
    "ml.tasks.settle_feedback": "default",
    "ml.tasks.look_ahead": "default",
    "ml.tasks.search_label_errors": "default",
    "ml.tasks.search_new_labels": "default",
    "ml.tasks.drop_stale": "default",
    "ml.tasks.sweep": "fast",
}


def ours() -> set[str]:
    app.loader.import_default_modules()
    return {name for name in app.tasks if name.startswith(("labeling.", "ml."))}


def test_every_task_has_a_queue_that_some_worker_reads() -> None:
    assert ours() == set(QUEUES)


@pytest.mark.parametrize("name", QUEUES)
def test_a_task_goes_where_it_holds_nobody_up(name: str) -> None:
    ours()
    route = app.amqp.router.route({}, name)

    assert route["queue"].name == QUEUES[name]


def test_every_periodic_task_exists() -> None:
    asked = {entry["task"] for entry in app.conf.beat_schedule.values()}

    assert asked <= ours()
