"""Labeling: images, the queue, annotations, consensus, annotators."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig


class LabelingConfig(AppConfig):
    """Works on day one with no model at all; never imports `ml`."""

    name = "labeling"
    verbose_name = "Labeling"

    def ready(self) -> None:
        """Listen to what the queue follows from."""
        from labeling import events

        events.partition_decided.connect(_top_up, dispatch_uid="labeling.top_up")


def _top_up(*, project_id: int, **_: Any) -> None:
    """Put images that just left PENDING within reach of a claim."""
    from labeling import tasks

    tasks.top_up.delay(project_id=project_id)
