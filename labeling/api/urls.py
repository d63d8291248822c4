"""Addresses of labeling's API, one list for each part; add a list, then add it to the end."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from labeling.api.annotations import AnnotationsView, UndoView
from labeling.api.disputes import DisputesView, DisputeView
from labeling.api.labeling import LabelingView
from labeling.api.queue import AssignmentsView, ReleaseView, RenewView

people_urls: list[URLPattern | URLResolver] = []
image_urls: list[URLPattern | URLResolver] = []
queue_urls: list[URLPattern | URLResolver] = [
    path("projects/<slug:slug>/labeling", LabelingView.as_view()),
    path("projects/<slug:slug>/assignments", AssignmentsView.as_view()),
    path("projects/<slug:slug>/assignments/renew", RenewView.as_view()),
    path("projects/<slug:slug>/assignments/release", ReleaseView.as_view()),
    path("projects/<slug:slug>/annotations", AnnotationsView.as_view()),
    path("projects/<slug:slug>/annotations/<uuid:public_id>/undo", UndoView.as_view()),
    path("projects/<slug:slug>/disputes", DisputesView.as_view()),
    path("projects/<slug:slug>/disputes/<uuid:public_id>", DisputeView.as_view()),
]

urlpatterns: list[URLPattern | URLResolver] = [*people_urls, *image_urls, *queue_urls]
