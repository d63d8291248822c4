"""Importing pictures that show several labels, written a|b in a CSV."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import call_command

from labeling.models import AnnotationLabel, Consensus, Image, Mode, Project
from labeling.selectors import projects as project_selectors
from labeling.tests.factories import picture_bytes

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = ["path,shows"]
    for number, shows in enumerate(("mountain|glacier", "lake", "mountain| lake", "")):
        (tmp_path / f"{number}.jpg").write_bytes(picture_bytes(number))
        rows.append(f"{number}.jpg,{shows}")
    (tmp_path / "labels.csv").write_text("\n".join(rows), encoding="utf-8")
    return tmp_path


def bring(folder: Path, *more: str) -> None:
    call_command(
        "import_images",
        str(folder / "labels.csv"),
        "--project=views",
        "--source=walks",
        "--licence=CC0",
        "--labels=trusted",
        "--label-column=shows",
        *more,
    )


def shown() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    rows = AnnotationLabel.objects.values_list("annotation__image__original_name", "label__code")
    for name, code in rows:
        found.setdefault(name, set()).add(code)
    return found


def test_a_picture_comes_with_all_its_labels(folder: Path) -> None:
    bring(folder, "--create", "--several")

    project = Project.objects.get(slug="views")
    assert project.mode == Mode.MULTI
    assert "everything" in project.guide
    assert project_selectors.current_scheme(project.pk).codes == ("glacier", "lake", "mountain")
    assert shown() == {
        "0.jpg": {"mountain", "glacier"},
        "1.jpg": {"lake"},
        "2.jpg": {"mountain", "lake"},
    }
    assert Consensus.objects.filter(state="RESOLVED").count() == 3
    assert Image.objects.count() == 4


def test_a_set_with_a_label_that_the_scheme_lacks_is_not_trusted(folder: Path) -> None:
    bring(folder, "--create", "--several", "--classes=mountain,lake")

    assert shown() == {"1.jpg": {"lake"}, "2.jpg": {"mountain", "lake"}}
