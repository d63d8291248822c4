"""Ml: embeddings, acquisition, training, evaluation, the registry of model versions."""

from __future__ import annotations

from django.apps import AppConfig


class MlConfig(AppConfig):
    """Listens to labeling's events; each receiver only enqueues a task."""

    name = "ml"
    verbose_name = "Machine learning"

    def ready(self) -> None:
        """Connect the receivers."""
        from ml import receivers  # noqa: F401 - connecting is the import's purpose
