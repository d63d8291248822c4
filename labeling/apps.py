"""Labeling: images, the queue, annotations, consensus, annotators."""

from __future__ import annotations

from django.apps import AppConfig


class LabelingConfig(AppConfig):
    """Works on day one with no model at all; never imports `ml`."""

    name = "labeling"
    verbose_name = "Labeling"
