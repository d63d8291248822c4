"""The demo's photographs arrive whole and right, or not at all."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from config import download
from config.download import DownloadFailedError, Listed

CONTENTS = {f"train/Apple/apple-{n}.jpg": bytes([n]) * 5000 for n in range(4)}
ROWS = [
    Listed(hashlib.sha256(data).hexdigest(), path, "Apple", "Apple", "train")
    for path, data in CONTENTS.items()
]


def _archive(contents: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as tar:
        for path, data in {**contents, "../escape.jpg": b"out", "LICENCE": b"x"}.items():
            info = tarfile.TarInfo(f"GroceryStoreDataset-abc/dataset/{path}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


@dataclass
class Host:
    """A host of one archive; it can break off after some bytes."""

    archive: bytes
    url: str = ""
    breaks_after: int | None = None
    knows_ranges: bool = True
    ranges: list[str | None] = field(default_factory=list)


@pytest.fixture
def host() -> Iterator[Host]:
    host = Host(_archive(CONTENTS))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            host.ranges.append(asked)
            start = int(asked.split("=")[1].rstrip("-")) if asked and host.knows_ranges else 0
            body = host.archive[start:]
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: host.breaks_after])

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    host.url = f"http://127.0.0.1:{server.server_port}/archive.tar.gz"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield host
    server.shutdown()
    server.server_close()


def _fetch(folder: Path, host: Host) -> None:
    download.fetch(folder, ROWS, say=lambda _line: None, url=host.url)


def _files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_takes_out_what_is_listed_and_nothing_else(tmp_path: Path, host: Host) -> None:
    _fetch(tmp_path / "set", host)

    assert _files(tmp_path) == {f"set/{path}": data for path, data in CONTENTS.items()}


def test_goes_on_where_the_connection_broke(tmp_path: Path, host: Host) -> None:
    host.breaks_after = 100
    with pytest.raises(DownloadFailedError, match="ended at 100 of"):
        _fetch(tmp_path, host)

    host.breaks_after = None
    _fetch(tmp_path, host)

    assert host.ranges == [None, "bytes=100-"]
    assert _files(tmp_path) == CONTENTS


def test_starts_over_with_a_host_that_knows_no_ranges(tmp_path: Path, host: Host) -> None:
    host.breaks_after, host.knows_ranges = 100, False
    with pytest.raises(DownloadFailedError):
        _fetch(tmp_path, host)

    host.breaks_after = None
    _fetch(tmp_path, host)

    assert _files(tmp_path) == CONTENTS


def test_asks_for_nothing_when_all_is_there(tmp_path: Path, host: Host) -> None:
    _fetch(tmp_path, host)
    _fetch(tmp_path, host)

    assert len(host.ranges) == 1


def test_refuses_a_changed_photograph(tmp_path: Path, host: Host) -> None:
    changed = next(iter(CONTENTS))
    host.archive = _archive({**CONTENTS, changed: b"something else"})

    with pytest.raises(DownloadFailedError, match=f"1 photographs .* first {changed}"):
        _fetch(tmp_path, host)

    assert changed not in _files(tmp_path)


def test_a_host_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DownloadFailedError, match="refused"):
        download.fetch(tmp_path, ROWS, say=print, url="http://127.0.0.1:9/archive.tar.gz")


def test_the_list_names_every_photograph_once_with_its_class() -> None:
    rows = download.listed()

    assert len({row.path for row in rows}) == len(rows) == 2936
    assert len({row.coarse_label for row in rows}) == 43
    assert {row.split for row in rows} == {"train", "val"}
    assert all(len(row.sha256) == 64 for row in rows)
