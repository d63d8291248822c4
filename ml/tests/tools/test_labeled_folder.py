from __future__ import annotations

from pathlib import Path

import pytest

from ml.services.labeled_folder import LabeledFolderError, read_labeled_folder


def folder(tmp_path: Path, *rows: str, header: str = "path,label") -> Path:
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "a.jpg").write_bytes(b"a")
    (tmp_path / "train" / "b.jpg").write_bytes(b"b")
    (tmp_path / "labels.csv").write_text("\n".join([header, *rows]), encoding="utf-8")
    return tmp_path


def read(tmp_path: Path) -> list[tuple[str, str]]:
    found = read_labeled_folder(
        images=tmp_path, labels=tmp_path / "labels.csv", label_column="label"
    )
    return [(picture.name, picture.label) for picture in found]


def test_reads_rows_in_the_order_of_the_file(tmp_path: Path) -> None:
    rows = ("train/b.jpg,Milk", "train/a.jpg,Leek")

    assert read(folder(tmp_path, *rows)) == [("train/b.jpg", "Milk"), ("train/a.jpg", "Leek")]


def test_reads_a_file_that_a_spreadsheet_has_saved(tmp_path: Path) -> None:
    assert read(folder(tmp_path, "train/a.jpg,Milk", header="\ufeffpath,label"))


def test_a_whole_folder_may_be_missing_and_a_single_picture_may_not(tmp_path: Path) -> None:
    assert len(read(folder(tmp_path, "train/a.jpg,Milk", "test/z.jpg,Milk"))) == 1

    (tmp_path / "labels.csv").write_text("path,label\ntrain/z.jpg,Milk\n", encoding="utf-8")
    with pytest.raises(LabeledFolderError, match=r"line 2: 'train/z\.jpg' is not in"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("../../etc/passwd,Milk", "leaves the folder"),
        ("train/a.jpg,", "has no label"),
        ("test/a.jpg,Milk", "none of its 1 pictures"),
    ],
)
def test_refuses_rows_that_cannot_be_used(tmp_path: Path, row: str, said: str) -> None:
    with pytest.raises(LabeledFolderError, match=said):
        read(folder(tmp_path, row))
