"""A project that takes uploads, and what its tests do again and again."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from labeling.services.images import GroupDecision, set_partitions
from labeling.tests.rows import Image, Project
from ml.tests.serving.kitchen import Kitchen, client_with


def opened(served: Kitchen) -> Kitchen:
    """Let the project take uploads, and one answer resolve them."""
    Project.objects.filter(pk=served.project.pk).update(
        may_queue_uploads=True, votes_pool=1, votes_audit=1
    )
    served.project.refresh_from_db()
    return served


def queueing(kitchen: Kitchen) -> Any:
    return client_with(kitchen.project, "predict", "queue")


def results(reply: Any) -> list[dict[str, Any]]:
    assert reply.status_code == 200, reply.content
    return list(reply.json()["results"])


def decide(kitchen: Kitchen, partition: str) -> None:
    """Decide the partition of every picture that waits."""
    waiting = Image.objects.filter(project=kitchen.project, partition="PENDING")
    set_partitions(
        project_id=kitchen.project.pk,
        decisions=[GroupDecision([image.pk], partition=partition) for image in waiting],
        now=timezone.now(),
    )
