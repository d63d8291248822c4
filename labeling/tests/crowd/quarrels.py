"""Audit images that people disagree about, and experts who settle it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labeling.models import (
    Annotator,
    Image,
    Partition,
    Project,
)
from labeling.services import adjudication
from labeling.tests import worlds
from labeling.tests.crowd.browser import Browser, Json

if TYPE_CHECKING:
    pass


def audit_images(project: Project, count: int) -> list[Image]:
    return worlds.make_images(project, count, Partition.AUDIT)


def say(people: list[Annotator], image: Image, *labels: str | None) -> None:
    for who, label in zip(people, labels, strict=True):
        worlds.direct(who, image, label, kind="LABEL" if label else "CANT_TELL")


def share(project: Project, value: float) -> None:
    Project.objects.filter(pk=project.pk).update(adjudication_share=value)


def open_due(project: Project) -> int:
    return adjudication.open_due(project_id=project.pk, now=worlds.NOW)


def quarrels(project: Project, people: list[Annotator], count: int) -> list[Image]:
    """Give audit images about which people disagree, each due to be shown to an expert."""
    images = audit_images(project, count)
    for image in images:
        say(people, image, "milk", "juice", "milk")
    open_due(project)
    return images


def queue(tab: Browser, **query: str) -> Json:
    found: Json = tab.get(f"projects/{tab.slug}/expert", **query)
    return found


def decide(tab: Browser, image: str, label: str | None = "milk", **extra: object) -> Json:
    body = {"kind": "LABEL", "label": label, **extra}
    status = int(str(body.pop("status", 201)))
    done: Json = tab.post(f"projects/{tab.slug}/expert/{image}", body, status=status)
    return done
