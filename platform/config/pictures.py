"""Which pictures a start of Larder loads: the user's own, or the demo's, from where they are.

The demo's are looked for in a folder that is given (LARDER_DEMO_IMAGES), then in their authors'
public archive, and where neither is to be had a small set is drawn.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.utils.text import slugify

from config import download, rendered
from labeling.services.import_sources import readable

Say = Callable[[str], None]
LABELS = ("trusted", "suggested", "ignore")
DEMO_SLUG = "demo"
DEMO_NAME = "Produce, juice and dairy"
ABOUT = (
    "Photographs of produce, juice and dairy, taken with phones in grocery shops "
    "(Klasson et al. 2019)."
)
LICENCE = "MIT"
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif", ".avif", ".gif", ".tif", ".tiff"}


@dataclass(frozen=True)
class Pictures:
    """A set of pictures and the project they go into.

    Attributes:
        source: the folder, or a CSV whose paths count from its own folder.
        label_column: the CSV's column with the label; empty for a folder tree.
        labels: what the labels that come with the pictures are worth.
        origin: the name under which the images' source is recorded.
        fetch: brings the pictures to `source` where they are not there yet.
    """

    slug: str
    name: str
    description: str
    classes: tuple[str, ...]
    source: Path
    label_column: str
    labels: str
    origin: str
    licence: str
    fetch: Callable[[Say], None] | None = None
    is_named: bool = False
    """Whether the project was chosen by name, and not by the name of the folder."""


def own(folder: Path, *, classes: str, labels: str, project: str = "") -> Pictures:
    """The user's own pictures: `make run IMAGES=folder`.

    Args:
        folder: pictures, in sub-folders or not.
        classes: comma-separated; empty to take the names of the sub-folders.
        labels: trusted, suggested or ignore; empty means ignore.
        project: its name, or slug; empty for that of the folder.

    Raises:
        ImproperlyConfigured: no such folder, no picture in it, no class, or an unknown word.
    """
    if not folder.is_dir():
        raise ImproperlyConfigured(f"IMAGES={folder}: there is no such folder.")
    if labels not in ("", *LABELS):
        raise ImproperlyConfigured(f"LABELS={labels}: expected {', '.join(LABELS)}.")
    if not any(path.suffix.lower() in SUFFIXES for path in folder.rglob("*")):
        raise ImproperlyConfigured(f"IMAGES={folder}: no picture in it.")
    names = [name.strip() for name in classes.split(",") if name.strip()]
    if not names:
        names = readable(sorted(path.name for path in folder.iterdir() if _is_open(path)))
    if not names:
        raise ImproperlyConfigured(
            f'IMAGES={folder} has no sub-folders to name the classes: add CLASSES="rice,pasta".'
        )
    name = project.strip() or folder.resolve().name
    return Pictures(
        slug=slugify(name) or "pictures",
        name=name,
        description="",
        classes=tuple(dict.fromkeys(names)),
        source=folder.resolve(),
        label_column="",
        labels=labels or "ignore",
        origin=folder.resolve().name,
        licence="not stated",
        is_named=bool(project.strip()),
    )


def _is_open(path: Path) -> bool:
    """Whether it is a folder that an import reads too."""
    return path.is_dir() and not path.name.startswith(".")


def demo(data_dir: Path, given: Path | None, *, say: Say) -> Pictures:
    """The demo's pictures, from the first place that has them.

    Raises:
        ImproperlyConfigured: LARDER_DEMO_IMAGES names a folder without a labels.csv.
    """
    if given is not None:
        return _demo(given, _classes(given), fetch=None)
    folder = data_dir / "demo"
    photographs, drawn = folder / "photographs", folder / "rendered"
    if (drawn / "labels.csv").is_file():
        return _rendered(drawn)
    if (photographs / "labels.csv").is_file() or download.is_reachable():
        return _downloaded(photographs)
    say("No network for the demo's photographs: Larder draws a small set of its own instead.")
    rendered.write(drawn)
    return _rendered(drawn)


def remember(data_dir: Path, slug: str) -> None:
    """Note the project that this start is about, for the links that are printed."""
    marker = data_dir / "run" / "project"
    marker.parent.mkdir(parents=True, exist_ok=True)
    marker.write_text(slug, encoding="utf-8")


def remembered(data_dir: Path) -> str | None:
    """The project noted by `remember`; None before there is one."""
    marker = data_dir / "run" / "project"
    return marker.read_text(encoding="utf-8") if marker.is_file() else None


def refuse_other_folder(data_dir: Path, chosen: Pictures) -> None:
    """Refuse a folder that only has its name in common with the one a project came from.

    Raises:
        ImproperlyConfigured: names both folders, and how to put them together or keep them apart.
    """
    note = _folder_note(data_dir, chosen)
    if chosen.is_named or not note.is_file():
        return
    before = note.read_text(encoding="utf-8")
    if before != str(chosen.source):
        raise ImproperlyConfigured(
            f"IMAGES={chosen.source}: the project “{chosen.name}” has its pictures from {before}. "
            f'To put these in too, add PROJECT="{chosen.name}"; to keep them apart, give another '
            f'name, as PROJECT="{chosen.name} 2".'
        )


def remember_folder(data_dir: Path, chosen: Pictures) -> None:
    """Note where the pictures of a project came from first."""
    note = _folder_note(data_dir, chosen)
    if not note.exists():
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(str(chosen.source), encoding="utf-8")


def _folder_note(data_dir: Path, chosen: Pictures) -> Path:
    return data_dir / "loaded" / f"folder-{chosen.slug}"


def known_labels(chosen: Pictures) -> dict[str, Path]:
    """Give a picture of each label that a table names, the first that is there."""
    if not chosen.label_column:
        return {}
    found: dict[str, Path] = {}
    with chosen.source.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            picture = chosen.source.parent / row["path"]
            if row[chosen.label_column] not in found and picture.is_file():
                found[row[chosen.label_column]] = picture
    return found


def is_complete(data_dir: Path, pictures: Pictures) -> bool:
    """Whether this set was loaded whole before."""
    return _completed(data_dir, pictures).is_file()


def complete(data_dir: Path, pictures: Pictures) -> None:
    """Note that a set was loaded whole."""
    marker = _completed(data_dir, pictures)
    marker.parent.mkdir(parents=True, exist_ok=True)
    marker.touch()


def _completed(data_dir: Path, pictures: Pictures) -> Path:
    digest = hashlib.sha256(f"{pictures.slug} {pictures.source}".encode()).hexdigest()
    return data_dir / "loaded" / digest[:16]


def _classes(folder: Path) -> list[str]:
    table = folder / "labels.csv"
    if not table.is_file():
        raise ImproperlyConfigured(f"LARDER_DEMO_IMAGES={folder}: there is no labels.csv in it.")
    with table.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if "coarse_label" not in (reader.fieldnames or ()):
            raise ImproperlyConfigured(f"LARDER_DEMO_IMAGES: {table} has no coarse_label column.")
        return sorted({row["coarse_label"] for row in reader})


def _demo(folder: Path, classes: list[str], *, fetch: Callable[[Say], None] | None) -> Pictures:
    return Pictures(
        slug=DEMO_SLUG,
        name=DEMO_NAME,
        description=ABOUT,
        classes=tuple(readable(classes)),
        source=folder / "labels.csv",
        label_column="coarse_label",
        labels="ignore",
        origin="grocery-store-dataset",
        licence=LICENCE,
        fetch=fetch,
    )


def _rendered(folder: Path) -> Pictures:
    return Pictures(
        slug=DEMO_SLUG,
        name="Drawn food",
        description="A small set of drawings, made by Larder itself.",
        classes=tuple(rendered.KINDS),
        source=folder / "labels.csv",
        label_column="coarse_label",
        labels="ignore",
        origin="rendered",
        licence="MIT",
    )


def _downloaded(folder: Path) -> Pictures:
    rows = download.listed()

    def fetch(say: Say) -> None:
        download.fetch(folder, rows, say=say)
        with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(("path", "fine_label", "coarse_label", "split"))
            writer.writerows(
                (row.path, row.fine_label, row.coarse_label, row.split) for row in rows
            )

    return _demo(folder, sorted({row.coarse_label for row in rows}), fetch=fetch)
