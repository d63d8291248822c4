"""Addresses of ml's API, under /api/v1/."""

from __future__ import annotations

from django.urls import URLPattern, path

from ml.api import drift, figures, gate, impact, predict, similar, staff

STAFF = "staff/projects/<slug:slug>/"

urlpatterns: list[URLPattern] = [
    path("projects/<slug:slug>/labels", predict.LabelListView.as_view()),
    path("projects/<slug:slug>/predict", predict.PredictView.as_view()),
    path("projects/<slug:slug>/impact", impact.ImpactView.as_view()),
    path("predictions/<uuid:public_id>", predict.PredictionDetailView.as_view()),
    path("predictions/<uuid:public_id>/feedback", predict.FeedbackView.as_view()),
    path(f"{STAFF}overview", staff.OverviewView.as_view()),
    path(f"{STAFF}confusion", staff.ConfusionView.as_view()),
    path(f"{STAFF}confusion/images", staff.CellView.as_view()),
    path(f"{STAFF}history", staff.HistoryView.as_view()),
    path(f"{STAFF}forecast", figures.ForecastView.as_view()),
    path(f"{STAFF}top-up", figures.TopUpView.as_view()),
    path(f"{STAFF}top-ups", figures.TopUpListView.as_view()),
    path(f"{STAFF}top-ups/<uuid:public_id>/stop", figures.TopUpStopView.as_view()),
    path(f"{STAFF}versions", staff.VersionsView.as_view()),
    path(f"{STAFF}versions/<uuid:public_id>/roll-back", staff.RollBackView.as_view()),
    path(f"{STAFF}versions/<uuid:public_id>/serve", gate.ServeView.as_view()),
    path(f"{STAFF}versions/<uuid:public_id>/set-aside", gate.SetAsideView.as_view()),
    path(f"{STAFF}gate", gate.GateView.as_view()),
    path(f"{STAFF}train", staff.TrainView.as_view()),
    path(f"{STAFF}runs", staff.RunsView.as_view()),
    path(f"{STAFF}find-more", similar.FindMoreView.as_view()),
    path(f"{STAFF}find-more/<uuid:public_id>/stop", similar.StopView.as_view()),
    path(f"{STAFF}drift", drift.DriftView.as_view()),
    path(f"{STAFF}export", staff.ExportView.as_view()),
]
