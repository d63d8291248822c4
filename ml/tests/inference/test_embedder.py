from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ml.inference.embedder import OnnxEmbedder
from ml.inference.files import read_backbone
from ml.tests.inference.tiny import CROP, DIM, WEIGHTS, write_backbone

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture
def embedder(tmp_path: Path) -> OnnxEmbedder:
    return OnnxEmbedder(read_backbone(write_backbone(tmp_path)), threads=1, max_batch=3)


def inputs(n: int) -> np.ndarray:
    return np.random.default_rng(n).normal(size=(n, 3, CROP, CROP)).astype(np.float32)


@pytest.mark.parametrize("n", [0, 1, 3, 4, 7])
def test_embeds_any_number_in_order(embedder: OnnxEmbedder, n: int) -> None:
    pixels = inputs(n)

    embeddings = embedder.embed(pixels)

    assert embeddings.shape == (n, DIM)
    assert embeddings.dtype == np.float32
    assert np.allclose(embeddings, pixels.mean((2, 3)) @ WEIGHTS.T, atol=1e-5)


def test_embeds_the_picture_it_preprocessed(embedder: OnnxEmbedder) -> None:
    pixels = embedder.preprocess(Image.new("RGB", (20, 30), (255, 51, 0)))

    first = embedder.embed(pixels[None])[0]

    assert np.allclose(first[:3], [2.5, -0.8, -0.6], atol=1e-5)


def test_refuses_inputs_of_another_shape_or_type(embedder: OnnxEmbedder) -> None:
    with pytest.raises(ValueError, match=r"\(n, 3, 8, 8\)"):
        embedder.embed(np.zeros((2, 3, 4, 4), dtype=np.float32))
    with pytest.raises(ValueError, match="float64"):
        embedder.embed(np.zeros((2, 3, CROP, CROP)))  # type: ignore[arg-type]


def test_names_its_backbone_and_engine(embedder: OnnxEmbedder) -> None:
    embedder.warm()

    assert embedder.dim == DIM
    assert embedder.digest == embedder.backbone.digest
    assert embedder.provider in {"CPUExecutionProvider", "CUDAExecutionProvider"}


def test_refuses_no_threads(embedder: OnnxEmbedder) -> None:
    with pytest.raises(ValueError, match="threads=0"):
        OnnxEmbedder(embedder.backbone, threads=0)


def test_embedding_an_image_imports_no_torch(tmp_path: Path) -> None:
    path = write_backbone(tmp_path)
    script = f"""
import sys
from pathlib import Path
from PIL import Image
from ml.inference import embedder, files, pipeline, preprocess
engine = embedder.OnnxEmbedder(files.read_backbone(Path({str(path)!r})), threads=1)
[batch] = pipeline.embed_stream(engine, [lambda: Image.new("RGB", (9, 9))])
heavy = sorted({{"torch", "torchvision", "onnx", "sklearn", "scipy", "django"}} & set(sys.modules))
print(batch.shape, heavy)
"""

    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "(1, 5) []"
