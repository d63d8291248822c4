"""Addresses of labeling's API, one list for each part; add a list, then add it to the end."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver

people_urls: list[URLPattern | URLResolver] = []
image_urls: list[URLPattern | URLResolver] = []
queue_urls: list[URLPattern | URLResolver] = []

urlpatterns: list[URLPattern | URLResolver] = [*people_urls, *image_urls, *queue_urls]
