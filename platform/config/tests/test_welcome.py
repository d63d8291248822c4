"""The links that a start prints, over the real services."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.utils import timezone
from PIL import Image as PillowImage

from config import pictures, welcome
from config.management.commands import load_pictures
from labeling.selectors import projects
from labeling.services import imports, people
from labeling.services.invitations import InvitationNotValidError
from labeling.tests import factories
from labeling.tests.rows import Project

pytestmark = pytest.mark.django_db


@pytest.fixture
def data(tmp_path: Path, settings: Any) -> Path:
    (tmp_path / "run").mkdir()
    settings.DATA_DIR = tmp_path
    return tmp_path


@pytest.fixture
def pantry(data: Path) -> Project:
    """The project that a start invites people to."""
    made = factories.make_project(name="Pantry")
    pictures.remember(data, made.slug)
    return made


def _token_of_a_start() -> str:
    lines: list[str] = []
    welcome.print_links("http://127.0.0.1:8123", say=lines.append)
    link = next(line.split()[-1] for line in lines if line.split()[:1] == ["Label"])
    assert link.startswith("http://127.0.0.1:8123/join/")
    return link.rsplit("/", 1)[1]


def _is_open(token: str) -> bool:
    try:
        people.live_invitation(token=token, now=timezone.now())
    except InvitationNotValidError:
        return False
    return True


def test_a_start_withdraws_the_invitation_of_the_start_before_and_no_other(pantry: Project) -> None:
    _, by_hand = people.invite(
        project_id=pantry.pk, role="VOLUNTEER", use_limit=5, now=timezone.now()
    )

    tokens = [_token_of_a_start() for _ in range(3)]

    assert [_is_open(token) for token in tokens] == [False, False, True]
    assert _is_open(by_hand)


def test_a_start_on_other_pictures_withdraws_the_link_of_the_start_before(
    pantry: Project, data: Path
) -> None:
    first = _token_of_a_start()
    cellar = factories.make_project(name="Cellar")
    pictures.remember(data, cellar.slug)

    second = _token_of_a_start()
    pictures.remember(data, pantry.slug)
    third = _token_of_a_start()

    assert [_is_open(token) for token in (first, second, third)] == [False, False, True]


def test_a_start_needs_no_note_of_an_earlier_one(pantry: Project, data: Path) -> None:
    _token_of_a_start()
    pantry.invitations.all().delete()
    assert _is_open(_token_of_a_start())
    (data / "run" / f"invitation-{pantry.slug}").rename(data / "run" / "invitation-gone")

    assert _is_open(_token_of_a_start())


def test_a_start_says_which_of_several_projects_its_link_is_for(pantry: Project) -> None:
    def said() -> str:
        lines: list[str] = []
        welcome.print_links("http://127.0.0.1:8123", say=lines.append)
        return "\n".join(lines)

    assert "Pantry" not in said()
    factories.make_project(name="Corner shop")
    assert "in “Pantry”; for other projects" in said()


def test_sub_folders_name_the_labels_in_words(tmp_path: Path) -> None:
    for name in ("Oat-Milk", "pears", ".thumbnails"):
        (tmp_path / name).mkdir()
    (tmp_path / "pears" / "1.jpg").touch()

    assert pictures.own(tmp_path, classes="", labels="").classes == ("Oat Milk", "pears")
    assert pictures.own(tmp_path, classes="oat-milk", labels="").classes == ("oat-milk",)


def test_another_folder_of_the_same_name_is_asked_about(tmp_path: Path) -> None:
    for place in ("a", "b"):
        (tmp_path / place / "shelf").mkdir(parents=True)
        (tmp_path / place / "shelf" / "1.jpg").touch()

    def chosen(place: str, project: str = "") -> pictures.Pictures:
        return pictures.own(tmp_path / place / "shelf", classes="milk", labels="", project=project)

    pictures.remember_folder(tmp_path, chosen("a"))
    pictures.refuse_other_folder(tmp_path, chosen("a"))
    with pytest.raises(ImproperlyConfigured, match=r'/a/shelf\. .*PROJECT="shelf".*"shelf 2"'):
        pictures.refuse_other_folder(tmp_path, chosen("b"))
    # Both ways out that the message names.
    for name, slug in (("shelf", "shelf"), ("shelf 2", "shelf-2")):
        pictures.refuse_other_folder(tmp_path, chosen("b", name))
        assert chosen("b", name).slug == slug


def test_a_start_on_labeled_pictures_says_that_nobody_may_be_asked(pantry: Project) -> None:
    lines: list[str] = []
    welcome.print_links("http://127.0.0.1:8123", say=lines.append, is_labeled=True)

    assert "nobody is asked while every image has one" in "\n".join(lines)


def test_labels_of_a_table_are_shown_by_a_picture_of_theirs(
    pantry: Project, tmp_path: Path
) -> None:
    for name in ("1", "2"):
        PillowImage.new("RGB", (64, 64), "teal").save(tmp_path / f"{name}.jpg")
    (tmp_path / "3.jpg").write_text("no picture")
    table = tmp_path / "labels.csv"
    table.write_text("path,kind\ngone.jpg,MILK\n1.jpg,MILK\n2.jpg,MILK\n3.jpg,juice\n")
    own = pictures.own(tmp_path, classes="milk", labels="")
    known = pictures.known_labels(replace(own, source=table, label_column="kind"))
    assert known == {"MILK": tmp_path / "1.jpg", "juice": tmp_path / "3.jpg"}

    load_pictures.show_examples(pantry.pk, known)
    load_pictures.show_examples(pantry.pk, {"milk": tmp_path / "2.jpg"})

    shown = {label.code: label.examples.count() for label in projects.labels(pantry.pk)}
    assert shown["milk"] == 1
    assert shown["juice"] == 0


def test_an_import_says_how_many_are_in_and_where_the_others_went() -> None:
    refused = [imports.Refusal("x.jpg", "broken_image", "Not a picture.")] * 2
    result = imports.Imported(total=20, stored=11, duplicates=3, skipped=4, refused=refused)

    assert load_pictures.summary(result).startswith(
        "Pictures: 15 of 20 are in (3 there twice, 2 refused: x.jpg: Not a picture.; "
        "x.jpg: Not a picture.). Near copies"
    )
    whole = load_pictures.summary(imports.Imported(total=20, stored=20))
    assert whole.startswith("Pictures: 20 of 20 are in. Near copies")


def test_an_import_names_the_folders_that_are_no_label() -> None:
    unknown = Counter({"shirt-button": 12, "Keys": 3})
    result = imports.Imported(total=20, stored=20, unknown_labels=unknown)

    assert (
        "are in. 15 of them came without a label, because the project has none of that name: "
        "“shirt-button” (12), “Keys” (3). Near copies"
    ) in load_pictures.summary(result)


def test_classes_that_a_project_lacks_are_named_and_not_passed_over(pantry: Project) -> None:
    asked = ["milk", "Soy milk", "Bread"]

    assert load_pictures.labels_lacking(pantry.pk, asked) == ["Soy milk"]


def test_a_second_start_says_that_labels_stay_as_they_are(
    pantry: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "pantry"
    folder.mkdir()
    PillowImage.new("RGB", (64, 64), "teal").save(folder / "1.jpg")

    call_command("load_pictures", images=str(folder), classes="Milk,Tea", labels="")

    said = capsys.readouterr().out
    assert "The project “Pantry” is there already and keeps its labels, without Tea:" in said
