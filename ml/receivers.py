"""Receivers of labeling's events. Each only enqueues a task; the sweep finds what they miss."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver
from labeling import events

from ml import tasks


@receiver(events.images_added, dispatch_uid="ml.embed")
def embed_new_images(*, project_id: int, **_: Any) -> None:
    """Ask for the embeddings of a project's new images."""
    tasks.embed_images.delay(project_id=project_id)


@receiver(events.annotation_submitted, dispatch_uid="ml.refit")
def refit_after_answer(*, project_id: int, **_: Any) -> None:
    """Ask for a head refit: one running, at most one waiting."""
    tasks.refit_head.delay(project_id=project_id)


@receiver(events.scheme_changed, dispatch_uid="ml.refit_scheme")
def refit_after_scheme_change(*, project_id: int, **_: Any) -> None:
    """Ask for a head over the new label order."""
    tasks.refit_head.delay(project_id=project_id)
