"""Labeled pictures as folders that other tools read."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from labeling.models import Image, Partition
from labeling.tests.factories import make_annotator, make_images, make_project, picture_bytes
from labeling.tests.worlds import direct

pytestmark = pytest.mark.django_db


def _pixels(image: Image) -> bytes:
    content = picture_bytes(image.pk)
    Image.objects.filter(pk=image.pk).update(
        storage_key=default_storage.save(f"test/{image.public_id}.jpg", ContentFile(content))
    )
    return content


def test_pictures_lie_in_folders_of_their_labels_and_audit_images_apart(tmp_path: Path) -> None:
    project = make_project()
    ada = make_annotator(project)
    milk, flagged, _open = make_images(project, 3)
    [measured] = make_images(project, 1, partition=Partition.AUDIT)
    contents = {image: _pixels(image) for image in (milk, flagged, measured)}
    direct(ada, milk, "milk")
    direct(ada, flagged, "milk")
    direct(ada, measured, "juice")
    Image.objects.filter(pk=flagged.pk).update(flagged_at=timezone.now())

    call_command("export", "--project", project.slug, "--out", str(tmp_path), "--images")

    found = {
        path.relative_to(tmp_path / "images").as_posix(): path.read_bytes()
        for path in (tmp_path / "images").rglob("*.jpg")
    }
    assert found == {
        f"train/milk/{milk.public_id}.jpg": contents[milk],
        f"audit/juice/{measured.public_id}.jpg": contents[measured],
    }
    with pytest.raises(CommandError, match="is there already"):
        call_command("export", "--project", project.slug, "--out", str(tmp_path), "--images")


def test_pictures_of_several_labels_lie_together(tmp_path: Path) -> None:
    project = make_project(mode="MULTI")
    [image] = make_images(project, 1)
    _pixels(image)
    direct(make_annotator(project), image, "milk")

    call_command("export", "--project", project.slug, "--out", str(tmp_path), "--images")

    assert (tmp_path / "images" / "train" / f"{image.public_id}.jpg").is_file()


def test_a_picture_missing_from_the_store_is_named_and_the_folder_not_blamed(
    tmp_path: Path,
) -> None:
    project = make_project()
    [image] = make_images(project, 1)
    direct(make_annotator(project), image, "milk")
    Image.objects.filter(pk=image.pk).update(storage_key="images/ab/gone.jpg")

    with pytest.raises(CommandError, match=f"{image.public_id} is missing .*gone.jpg"):
        call_command("export", "--project", project.slug, "--out", str(tmp_path), "--images")
    assert not (tmp_path / "images").exists()
