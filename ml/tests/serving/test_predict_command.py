"""`manage.py predict`: a folder into a CSV, sorted, interrupted, resumed."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from labeling.tests.rows import Image
from ml.models import Prediction
from ml.services import folder_prediction
from ml.tests.serving.kitchen import BLUE, GREEN, RED, YELLOW, Kitchen, picture

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four pictures in two folders, one of them broken, and a text."""
    made = tmp_path / "pictures"
    (made / "shelf").mkdir(parents=True)
    (made / "a.png").write_bytes(picture(RED))
    (made / "b.PNG").write_bytes(picture(GREEN))
    (made / "broken.jpg").write_bytes(b"nothing")
    (made / "shelf" / "c.png").write_bytes(picture(BLUE))
    (made / "notes.txt").write_text("milk")
    return made


def predict(kitchen: Kitchen, folder: Path, out: Path, *more: str) -> None:
    call_command("predict", str(folder), f"--project={kitchen.project.slug}", f"--out={out}", *more)


def rows(out: Path) -> dict[str, dict[str, str]]:
    with out.open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    assert len({row["path"] for row in found}) == len(found)
    return {row["path"]: row for row in found}


def tree(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()
    )


def test_writes_a_row_a_picture_and_stores_nothing(
    served: Kitchen, folder: Path, tmp_path: Path, capsys: Any
) -> None:
    out = tmp_path / "new" / "out.csv"
    predict(served, folder, out)

    found = rows(out)
    assert {path: row["label"] for path, row in found.items()} == {
        "a.png": "apple", "b.PNG": "leek", "broken.jpg": "", "shelf/c.png": "water"
    }  # fmt: skip
    assert found["broken.jpg"]["error"].startswith("wrong_type: ")
    first = found["a.png"]
    assert (first["name"], first["accepted"], first["model_version"]) == ("Apple", "yes", "1")
    assert first["evidence"] == "PROVISIONAL"
    assert (
        float(first["probability"]) > float(first["probability_2"]) > float(first["probability_3"])
    )
    assert "4 pictures: 3 accepted, 0 not sure enough, 1 unreadable" in capsys.readouterr().out
    assert not Prediction.objects.exists()
    assert not Image.objects.exists()


def test_goes_on_where_it_stopped(
    served: Kitchen, folder: Path, tmp_path: Path, capsys: Any
) -> None:
    out = tmp_path / "out.csv"
    predict(served, folder, out)
    lines = out.read_bytes().splitlines(keepends=True)
    # Killed in the middle of the third row.
    out.write_bytes(b"".join(lines[:3]) + lines[3][:20])
    served.promote(served.version(("leek", "water", "apple")))

    predict(served, folder, out)

    found = rows(out)
    assert [row["model_version"] for row in found.values()] == ["1", "1", "", "2"]
    assert found["a.png"]["label"] == "apple"
    assert found["shelf/c.png"]["label"] == "apple"
    assert "2 pictures are in" in capsys.readouterr().out
    before = out.read_bytes()
    predict(served, folder, out)
    assert out.read_bytes() == before


def test_an_empty_csv_is_begun_anew(served: Kitchen, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    out.touch()
    predict(served, folder, out)
    assert len(rows(out)) == 4


@pytest.mark.parametrize("how", ["--copy", "--link"])
def test_sorts_by_label_and_leaves_the_originals(
    served: Kitchen, folder: Path, tmp_path: Path, how: str
) -> None:
    before = tree(folder)
    goal = tmp_path / "sorted"
    predict(served, folder, tmp_path / "out.csv", f"--sort-into={goal}", how)

    assert tree(goal) == [
        "_unreadable/broken.jpg", "apple/a.png", "leek/b.PNG", "water/shelf/c.png"
    ]  # fmt: skip
    assert (goal / "apple" / "a.png").is_symlink() == (how == "--link")
    assert (goal / "apple" / "a.png").read_bytes() == (folder / "a.png").read_bytes()
    assert tree(folder) == before


def test_what_is_not_accepted_is_kept_apart(served: Kitchen, folder: Path, tmp_path: Path) -> None:
    served.promote(served.version(threshold=1.01))
    goal = folder / "sorted"
    predict(served, folder, tmp_path / "out.csv", f"--sort-into={goal}")
    assert tree(goal / "_not_accepted") == ["a.png", "b.PNG", "shelf/c.png"]

    predict(served, folder, tmp_path / "again.csv", f"--sort-into={goal}")
    assert len(rows(tmp_path / "again.csv")) == 4


def test_a_version_can_be_pinned(served: Kitchen, folder: Path, tmp_path: Path) -> None:
    served.promote(served.version(("leek", "water", "apple")))
    predict(served, folder, tmp_path / "out.csv", "--model-version=1")
    assert rows(tmp_path / "out.csv")["a.png"]["label"] == "apple"


def test_the_api_and_the_command_agree(served: Kitchen, folder: Path, tmp_path: Path) -> None:
    from ml.tests.serving.kitchen import ask, client_with

    predict(served, folder, tmp_path / "out.csv")
    reply = ask(client_with(served.project, "predict"), served.project, picture(RED)).json()
    p = reply["results"][0]["top"][0]["probability"]
    assert float(rows(tmp_path / "out.csv")["a.png"]["probability"]) == pytest.approx(p, abs=5e-5)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--model-version=9"], "no version 9"),
        (["--sort-into={folder}"], "lies under"),
        (["--out={folder}"], "is a folder"),
        (["--out={folder}/notes.txt"], "has columns"),
        (["--project=nobody"], "nobody"),
    ],
)
def test_says_in_one_line_why_not(
    served: Kitchen, folder: Path, tmp_path: Path, more: list[str], message: str
) -> None:
    (folder / "notes.txt").write_text("milk\n")
    options = [option.format(folder=folder) for option in more]
    with pytest.raises(CommandError, match=message) as refused:
        predict(served, folder, tmp_path / "out.csv", *options)
    assert "\n" not in str(refused.value)


def test_a_folder_that_is_not_there_and_a_project_without_a_champion(
    kitchen: Kitchen, folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(CommandError, match="is not a folder"):
        predict(kitchen, folder / "none", tmp_path / "out.csv")
    with pytest.raises(CommandError, match="no classifier yet"):
        predict(kitchen, folder, tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_a_name_with_a_line_break_is_refused(served: Kitchen, folder: Path) -> None:
    (folder / "a\nb.png").write_bytes(picture())
    with pytest.raises(folder_prediction.StrangeNameError):
        folder_prediction.plan(folder=folder, out=folder / "out.csv")


def test_a_picture_that_vanishes_gets_its_row(
    served: Kitchen, folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.csv"
    todo = folder_prediction.plan(folder=folder, out=out)
    (folder / "a.png").unlink()
    done = list(
        folder_prediction.predict(
            project_id=served.project.pk, folder=folder, out=out, paths=todo.remaining,
            sort_into=tmp_path / "sorted",
        )
    )  # fmt: skip
    assert len(done) == 4
    assert rows(out)["a.png"]["error"] == "No such file or directory"


def test_a_picture_of_two_things_is_sorted_into_both_folders(
    kitchen: Kitchen, tmp_path: Path
) -> None:
    kitchen.open_several()
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "salad.png").write_bytes(picture(YELLOW))

    predict(kitchen, folder, tmp_path / "out.csv", f"--sort-into={tmp_path / 'sorted'}")

    said = rows(tmp_path / "out.csv")["salad.png"]
    assert set(said["labels"].split("|")) == {"apple", "leek"}
    assert tree(tmp_path / "sorted") == ["apple/salad.png", "leek/salad.png"]
