"""Every address of Larder: the API, the pages, the admin."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny

from config import health, pages
from labeling.api import links

schema = SpectacularAPIView.as_view(permission_classes=[AllowAny], authentication_classes=[])
# The split view keeps its script in an address of its own, and our template its style in a file,
# so the strict policy holds.
docs = SpectacularSwaggerSplitView.as_view(
    url_name="schema",
    template_name="labeling/docs.html",
    permission_classes=[AllowAny],
    authentication_classes=[],
)

admin.site.site_header = admin.site.site_title = "Larder records"

urlpatterns = [
    path("api/v1/", include("labeling.api.urls")),
    path("login/<str:token>", links.sign_in, name="login"),
    path("resume/<str:token>", links.resume, name="resume"),
    # The admin and the API's page name no icon of their own.
    path("favicon.ico", RedirectView.as_view(url=f"{settings.STATIC_URL}icon.svg")),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("admin/", admin.site.urls),
    path("api/v1/schema/", schema, name="schema"),
    path("api/v1/docs/", docs, name="docs"),
    path("api/v1/", include("ml.api.urls")),
    path("", pages.volunteer, name="home"),
    path("label/<slug:slug>", pages.volunteer, name="label"),
    path("join/<str:token>", pages.volunteer, name="join"),
    path("try/<slug:slug>", pages.volunteer, name="try"),
    path("expert/<slug:slug>", pages.volunteer, name="expert"),
    re_path(r"^staff(?:/.*)?$", pages.staff, name="staff"),
]
