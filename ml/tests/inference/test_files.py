from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx
import pytest

from ml.inference.files import (
    BackboneCorruptError,
    BackboneMissingError,
    find_backbone,
    read_backbone,
    sha256_of,
)
from ml.tests.inference.tiny import DIM, PREPROCESSING, WEIGHTS, write_backbone


def test_reads_back_name_size_and_preprocessing(tmp_path: Path) -> None:
    path = write_backbone(tmp_path)

    backbone = read_backbone(path)

    assert (backbone.name, backbone.dim, backbone.path) == ("tiny", DIM, str(path))
    assert backbone.digest == sha256_of(path)
    assert backbone.preprocessing == PREPROCESSING


def test_refuses_a_file_with_one_bit_turned(tmp_path: Path) -> None:
    path = write_backbone(tmp_path)
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)

    with pytest.raises(BackboneCorruptError, match=path.name):
        read_backbone(path)


def test_refuses_a_truncated_file(tmp_path: Path) -> None:
    path = write_backbone(tmp_path)
    path.write_bytes(path.read_bytes()[:200])

    with pytest.raises(BackboneCorruptError, match="export_backbone"):
        read_backbone(path)


def test_refuses_another_file_than_the_digest_asked_for(tmp_path: Path) -> None:
    path = write_backbone(tmp_path)

    with pytest.raises(BackboneCorruptError):
        read_backbone(path, digest="0" * 64)


def test_a_name_without_digits_promises_nothing_and_is_refused(tmp_path: Path) -> None:
    path = write_backbone(tmp_path).rename(tmp_path / "backbone.onnx")

    with pytest.raises(BackboneCorruptError):
        read_backbone(path)
    assert read_backbone(path, digest=sha256_of(path)).name == "tiny"


def test_refuses_an_onnx_file_of_somebody_else(tmp_path: Path) -> None:
    path = write_backbone(tmp_path)
    graph = onnx.load(path)
    del graph.metadata_props[:]
    onnx.save(graph, path)

    with pytest.raises(BackboneCorruptError, match=r"larder\.name"):
        read_backbone(path, digest=sha256_of(path))


def test_finds_the_newest_of_one_name_and_no_longer_name(tmp_path: Path) -> None:
    old = write_backbone(tmp_path)
    new = write_backbone(tmp_path, weights=2 * WEIGHTS)
    longer = write_backbone(tmp_path, "tiny-tuned")
    for age, path in enumerate((longer, new, old)):
        os.utime(path, (1000 - age, 1000 - age))

    assert find_backbone(tmp_path, "tiny").path == str(new)
    assert find_backbone(tmp_path, "tiny-tuned").path == str(longer)


@pytest.mark.parametrize("folder", ["empty", "not-there"])
def test_a_missing_backbone_names_the_command_that_makes_it(tmp_path: Path, folder: str) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(BackboneMissingError, match=r"manage\.py export_backbone") as refusal:
        find_backbone(tmp_path / folder, "tiny")
    assert refusal.value.code == "backbone_missing"


def test_two_different_backbones_have_different_digests(tmp_path: Path) -> None:
    one = read_backbone(write_backbone(tmp_path))
    other = read_backbone(write_backbone(tmp_path, weights=WEIGHTS + np.float32(1)))

    assert one.digest != other.digest
