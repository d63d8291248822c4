"""The cast of the crowd's tests: a project that serves nothing but what a test asks for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from labeling.models import Annotator, Project, User
from labeling.tests import worlds
from labeling.tests.crowd.browser import Browser

Browse = Callable[[User | Annotator], Browser]


@pytest.fixture
def project(project: Project) -> Project:
    """No audit, no random arm: what a test serves is what it sees."""
    Project.objects.filter(pk=project.pk).update(audit_serving_share=0, random_arm_share=0)
    project.refresh_from_db()
    return project


@pytest.fixture
def browse(project: Project, client_for: Callable[..., APIClient]) -> Browse:
    """Open a tab of somebody."""

    def make(who: User | Annotator) -> Browser:
        return Browser(client_for(who), project.slug)

    return make


@pytest.fixture
def people(project: Project) -> list[Annotator]:
    """Three volunteers, all active; an audit image wants three votes."""
    three = [worlds.make_annotator(project, name) for name in ("Ada", "Ben", "Cleo")]
    worlds.active(project, three)
    return three
