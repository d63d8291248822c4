"""The cast: a project and the people around it, each named by role."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from rest_framework.test import APIClient

from labeling.models import Annotator, Project, Role, User
from labeling.tests import factories


@pytest.fixture
def now() -> datetime:
    return factories.NOW


@pytest.fixture
def project(db: None) -> Project:
    """A project with four labels and no images."""
    return factories.make_project(name="Pantry")


@pytest.fixture
def other_project(db: None) -> Project:
    return factories.make_project(name="Cellar")


@pytest.fixture
def volunteer(project: Project) -> Annotator:
    """Joined by invitation, without a login."""
    return factories.make_annotator(project, "Volunteer")


@pytest.fixture
def other_volunteer(project: Project) -> Annotator:
    return factories.make_annotator(project, "Other volunteer")


@pytest.fixture
def expert(project: Project) -> User:
    return factories.make_member(project, Role.EXPERT, "expert")


@pytest.fixture
def manager(project: Project) -> User:
    return factories.make_member(project, Role.MANAGER, "manager")


@pytest.fixture
def owner(project: Project) -> User:
    return factories.make_member(project, Role.OWNER, "owner")


@pytest.fixture
def outsider(other_project: Project) -> User:
    """Owns another project and has no part in this one."""
    return factories.make_member(other_project, Role.OWNER, "outsider")


@pytest.fixture
def client_for() -> Callable[..., APIClient]:
    """Give a browser of a user or an annotator; CSRF is checked only with `csrf=True`."""

    def make(who: User | Annotator | None = None, *, csrf: bool = False, **extra: Any) -> APIClient:
        client = APIClient(enforce_csrf_checks=csrf, **extra)
        if isinstance(who, User):
            client.force_login(who)
        elif isinstance(who, Annotator):
            session = client.session
            session["annotators"] = {str(who.project_id): who.pk}
            session.save()
            client.cookies["sessionid"] = session.session_key or ""
        return client

    return make
