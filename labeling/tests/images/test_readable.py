"""Names of folders, as people read them."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.utils import timezone

from labeling.models import Image
from labeling.services import imports
from labeling.services import projects as project_services
from labeling.services.import_sources import readable
from labeling.tests.factories import picture_bytes


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("Oat-Milk", "Oat Milk"),
        ("soy_milk", "soy milk"),
        ("granny--smith", "granny--smith"),
        ("T-shirt", "T-shirt"),
        ("semi-skimmed milk", "semi-skimmed milk"),
        ("crème-fraîche", "crème fraîche"),
        ("_", "_"),
    ],
)
def test_writes_a_folder_as_words(name: str, read: str) -> None:
    assert readable([name]) == [read]


def test_leaves_alone_what_would_become_the_same() -> None:
    assert readable(["oat-milk", "oat_milk", "rye-bread"]) == ["oat-milk", "oat_milk", "rye bread"]


@pytest.mark.django_db
def test_finds_the_label_of_a_folder_by_the_words_made_of_it(tmp_path: Path) -> None:
    (tmp_path / "oat_milk").mkdir()
    (tmp_path / "oat_milk" / "1.jpg").write_bytes(picture_bytes(1))
    (tmp_path / "Rye-Bread").mkdir()
    (tmp_path / "Rye-Bread" / "2.jpg").write_bytes(picture_bytes(2))
    names = imports.Source(tmp_path).classes()
    project = project_services.create_project(name="Shelf", classes=names, now=timezone.now())

    imports.run_import(
        project_id=project.pk,
        path=tmp_path,
        source="shelf",
        licence="CC0",
        labels="suggested",
        clock=timezone.now,
    )

    found = Image.objects.order_by("original_name").values_list("suggested_label__name", flat=True)
    assert names == ["oat milk", "Rye Bread"]
    assert list(found) == ["Rye Bread", "oat milk"]
