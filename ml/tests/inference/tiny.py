"""A compiled backbone of a few kilobytes, built with `onnx` alone: no torch in these tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ml.inference.files import INPUT, OUTPUT, file_name, metadata, sha256_of
from ml.types import Preprocessing

CROP = 8
DIM = 5
PREPROCESSING = Preprocessing(10, CROP, (0.5, 0.4, 0.3), (0.2, 0.25, 0.5))
# Row j of WEIGHTS makes embedding j out of the mean red, green and blue of the input.
WEIGHTS = np.array(
    [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1], [2, -1, 0]], dtype=np.float32
)  # (d, 3)


def write_backbone(folder: Path, name: str = "tiny", *, weights: np.ndarray = WEIGHTS) -> Path:
    """Write a backbone whose embedding is `weights @ channel means`; give its path."""
    nodes = [
        helper.make_node("GlobalAveragePool", [INPUT], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w"], [OUTPUT], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["n", 3, CROP, CROP])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["n", len(weights)])],
        [numpy_helper.from_array(weights, "w")],
    )
    opset = [helper.make_opsetid("", 18)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=10)
    helper.set_model_props(model, metadata(name, len(weights), PREPROCESSING))
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / "draft"
    onnx.save(model, draft)
    return draft.rename(folder / file_name(name, sha256_of(draft)))
