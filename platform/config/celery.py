"""The Celery application: queues, safety settings and the beat table, all in one place."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("larder")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    task_serializer="json",
    accept_content=["json"],
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_acks_on_failure_or_timeout=True,
    task_default_queue="default",
    # Every task that is not for the default worker. `fast` never waits behind an import, `gpu`
    # never holds up either.
    task_routes={
        "labeling.tasks.sweep": {"queue": "fast"},
        "labeling.tasks.top_up": {"queue": "fast"},
        "labeling.tasks.sweep_crowd": {"queue": "default"},
        "labeling.tasks.run_replay_job": {"queue": "default"},
        "ml.tasks.refit_head": {"queue": "fast"},
        "ml.tasks.sweep": {"queue": "fast"},
        "ml.tasks.finetune": {"queue": "gpu"},
    },
    worker_prefetch_multiplier=1,
    worker_disable_prefetch=True,
    worker_cancel_long_running_tasks_on_connection_loss=True,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    # Longer than the longest hard limit: a message must not be handed out again while it runs.
    # `max_retries`: a dead broker is tried once, not for six seconds while somebody waits.
    broker_transport_options={
        "visibility_timeout": 6 * 3600,
        "socket_connect_timeout": 2,
        "max_retries": 0,
    },
    # The broker is a hint (rule 6): with it down, publishing fails at once and the sweep finds
    # the work; a volunteer's answer never waits for it.
    task_publish_retry=False,
    beat_schedule={
        "labeling-sweep": {
            "task": "labeling.tasks.sweep",
            "schedule": 5.0,
            "options": {"expires": 10},
        },
        "settle-feedback": {
            "task": "ml.tasks.settle_feedback",
            "schedule": 5.0,
            "options": {"expires": 10},
        },
        "follow-people": {
            "task": "labeling.tasks.follow_people",
            "schedule": 60.0,
            "options": {"expires": 60},
        },
        # Hourly, for a machine that is switched off at night; each project has one a day.
        "snapshot-agreement": {
            "task": "labeling.tasks.snapshot_agreement",
            "schedule": 3600.0,
            "options": {"expires": 3600},
        },
        "drop-stale": {
            "task": "ml.tasks.drop_stale",
            "schedule": 3600.0,
            "options": {"expires": 3600},
        },
        "ml-sweep": {"task": "ml.tasks.sweep", "schedule": 5.0, "options": {"expires": 10}},
    },
)
app.autodiscover_tasks(["labeling", "ml"])
