"""The `Embedder` that runs an exported backbone through ONNX Runtime."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
from PIL import Image

from ml.inference.files import INPUT, OUTPUT
from ml.inference.preprocess import to_input
from ml.types import BackboneFile, Embeddings

# Inputs a run. Measured with EfficientNet-Lite0 on two cores, two runs at a time with one thread
# each: 1, 2 and 4 inputs give about 220 images/s and 8.9 to 9.1 core-ms an image, 8 takes 9.4, as
# its activations leave the cache. One run at a time with two threads gives 180 to 200 images/s and
# costs 10 % more processor time: its threads wait for each other after every layer. A GPU wants
# many.
CPU_BATCH = 2
CUDA_BATCH = 64


class OnnxEmbedder:
    """Embeds pictures with one compiled backbone. Safe to call from several threads.

    Uses CUDA where the installed ONNX Runtime offers it, else the CPU. The engine keeps the memory
    of its activations (its arena grows with batch shapes, and there are two at most): without,
    every layer's were given back to the system and came as fresh pages, a tenth to a third of a
    run. Several runs of one thread each go on side by side, so that no thread waits for another
    in the middle of a picture.
    """

    def __init__(
        self, backbone: BackboneFile, *, threads: int, max_batch: int | None = None
    ) -> None:
        """Load the backbone.

        Args:
            backbone: from `files.read_backbone` or `files.find_backbone`.
            threads: how many runs of one call go on at a time on the CPU, at least 1.
            max_batch: more inputs than this are embedded in several runs; None takes what was
                measured to be fastest for the engine found.
        """
        if threads < 1 or (max_batch is not None and max_batch < 1):
            raise ValueError(f"threads={threads}, max_batch={max_batch}: expected at least 1.")
        self.backbone = backbone
        self._session = ort.InferenceSession(backbone.path, _options(), providers=_providers())
        on_cuda = self.provider == "CUDAExecutionProvider"
        self.max_batch = max_batch or (CUDA_BATCH if on_cuda else CPU_BATCH)
        self._runs_at_a_time = 1 if on_cuda else threads
        self._pool = ThreadPoolExecutor(self._runs_at_a_time, thread_name_prefix="embed")

    @property
    def dim(self) -> int:
        """Length d of a vector."""
        return self.backbone.dim

    @property
    def digest(self) -> str:
        """SHA-256 of the compiled backbone: two embedders with one digest agree."""
        return self.backbone.digest

    @property
    def provider(self) -> str:
        """What the engine runs on, e.g. `CPUExecutionProvider`."""
        return str(self._session.get_providers()[0])

    def preprocess(self, picture: Image.Image) -> npt.NDArray[np.float32]:
        """Give the (3, crop, crop) float32 input of one RGB picture."""
        return to_input(picture, self.backbone.preprocessing)

    def embed(self, inputs: npt.NDArray[np.float32]) -> Embeddings:
        """Give the (n, d) float32 embeddings of (n, 3, crop, crop) inputs; n may be 0."""
        crop = self.backbone.preprocessing.crop_px
        if inputs.shape[1:] != (3, crop, crop) or inputs.dtype != np.float32:
            raise ValueError(
                f"Expected float32 of shape (n, 3, {crop}, {crop}), got {inputs.dtype} "
                f"of shape {inputs.shape}."
            )
        parts = [
            np.ascontiguousarray(inputs[start : start + self.max_batch])
            for start in range(0, len(inputs), self.max_batch)
        ]
        if not parts:
            return np.empty((0, self.dim), dtype=np.float32)
        if len(parts) == 1 or self._runs_at_a_time == 1:
            return np.concatenate([self._run(part) for part in parts])
        return np.concatenate(list(self._pool.map(self._run, parts)))

    def _run(self, part: npt.NDArray[np.float32]) -> Embeddings:
        embedded: Embeddings = self._session.run([OUTPUT], {INPUT: part})[0]
        return embedded

    def warm(self) -> None:
        """Run once with one image and once with a full batch, so that no later call is first."""
        crop = self.backbone.preprocessing.crop_px
        self.embed(np.zeros((1, 3, crop, crop), dtype=np.float32))
        self.embed(np.zeros((self.max_batch, 3, crop, crop), dtype=np.float32))


def _options() -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return options


def _providers() -> list[str]:
    """Give the engines to try, best first."""
    offered = set(ort.get_available_providers())
    return [name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in offered]
