"""Compiled backbones on disk: one ONNX file that carries its own name and preprocessing.

A file is called `<name>-<first 16 hex digits of its SHA-256>.onnx`, so a half-written or altered
file gives itself away, and two versions of one backbone lie side by side.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

from ml.errors import MlError
from ml.types import BackboneFile, Preprocessing

INPUT = "pixels"  # (n, 3, crop, crop) float32
OUTPUT = "embedding"  # (n, d) float32
NAME_KEY = "larder.name"
DIM_KEY = "larder.dim"
PREPROCESSING_KEY = "larder.preprocessing"
DIGEST_IN_NAME = 16


class BackboneMissingError(MlError):
    """There is no compiled backbone of that name on this host."""

    code = "backbone_missing"
    status = 503


class BackboneCorruptError(MlError):
    """A file is not the compiled backbone it says it is."""

    code = "backbone_corrupt"
    status = 503


def file_name(name: str, digest: str) -> str:
    """Give the name under which a compiled backbone is kept."""
    return f"{name}-{digest[:DIGEST_IN_NAME]}.onnx"


def sha256_of(path: Path) -> str:
    """Give the SHA-256 of a file as 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_backbone(path: Path, *, digest: str | None = None) -> BackboneFile:
    """Check a compiled backbone and say how to feed it. Takes about 50 ms for 13 MB.

    Args:
        path: the ONNX file.
        digest: the SHA-256 it must have; without one, the digits in the file's name count.

    Raises:
        BackboneMissingError: there is no such file.
        BackboneCorruptError: the bytes are not the ones promised, or no metadata of ours is inside:
            worth refusing, because a wrong backbone would embed without any error.
    """
    if not path.is_file():
        raise BackboneMissingError(f"There is no backbone file {path.name}.", file=path.name)
    found = sha256_of(path)
    promised = digest or path.stem.rpartition("-")[2]
    if not re.fullmatch(r"[0-9a-f]{16,64}", promised) or not found.startswith(promised):
        raise BackboneCorruptError(
            f"Backbone file {path.name} is damaged or renamed: its SHA-256 starts with "
            f"{found[:DIGEST_IN_NAME]}. Delete it and run: manage.py export_backbone",
            file=path.name,
        )
    return _described(path, found)


def find_backbone(folder: Path, name: str) -> BackboneFile:
    """Give the newest compiled backbone called `name` in a folder, checked.

    Raises:
        BackboneMissingError: there is none; the message names the command that makes it.
        BackboneCorruptError: the newest one is damaged.
    """
    pattern = re.compile(re.escape(name) + rf"-[0-9a-f]{{{DIGEST_IN_NAME}}}\.onnx")
    files = [path for path in folder.glob("*.onnx") if pattern.fullmatch(path.name)]
    if not files:
        raise BackboneMissingError(
            f"Backbone {name} is not in {folder}. Run: manage.py export_backbone "
            "(needs requirements.txt), or copy the folder from a host that did.",
            backbone=name,
        )
    return read_backbone(max(files, key=lambda path: (path.stat().st_mtime_ns, path.name)))


def metadata(name: str, dim: int, preprocessing: Preprocessing) -> dict[str, str]:
    """Give the key-value pairs an exporter writes into the ONNX file."""
    return {
        NAME_KEY: name,
        DIM_KEY: str(dim),
        PREPROCESSING_KEY: json.dumps(preprocessing.to_json(), sort_keys=True),
    }


def _described(path: Path, digest: str) -> BackboneFile:
    """Read name, size and preprocessing out of the file's metadata."""
    import onnxruntime as ort  # noqa: PLC0415 - 0.3 s that the web's start does not pay

    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    pairs: dict[str, str] = session.get_modelmeta().custom_metadata_map
    try:
        return BackboneFile(
            name=pairs[NAME_KEY],
            path=str(path),
            digest=digest,
            dim=int(pairs[DIM_KEY]),
            preprocessing=Preprocessing.from_json(json.loads(pairs[PREPROCESSING_KEY])),
        )
    except KeyError as missing:
        raise BackboneCorruptError(
            f"{path.name} is no backbone exported by Larder: it lacks {missing}.", file=path.name
        ) from None
