from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib import admin
from django.urls import reverse
from rest_framework.test import APIClient

from labeling.models import Annotator, Project, Token, User
from labeling.services import people
from labeling.tests.factories import NOW, make_image

pytestmark = pytest.mark.django_db
ClientFor = Callable[..., APIClient]
MODELS = [model for model in admin.site._registry if model._meta.app_label == "labeling"]


@pytest.fixture
def boss(db: None) -> User:
    return people.create_owner(username="boss")[0]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_owners_see_every_list(
    boss: User, project: Project, volunteer: Annotator, client_for: ClientFor, model: type[Token]
) -> None:
    make_image(project)

    response = client_for(boss).get(reverse(f"admin:labeling_{model._meta.model_name}_changelist"))

    assert response.status_code == 200


def test_lists_are_named_in_english(boss: User, client_for: ClientFor) -> None:
    shown = client_for(boss).get("/admin/").content.decode()

    assert "Queue entries" in shown
    names = [str(model._meta.verbose_name_plural) for model in admin.site._registry]
    assert not [name for name in names if re.search(r"(ss|[^aeiou]y|ch|sh|x)s$", name)]


def test_a_manager_of_a_project_does_not_reach_the_admin(
    manager: User, owner: User, client_for: ClientFor
) -> None:
    for who in (manager, owner):
        assert client_for(who).get("/admin/").status_code == 302


def test_history_can_be_read_and_not_changed(
    boss: User, project: Project, client_for: ClientFor
) -> None:
    image = make_image(project)
    browser = client_for(boss)

    shown = browser.get(reverse("admin:labeling_image_change", args=[image.pk]))
    changed = browser.post(
        reverse("admin:labeling_image_change", args=[image.pk]), {"partition": "AUDIT"}
    )
    deleted = browser.post(reverse("admin:labeling_image_delete", args=[image.pk]), {"post": "yes"})

    assert shown.status_code == 200
    assert (changed.status_code, deleted.status_code) == (403, 403)


def test_no_digest_is_shown(boss: User, client_for: ClientFor) -> None:
    people.create_token(user_id=boss.pk, project_id=None, name="x", scopes=["read"], now=NOW)
    token = Token.objects.get()

    page = client_for(boss).get(reverse("admin:labeling_token_change", args=[token.pk]))

    assert token.digest not in page.content.decode()
    assert token.prefix in page.content.decode()
