"""Every address of Larder: the API, the pages, the admin."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/v1/", include("labeling.api.urls")),
    path("api/v1/", include("ml.api.urls")),
]
