from __future__ import annotations

import json
from dataclasses import astuple
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from labeling.models import Annotation, AnnotatorSkill, Consensus, Image, Project, QueueEntry
from labeling.selectors import adjudication, projects
from labeling.selectors import consensus as consensus_selectors
from labeling.selectors import gold as gold_selectors
from labeling.services import consensus, exports, label_groups, label_steps, schemes, slots
from labeling.tests.exports.conftest import N_IMAGES, World
from labeling.tests.factories import NOW

FORMATS = exports.FORMATS
LATER = NOW + timedelta(hours=1)


def exported(project: Project, folder: Path, file_format: str = "jsonl") -> Path:
    exports.write_folder(project_id=project.pk, folder=folder, file_format=file_format)
    return folder


def imported(folder: Path, originals: Path, slug: str = "copy") -> Project:
    call_command("import_export", str(folder), "--project", slug, "--images", str(originals))
    return Project.objects.get(slug=slug)


def tables(folder: Path) -> dict[str, Any]:
    """Everything exported, with keys replaced by their order of appearance."""
    record = json.loads((folder / "project.json").read_text(encoding="utf-8"))
    record["settings"].pop("slug")
    # The error to be expected rests on people's skills, which a copy learns in its first sweep.
    record["quality"] = {"labels": record["quality"]["labels"]}
    rows = [
        json.loads(line)
        for table in exports.TABLES
        for line in (folder / f"{table}.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    numbers: dict[Any, int] = {}
    for row in (*record["annotators"], *rows):
        for column in ("image", "annotation", "annotator", "assignment", "undoes", "split_group"):
            if row.get(column) is not None:
                row[column] = numbers.setdefault(
                    (column != "split_group", row[column]), len(numbers)
                )
    return {"record": record, "rows": rows}


@pytest.mark.parametrize("file_format", FORMATS)
def test_an_imported_project_exports_as_the_first_one_did(
    world: World, tmp_path: Path, file_format: str
) -> None:
    folder = exported(world.project, tmp_path / "first", file_format)

    copy = imported(folder, world.originals)

    before = tables(exported(world.project, tmp_path / "before"))
    after = tables(exported(copy, tmp_path / "after"))
    assert after["record"] == before["record"]
    assert after["rows"] == before["rows"]


def test_the_world_holds_all_that_the_round_trip_is_to_prove(world: World, tmp_path: Path) -> None:
    rows = tables(exported(world.project, tmp_path / "out"))["rows"]
    images, answers = rows[:N_IMAGES], [row for row in rows if "request_hash" in row]
    gold = [row for row in rows if "note" in row]
    asked = [row for row in rows if "probability" in row]

    assert {row["partition"] for row in images} == {"POOL", "AUDIT", "PENDING"}
    assert {row["state"] for row in images} >= {"RESOLVED", "DISPUTED", "OPEN", None}
    assert {row["kind"] for row in answers} >= {"LABEL", "SKIP", "FLAG", "UNDO", "NONE_OF_THESE"}
    assert {row["scheme_version"] for row in answers} >= {1, 3}
    assert any(row["withdrawn_at"] for row in answers)
    assert any(row["reason"] for row in answers)
    assert any(row["suggested_label"] for row in images)
    assert any(row["removed_at"] for row in images)
    assert any(row["flagged_at"] for row in images)
    assert sum(row["is_measured"] for row in images) == 1
    assert {bool(row["withdrawn_at"]) for row in gold} == {True, False}
    assert {row["kind"] for row in asked} == {"DISAGREEMENT", "AGREEMENT_SAMPLE"}
    assert {bool(row["annotation"]) for row in asked} == {True, False}


def test_a_copy_trains_on_the_same_labels(world: World, tmp_path: Path) -> None:
    copy = imported(exported(world.project, tmp_path / "out"), world.originals)

    first, second = (
        consensus_selectors.training_rows(project.pk) for project in (world.project, copy)
    )
    assert second.codes == first.codes
    assert second.posteriors.tolist() == first.posteriors.tolist()
    assert len(second.image_ids) == len(first.image_ids) > 0


def test_a_copy_knows_its_gold_and_what_experts_checked(world: World, tmp_path: Path) -> None:
    copy = imported(exported(world.project, tmp_path / "out"), world.originals)

    first, second = (
        (
            [(row.image.sha256, row.label.code) for row in gold_selectors.live(project.pk)],
            sorted(
                (who.display_name, found.right, found.wrong)
                for who in project.annotators.all()
                if (found := gold_selectors.tally(who.pk)).n
            ),
            sorted(
                AnnotatorSkill.objects.filter(
                    annotator__project=project, n_gold_wrong__gt=0
                ).values_list("annotator__display_name", "n_gold_right", "n_gold_wrong")
            ),
            adjudication.summary(project),
            [len(part) for part in astuple(adjudication.checks(project.pk))],
        )
        for project in (world.project, copy)
    )
    assert second == first
    assert first[1]


def test_an_export_of_before_gold_can_still_be_read(world: World, tmp_path: Path) -> None:
    folder = exported(world.project, tmp_path / "out")
    for table in ("gold", "adjudications"):
        (folder / f"{table}.jsonl").unlink()
    record = json.loads((folder / "project.json").read_text(encoding="utf-8"))
    for who in record["annotators"]:
        for column in ("pause_lifted_at", "onboarded_at", "paused_reason"):
            del who[column]
    record["format_version"] = 1
    (folder / "project.json").write_text(json.dumps(record), encoding="utf-8")

    copy = imported(folder, world.originals)

    assert copy.annotations.count() == world.project.annotations.count()
    assert gold_selectors.count(copy.pk) == 0


def test_a_copy_puts_disputes_before_its_experts(world: World, tmp_path: Path) -> None:
    copy = imported(exported(world.project, tmp_path / "out"), world.originals)

    disputed = Consensus.objects.filter(project=copy, state="DISPUTED")
    waiting = QueueEntry.objects.filter(project=copy, reason="DISPUTE", state="OPEN")
    assert disputed.exists()
    assert {entry.image_id for entry in waiting} == {found.image_id for found in disputed}


def test_a_copy_goes_on_counting_where_the_first_one_stopped(world: World, tmp_path: Path) -> None:
    copy = imported(exported(world.project, tmp_path / "out"), world.originals)

    last = max(
        answer.assignment.serve_number
        for answer in Annotation.objects.filter(project=copy).select_related("assignment")
        if answer.assignment
    )
    assert copy.serve_counter.served == last + 1


def test_a_missing_picture_stops_the_import_and_nothing_is_written(
    world: World, tmp_path: Path
) -> None:
    folder = exported(world.project, tmp_path / "out")
    (world.originals / "deep" / "6.jpg").unlink()

    with pytest.raises(CommandError, match="1 of 12 images have no picture"):
        imported(folder, world.originals)

    assert not Project.objects.filter(slug="copy").exists()
    assert Image.objects.count() == N_IMAGES


def test_an_answer_that_cannot_be_read_takes_the_whole_import_back(
    world: World, tmp_path: Path, settings: Any
) -> None:
    folder = exported(world.project, tmp_path / "out")
    with (folder / "answers.jsonl").open("a", encoding="utf-8") as file:
        file.write("{broken\n")
    stored = set(Path(settings.MEDIA_ROOT).rglob("*.jpg"))

    with pytest.raises(CommandError, match=r"answers\.jsonl, line \d+: not JSON"):
        imported(folder, world.originals)

    assert not Project.objects.filter(slug="copy").exists()
    assert set(Path(settings.MEDIA_ROOT).rglob("*.jpg")) == stored


def test_an_import_never_writes_over_a_project(world: World, tmp_path: Path) -> None:
    folder = exported(world.project, tmp_path / "out")

    with pytest.raises(CommandError, match="already"):
        imported(folder, world.originals, slug=world.project.slug)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "no project.json"),
        ("{", "not JSON"),
        ('{"format": "other"}', "expected a larder-export"),
        ("[]", "expected a larder-export"),
        (
            '{"format": "larder-export", "format_version": 1, "settings": {"is_admin": 1}}',
            "unknown settings is_admin",
        ),
    ],
)
def test_refuses_a_folder_that_is_no_export(
    db: None, tmp_path: Path, text: str | None, said: str
) -> None:
    (tmp_path / "one.jpg").write_bytes(b"x")
    if text is not None:
        (tmp_path / "project.json").write_text(text, encoding="utf-8")

    with pytest.raises(CommandError, match=said):
        imported(tmp_path, tmp_path)


def test_refuses_an_export_without_its_tables(world: World, tmp_path: Path) -> None:
    folder = exported(world.project, tmp_path / "out")
    (folder / "answers.jsonl").unlink()

    with pytest.raises(CommandError, match=r"neither answers\.jsonl nor answers\.csv"):
        imported(folder, world.originals)


def test_a_copy_reads_merged_and_split_labels_as_the_first_one_does(
    world: World, tmp_path: Path
) -> None:
    label_steps.merge_labels(
        project_id=world.project.pk, codes=["milk", "apple"], name="Cold", now=LATER
    )
    cold = projects.label(world.project.pk, "cold")
    schemes.add_label(project_id=world.project.pk, name="Tea", now=LATER)
    label_steps.split_label(label_id=cold.pk, names=["White", "Green"], now=LATER)
    label_groups.set_groups(
        project_id=world.project.pk, group_of={"white": "Any", "green": "Any"}, now=LATER
    )

    copy = imported(exported(world.project, tmp_path / "out"), world.originals)

    first, second = (
        consensus_selectors.narrowed_rows(project.pk) for project in (world.project, copy)
    )
    assert second.codes == first.codes == ("white", "green", "juice", "tea")
    (group,) = projects.current_scheme(copy.pk).groups
    assert (group.code, group.name, group.columns) == ("any", "Any", (0, 1))
    assert second.posteriors.tolist() == first.posteriors.tolist()
    assert len(second.image_ids) == len(first.image_ids) > 0
    (image,) = slots.lock_images([int(second.image_ids[0])])
    # What was said before the split is still read, and withdrawn.
    found = consensus.update(image_id=image.pk, now=LATER)
    assert (found.state, found.n_votes) == ("OPEN", 0)
    white, green, juice, _ = np.frombuffer(bytes(found.posterior), dtype=np.float32)
    assert white == green > juice
