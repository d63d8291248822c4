from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ml.inference.embedder import OnnxEmbedder
from ml.inference.files import find_backbone, read_backbone
from ml.transfer.backbones import load_backbone, spec
from ml.transfer.export import ExportDiffersError, export_onnx

pytestmark = pytest.mark.torch


def test_the_compiled_file_gives_the_torch_embeddings_for_any_batch(
    tmp_path: Path, tiny: str
) -> None:
    module = load_backbone(tiny)

    backbone = export_onnx(module, spec(tiny).preprocessing, tmp_path, name=tiny)

    engine = OnnxEmbedder(backbone, threads=1, max_batch=64)
    for n in (1, 5, 17):
        pixels = torch.randn(n, 3, 32, 32)
        with torch.inference_mode():
            assert np.allclose(engine.embed(pixels.numpy()), module(pixels), atol=1e-5)


def test_the_file_says_who_it_is_and_how_to_feed_it(tmp_path: Path, tiny: str) -> None:
    backbone = export_onnx(load_backbone(tiny), spec(tiny).preprocessing, tmp_path, name="tuned-1")

    assert backbone == find_backbone(tmp_path, "tuned-1") == read_backbone(Path(backbone.path))
    assert backbone.dim == spec(tiny).dim
    assert backbone.preprocessing == spec(tiny).preprocessing
    assert Path(backbone.path).name == f"tuned-1-{backbone.digest[:16]}.onnx"


def test_the_same_weights_give_the_same_bytes_and_other_weights_others(
    tmp_path: Path, tiny: str
) -> None:
    module = load_backbone(tiny)
    digests = [
        export_onnx(module, spec(tiny).preprocessing, tmp_path / str(i), name=tiny).digest
        for i in range(2)
    ]
    with torch.no_grad():
        next(module.parameters()).add_(0.01)

    changed = export_onnx(module, spec(tiny).preprocessing, tmp_path, name=tiny)

    assert digests[0] == digests[1] != changed.digest


class Drifting(nn.Module):
    """Computes something else while it is being traced."""

    def forward(self, pixels: Tensor) -> Tensor:
        means = pixels.mean((2, 3))
        return means + 1 if torch.onnx.is_in_onnx_export() else means


def test_a_compiled_file_that_differs_is_refused_and_leaves_nothing(
    tmp_path: Path, tiny: str
) -> None:
    with pytest.raises(ExportDiffersError, match="differs from torch by 1"):
        export_onnx(Drifting(), spec(tiny).preprocessing, tmp_path, name="drifting")

    assert list(tmp_path.iterdir()) == []


def test_exporting_leaves_the_callers_random_numbers_alone(tmp_path: Path, tiny: str) -> None:
    module = load_backbone(tiny)
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)

    export_onnx(module, spec(tiny).preprocessing, tmp_path, name=tiny)

    assert torch.rand(1) == expected
