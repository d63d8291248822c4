from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import IntegrityError
from pytest_django import DjangoCaptureOnCommitCallbacks

from labeling import events
from labeling.models import Consensus, ConsensusState, Image, Job, JobState, Project
from labeling.selectors import projects as project_selectors
from labeling.services import images, imports, pictures
from labeling.tests.factories import NOW, picture_bytes

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six pictures in three folders, one of them not in the scheme, beside what is no picture."""
    for number, label in enumerate(["milk", "Milk", "juice", "juice", "rice", "Bread"]):
        path = tmp_path / label / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(picture_bytes(number))
    (tmp_path / "broken.jpg").write_bytes(picture_bytes(50)[:-300])
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "drawing.svg").write_bytes(b"<svg/>")
    (tmp_path / "readme.txt").write_text("not a picture")
    (tmp_path / ".hidden.jpg").write_bytes(picture_bytes(51))
    return tmp_path


def run(project: Project, path: Path, labels: str = "ignore", **fields: Any) -> imports.Imported:
    return imports.run_import(
        project_id=project.pk,
        path=path,
        source="shop",
        licence="MIT",
        labels=labels,
        clock=lambda: NOW,
        **fields,
    )


def test_takes_every_good_file_and_says_why_not_the_others(project: Project, folder: Path) -> None:
    result = run(project, folder)

    assert result.stored == Image.objects.count() == 6
    assert {(refusal.name, refusal.code) for refusal in result.refused} == {
        ("broken.jpg", "truncated"),
        ("empty.png", "empty"),
        ("drawing.svg", "wrong_type"),
    }
    assert set(Image.objects.values_list("original_name", flat=True)) >= {"milk/0.jpg"}


def test_running_again_stores_nothing_twice(project: Project, folder: Path) -> None:
    run(project, folder)

    again = run(project, folder)

    assert (again.stored, again.skipped, again.duplicates) == (0, 6, 0)


def test_an_interrupted_import_goes_on_where_it_stopped(
    project: Project, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "BATCH", 2)
    calls = 0

    def interrupt(done: int, total: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(project, folder, progress=interrupt)
    before = Image.objects.count()
    assert 0 < before < 6
    assert Job.objects.get().state == JobState.CANCELLED

    result = run(project, folder)

    assert (result.skipped, result.stored) == (before, 6 - before)


def _files_of_images() -> set[str]:
    return {
        key for keys in Image.objects.values_list("storage_key", "thumbnail_key") for key in keys
    }


def test_a_batch_that_fails_counts_as_nothing_and_is_taken_again(
    project: Project, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    announce, store = images.announce, pictures.store_picture
    stored: set[str] = set()
    monkeypatch.setattr(imports, "BATCH", 3)
    failing = iter([False, True])

    def announce_or_fail(**given: Any) -> None:
        if next(failing, False):
            raise IntegrityError("the disk is full, say")
        announce(**given)

    def store_and_note(picture: pictures.Picture) -> tuple[str, str]:
        keys = store(picture)
        stored.update(keys)
        return keys

    monkeypatch.setattr(images, "announce", announce_or_fail)
    monkeypatch.setattr(pictures, "store_picture", store_and_note)
    with pytest.raises(IntegrityError):
        run(project, folder)
    job = Job.objects.get()
    # Two or three: files come in an order drawn from the job's number, and one is no picture.
    assert job.result["stored"] == Image.objects.count() > 0
    left = {key for key in stored if default_storage.exists(key)}
    assert left == _files_of_images() < stored, "no file stays behind without an image"

    run(project, folder)

    assert Image.objects.count() == 6


def test_trusted_labels_resolve_images_at_once(project: Project, folder: Path) -> None:
    result = run(project, folder, "trusted")

    resolved = Consensus.objects.filter(state=ConsensusState.RESOLVED)
    labels = sorted(resolved.values_list("label__code", flat=True))
    assert labels == ["bread", "juice", "juice", "milk", "milk"]
    assert result.unknown_labels == {"rice": 1}
    assert result.stored == 6


def test_labels_that_come_in_a_second_run_still_count(project: Project, folder: Path) -> None:
    run(project, folder)

    result = run(project, folder, "trusted")

    assert (result.stored, result.duplicates) == (0, 6)
    assert Consensus.objects.filter(state=ConsensusState.RESOLVED).count() == 5
    assert run(project, folder, "trusted").skipped == 5


def test_suggested_labels_are_only_kept(project: Project, folder: Path) -> None:
    run(project, folder, "suggested")

    assert Image.objects.filter(suggested_label__code="juice").count() == 2
    assert not Consensus.objects.exists()


def test_the_deepest_folder_that_is_a_label_counts(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "juice" / "milk" / "train" / "1.jpg"
    path.parent.mkdir(parents=True)
    path.write_bytes(picture_bytes(1))

    run(project, tmp_path, "suggested")

    label = Image.objects.get().suggested_label
    assert label is not None
    assert label.code == "milk"


def test_reads_the_rows_of_a_csv_that_are_asked_for(project: Project, folder: Path) -> None:
    table = folder / "labels.csv"
    with table.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "what", "part"])
        rows.writerow(["milk/0.jpg", "Milk", "train"])
        rows.writerow(["juice/2.jpg", "Juice", "val"])
        rows.writerow(["juice/3.jpg", "Juice", "test"])
        rows.writerow(["nowhere.jpg", "Juice", "val"])

    result = run(
        project,
        table,
        "trusted",
        path_column="file",
        label_column="what",
        split_column="part",
        splits=["train", "val"],
    )

    assert result.stored == 2
    assert [refusal.code for refusal in result.refused] == ["unreadable"]
    assert Consensus.objects.count() == 2


def test_a_missing_column_is_named(project: Project, folder: Path) -> None:
    table = folder / "labels.csv"
    table.write_text("path,label\n")

    with pytest.raises(Exception, match="no column kind; there are: path, label"):
        run(project, table, label_column="kind")

    assert Job.objects.get().state == JobState.FAILED


def test_progress_is_kept_in_a_row(project: Project, folder: Path) -> None:
    seen: list[tuple[int, int]] = []

    run(project, folder, progress=lambda done, total: seen.append((done, total)))

    job = Job.objects.get()
    assert (job.state, job.done, job.total) == (JobState.SUCCEEDED, 9, 9)
    assert job.result["stored"] == 6
    assert job.heartbeat_at == NOW
    assert seen[-1] == (9, 9)


def test_a_worker_goes_on_with_a_dead_import(project: Project, folder: Path) -> None:
    run(project, folder)
    Image.objects.filter(original_name="milk/0.jpg").delete()
    job = Job.objects.get()
    Job.objects.update(state=JobState.RUNNING)  # as a killed process leaves it

    result = imports.run_job(job_id=job.pk, clock=lambda: NOW)

    assert result.stored == 1
    job.refresh_from_db()
    assert (job.state, job.fencing_token) == (JobState.SUCCEEDED, 2)


def test_who_lost_the_job_writes_nothing_more(project: Project, folder: Path) -> None:
    def steal(done: int, total: int) -> None:
        Job.objects.update(fencing_token=99)

    with pytest.raises(imports.TakenOverError):
        run(project, folder, progress=steal)

    assert not Image.objects.exists()
    assert Job.objects.get().state == JobState.RUNNING


def test_each_batch_is_announced_once(
    project: Project,
    folder: Path,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    heard: list[list[int]] = []

    def hear(**payload: Any) -> None:
        heard.append(payload["image_ids"])

    events.images_added.connect(hear, weak=False)
    with django_capture_on_commit_callbacks(execute=True):
        run(project, folder)
    events.images_added.disconnect(hear)

    assert [sorted(ids) for ids in heard] == [sorted(Image.objects.values_list("pk", flat=True))]


def test_the_command_makes_the_project_and_reports(
    db: None, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--project", "shelf", "--source", "shop", "--licence", "MIT"]

    call_command(
        "import_images",
        str(folder),
        *arguments,
        "--labels",
        "trusted",
        "--create",
        "--classes",
        "milk,juice,bread",
    )

    out = capsys.readouterr().out
    assert "6 stored, 0 duplicates, 0 there before, 3 refused" in out
    assert "broken.jpg: truncated" in out
    assert "no label 'rice' in the scheme: 1 came without one" in out
    project = project_selectors.by_slug("shelf")
    assert project_selectors.current_scheme(project.pk).codes == ("milk", "juice", "bread")


def test_without_classes_the_folders_name_the_scheme(db: None, tmp_path: Path) -> None:
    for name in ("Soy milk", "apple"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.jpg").write_bytes(picture_bytes(1))

    call_command(
        "import_images",
        str(tmp_path),
        "--project",
        "shelf",
        "--source",
        "s",
        "--licence",
        "MIT",
        "--create",
    )

    project = project_selectors.by_slug("shelf")
    assert project_selectors.current_scheme(project.pk).names == ("apple", "Soy milk")


def test_the_command_fails_only_where_nothing_could_be_read(
    project: Project, tmp_path: Path
) -> None:
    arguments = ["--project", project.slug, "--source", "s", "--licence", "MIT"]
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff")

    with pytest.raises(CommandError, match="Not one file"):
        call_command("import_images", str(tmp_path), *arguments)
    with pytest.raises(CommandError, match="expected a folder or a CSV"):
        call_command("import_images", str(tmp_path / "nowhere"), *arguments)
    with pytest.raises(CommandError, match="add --create"):
        call_command("import_images", str(tmp_path), *arguments[2:], "--project", "nowhere")
