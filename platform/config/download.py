"""Fetch the demo's photographs from their authors' public archive, checked and resumable.

The archive is read to a file that is taken up where it broke off (HTTP Range), then the files of
our list are taken out of it, each by its SHA-256. What does not fit the list is never written.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import tarfile
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

MANIFEST = Path(__file__).with_name("demo_manifest.csv.gz")
COMMIT = "fc80ba9"
ARCHIVE = f"https://github.com/marcusklasson/GroceryStoreDataset/archive/{COMMIT}.tar.gz"
INSIDE = "/dataset/"
CHUNK_BYTES = 1 << 20
TIMEOUT_S = 20
PARTIAL, UNSATISFIABLE = 206, 416


class DownloadFailedError(Exception):
    """The set could not be fetched whole; the message says why, in one line."""


@dataclass(frozen=True)
class Listed:
    """One photograph of the list."""

    sha256: str
    path: str
    fine_label: str
    coarse_label: str
    split: str


def listed(manifest: Path = MANIFEST) -> list[Listed]:
    """Read the list of photographs."""
    with gzip.open(manifest, "rt", encoding="utf-8", newline="") as file:
        return [Listed(**row) for row in csv.DictReader(file)]


def is_reachable(url: str = ARCHIVE) -> bool:
    """Whether the archive's host answers within a few seconds."""
    request = urllib.request.Request(url, method="HEAD")  # noqa: S310 - our own https address
    try:
        with urllib.request.urlopen(request, timeout=5):  # noqa: S310
            return True
    except (urllib.error.URLError, TimeoutError, OSError):
        return False


def fetch(
    folder: Path,
    rows: list[Listed],
    *,
    say: Callable[[str], None],
    url: str = ARCHIVE,
) -> None:
    """Put every listed photograph into `folder`; those already there and right are kept.

    Raises:
        DownloadFailedError: the network failed, or the archive does not hold what is listed. What
            has arrived stays, and the next call goes on from there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing = {row.path: row for row in rows if not _is_there(folder, row)}
    if not missing:
        return
    archive = folder / "archive.tar.gz.part"
    _read_on(url, archive, say)
    try:
        _take_out(archive, folder, missing)
    except (tarfile.TarError, EOFError, gzip.BadGzipFile) as error:
        raise DownloadFailedError(f"The archive is damaged ({error}).") from None
    finally:
        # Whole or useless by now: a damaged one must not be taken up again.
        archive.unlink(missing_ok=True)
    if missing:
        first = next(iter(missing))
        raise DownloadFailedError(
            f"{len(missing)} photographs of the archive are missing or changed, first {first}."
        )


def _is_there(folder: Path, row: Listed) -> bool:
    path = folder / row.path
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == row.sha256


def _read_on(url: str, target: Path, say: Callable[[str], None]) -> None:
    have = target.stat().st_size if target.exists() else 0
    headers = {"Range": f"bytes={have}-"} if have else {}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - our own https address
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            is_partial = answer.status == PARTIAL
            with target.open("ab" if is_partial else "wb") as file:
                done = have if is_partial else 0
                _copy(answer, file, done, _expected(answer.headers, done), say)
    except urllib.error.HTTPError as error:
        if error.code != UNSATISFIABLE:  # already whole
            raise DownloadFailedError(f"{url} answered {error.code}.") from None
    except OSError as error:
        raise DownloadFailedError(f"{url}: {error}") from None


def _expected(headers: Mapping[str, str], have: int) -> int | None:
    length = headers.get("Content-Length")
    return have + int(length) if length else None


def _copy(
    answer: io.BufferedIOBase,
    file: io.BufferedIOBase,
    done: int,
    expected: int | None,
    say: Callable[[str], None],
) -> None:
    told = done
    while chunk := answer.read(CHUNK_BYTES):
        file.write(chunk)
        done += len(chunk)
        if done - told >= 10 * CHUNK_BYTES:
            told = done
            of = f" of {expected / 1e6:.0f}" if expected else ""
            say(f"Downloading the photographs: {done / 1e6:.0f}{of} MB")
    if expected is not None and done < expected:
        raise OSError(f"the connection ended at {done} of {expected} bytes")


def _take_out(archive: Path, folder: Path, missing: dict[str, Listed]) -> None:
    """Write the files that are listed and right, and take them off `missing`."""
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            row = missing.get(member.name.partition(INSIDE)[2])
            content = tar.extractfile(member) if row and member.isfile() else None
            if row is None or content is None:
                continue
            data = content.read()
            if hashlib.sha256(data).hexdigest() == row.sha256:
                path = folder / row.path
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
                del missing[row.path]
