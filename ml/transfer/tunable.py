"""A backbone cut in two for fine-tuning: a frozen trunk, a tuned tail, and a linear head."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from ml.errors import MlError
from ml.transfer.backbones import Backbone
from ml.types import Embeddings, Head

# On a CPU the trunk is fastest in small pieces (100 images/s at 4, 22 at 32): its first layers'
# activations then stay in the cache and need no fresh memory from the system.
CPU_PIECE = 4


class DeviceMissingError(MlError):
    """A device was asked for that this host has not."""

    code = "device_missing"
    status = 503


class LinearHead(nn.Module):
    """A `Head` as a torch module: softmax of its output is the head's probabilities.

    The temperature is folded into weights and bias, so that a learning rate means the same
    whatever the temperature.
    """

    def __init__(self, head: Head) -> None:
        super().__init__()
        self.centre: Tensor
        self.register_buffer("centre", _float(head.centre))
        self.weight = nn.Parameter(_float(head.temperature * head.weights.T).contiguous())
        self.bias = nn.Parameter(_float(head.temperature * head.bias))

    def forward(self, embeddings: Tensor) -> Tensor:
        """Give the (n, k) logits of (n, d) raw embeddings."""
        rows = functional.normalize(embeddings - self.centre, dim=1, eps=1e-6)
        return functional.linear(rows, self.weight, self.bias)


class Tunable:
    """The trunk, tail and head of one fine-tune, on one device."""

    def __init__(self, backbone: Backbone, tuned_stages: int, device: torch.device) -> None:
        """Freeze all but the last `tuned_stages` stages.

        Batch norm keeps the statistics it has (evaluation mode throughout): a few hundred
        pictures would estimate them worse. Its scale and shift are tuned in the tail.
        """
        stages = list(backbone.stages.children())
        if not 1 <= tuned_stages <= len(stages):
            raise ValueError(f"tuned_stages={tuned_stages}: expected 1 to {len(stages)}.")
        self.device = device
        self.backbone = backbone.eval().to(device)
        # torch 2.13 takes this argument but its type stubs do not know it.
        self.backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.backbone.requires_grad_(requires_grad=False)
        cut = len(stages) - tuned_stages
        self.trunk = nn.Sequential(*stages[:cut])
        self.tail_stages = stages[cut:]
        self.tail = nn.Sequential(*self.tail_stages, backbone.pool, nn.Flatten(1))
        self.tail.requires_grad_()

    def activations(self, pixels: Tensor) -> Tensor:
        """Run the frozen trunk on (n, 3, crop, crop) inputs, without gradients."""
        piece = CPU_PIECE if self.device.type == "cpu" else len(pixels)
        with torch.no_grad(), self.precision():
            parts = [
                self.trunk(part.to(self.device, memory_format=torch.channels_last))
                for part in torch.split(pixels, piece)
            ]
        return torch.cat(parts)

    def embed(self, batches: Iterable[Tensor]) -> Embeddings:
        """Run the tail on batches of trunk activations; give all (n, d) embeddings."""
        with torch.no_grad():
            parts = [self.tail(part.to(self.device).float()).float().cpu() for part in batches]
        embeddings: Embeddings = torch.cat(parts).numpy()
        return embeddings

    def precision(self) -> torch.autocast:
        """Compute in bfloat16 on CUDA, in float32 on the CPU."""
        return torch.autocast(
            self.device.type, dtype=torch.bfloat16, enabled=self.device.type == "cuda"
        )

    def tail_state(self) -> dict[str, Tensor]:
        """Copy the tail's weights."""
        return copy.deepcopy(self.tail.state_dict())

    def released(self) -> Backbone:
        """Give the backbone back on the CPU, laid out as it came, learning nothing."""
        self.backbone.requires_grad_(requires_grad=False).cpu()
        self.backbone.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        return self.backbone

    def parameter_groups(
        self, head: LinearHead, *, head_lr: float, backbone_lr: float, layer_decay: float,
        weight_decay: float,
    ) -> list[dict[str, object]]:  # fmt: skip
        """Give AdamW its groups: the nearer to the input a stage, the smaller its rate.

        Vectors (biases, scales) are not decayed.
        """
        layers: list[tuple[float, list[nn.Parameter]]] = [(head_lr, list(head.parameters()))]
        # The pooling may hold a norm (ConvNeXt): it counts with the last stage.
        last = [*self.tail_stages[-1].parameters(), *self.backbone.pool.parameters()]
        layers.append((backbone_lr, last))
        for depth, stage in enumerate(reversed(self.tail_stages[:-1]), start=1):
            layers.append((backbone_lr * layer_decay**depth, list(stage.parameters())))
        return [
            {"params": chosen, "lr": rate, "weight_decay": decay}
            for rate, parameters in layers
            for is_matrix, decay in ((True, weight_decay), (False, 0.0))
            if (chosen := [p for p in parameters if (p.ndim > 1) is is_matrix])
        ]


def choose_device(name: str) -> torch.device:
    """Give the device called `cpu`, `cuda` or `auto` (CUDA where there is one).

    Raises:
        DeviceMissingError: CUDA was asked for and there is none.
    """
    has_cuda = torch.cuda.is_available()
    if name == "cuda" and not has_cuda:
        raise DeviceMissingError("Device cuda: this host has no CUDA device. Use auto or cpu.")
    if name not in {"auto", "cpu", "cuda"}:
        raise ValueError(f"device={name!r}: expected auto, cpu or cuda.")
    return torch.device("cuda" if has_cuda and name != "cpu" else "cpu")


def device_name(device: torch.device) -> str:
    """Give a name for people and bills."""
    return "cpu" if device.type == "cpu" else f"cuda ({torch.cuda.get_device_name(device)})"


def batches_of(rows: npt.NDArray[np.int64], size: int) -> Iterator[npt.NDArray[np.int64]]:
    """Cut row positions into batches."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _float(array: npt.NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(np.asarray(array, dtype=np.float32).copy())
