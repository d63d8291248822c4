from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from labeling.models import AuditEvent, LabelMapping, Membership, Project, Role
from labeling.selectors import projects as project_selectors
from labeling.services import projects
from labeling.services.schemes import (
    InvalidProjectError,
    LabelTakenError,
    LastLabelsError,
    UnknownSettingError,
)
from labeling.tests.factories import NOW, make_project, make_user

pytestmark = pytest.mark.django_db


def test_a_new_project_has_its_labels_in_the_order_given() -> None:
    project = make_project(classes=["Soy milk", "Milk", "Äpfel"])

    scheme = project_selectors.current_scheme(project.pk)

    assert scheme.version == 1
    assert scheme.names == ("Soy milk", "Milk", "Äpfel")
    assert scheme.codes == ("soy-milk", "milk", "apfel")
    assert project.serve_counter.served == 0


def test_names_that_make_the_same_code_get_different_codes() -> None:
    project = make_project(classes=["Milk 1%", "Milk 1", "日本", "中国"])

    assert project_selectors.current_scheme(project.pk).codes == (
        "milk-1",
        "milk-1-2",
        "label",
        "label-2",
    )


def test_refuses_two_classes_of_one_name() -> None:
    with pytest.raises(LabelTakenError):
        make_project(classes=["Milk", "milk "])

    assert not Project.objects.exists()


def test_a_taken_slug_gets_a_number() -> None:
    assert [make_project(name="Shelf").slug for _ in range(3)] == ["shelf", "shelf-2", "shelf-3"]


def test_whoever_makes_a_project_owns_it() -> None:
    user = make_user()

    project = make_project(created_by_id=user.pk)

    assert Membership.objects.get(project=project).role == Role.OWNER


def test_adding_a_label_makes_the_next_version_and_leaves_the_old_alone(project: Project) -> None:
    before = project_selectors.current_scheme(project.pk)

    projects.add_label(project_id=project.pk, name="Rice", now=NOW)

    after = project_selectors.current_scheme(project.pk)
    assert after.version == 2
    assert after.names == (*before.names, "Rice")
    assert project_selectors.scheme(before.id) == before


def test_renaming_keeps_the_code_and_the_mapping(project: Project) -> None:
    label = project_selectors.label(project.pk, "milk")

    projects.rename_label(label_id=label.pk, name="Cow's milk", now=NOW)

    after = project_selectors.current_scheme(project.pk)
    assert after.codes[0] == "milk"
    assert after.names[0] == "Cow's milk"
    mapping = LabelMapping.objects.get()
    assert (mapping.kind, mapping.from_name, mapping.to_name) == ("RENAME", "Milk", "Cow's milk")
    assert (mapping.from_scheme.version, mapping.to_scheme.version) == (1, 2)


def test_renaming_to_the_same_name_changes_nothing(project: Project) -> None:
    label = project_selectors.label(project.pk, "milk")

    projects.rename_label(label_id=label.pk, name=" Milk ", now=NOW)

    assert project_selectors.current_scheme(project.pk).version == 1


def test_a_retired_label_leaves_the_scheme_and_frees_its_name(project: Project) -> None:
    label = project_selectors.label(project.pk, "milk")

    projects.retire_label(label_id=label.pk, now=NOW)
    projects.retire_label(label_id=label.pk, now=NOW + timedelta(days=1))
    projects.add_label(project_id=project.pk, name="Milk", now=NOW)

    after = project_selectors.current_scheme(project.pk)
    assert after.codes == ("juice", "apple", "bread", "milk-2")
    assert after.version == 3


def test_the_last_two_labels_cannot_be_retired() -> None:
    project = make_project(classes=["Milk", "Juice"])
    label = project_selectors.label(project.pk, "milk")

    with pytest.raises(LastLabelsError):
        projects.retire_label(label_id=label.pk, now=NOW)


def test_a_shortcut_of_another_label_is_refused(project: Project) -> None:
    juice, milk = (project_selectors.label(project.pk, code) for code in ("juice", "milk"))
    projects.describe_label(label_id=milk.pk, key="M", now=NOW)

    with pytest.raises(LabelTakenError):
        projects.describe_label(label_id=juice.pk, key="m", now=NOW)


def test_a_colour_that_is_no_colour_is_refused(project: Project) -> None:
    label = project_selectors.label(project.pk, "juice")

    with pytest.raises(InvalidProjectError):
        projects.describe_label(label_id=label.pk, colour="red;}</style>", now=NOW)


def test_settings_are_an_allow_list(project: Project) -> None:
    with pytest.raises(UnknownSettingError):
        projects.update_settings(project_id=project.pk, now=NOW, seed=1)
    with pytest.raises(UnknownSettingError):
        projects.update_settings(project_id=project.pk, now=NOW, slug="other")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("audit_partition_share", 1.0),
        ("votes_pool", 0),
        ("time_zone", "Mars/Olympus"),
        ("window_size", -1),
    ],
)
def test_a_value_out_of_range_is_refused(project: Project, setting: str, value: Any) -> None:
    with pytest.raises(InvalidProjectError):
        projects.update_settings(project_id=project.pk, now=NOW, **{setting: value})


def test_a_change_of_settings_is_written_down(project: Project) -> None:
    user = make_user()

    projects.update_settings(project_id=project.pk, now=NOW, user_id=user.pk, votes_pool=2)

    event = AuditEvent.objects.get(verb="settings_changed")
    assert event.user == user
    assert event.detail == {"votes_pool": ["1", "2"]}


def test_pausing_twice_keeps_the_first_time(project: Project) -> None:
    later = NOW + timedelta(hours=1)

    projects.set_paused(project_id=project.pk, what="labeling", paused=True, now=NOW)
    projects.set_paused(project_id=project.pk, what="labeling", paused=True, now=later)

    project.refresh_from_db()
    assert project.labeling_paused_at == NOW
    assert AuditEvent.objects.filter(verb="labeling_paused").count() == 1


def test_an_archived_project_is_gone(project: Project) -> None:
    Project.objects.update(archived_at=NOW)

    with pytest.raises(project_selectors.ProjectNotFoundError):
        project_selectors.by_slug(project.slug)
