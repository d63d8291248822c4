from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import torch
from safetensors.torch import save_file

from ml.transfer import torchvision_shim
from ml.transfer.backbones import (
    BACKBONES,
    BackboneUnknownError,
    WeightsMismatchError,
    WeightsMissingError,
    load_backbone,
    random_backbone,
    spec,
)

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("name", sorted(BACKBONES))
def test_every_registered_backbone_gives_embeddings_of_its_size(name: str) -> None:
    backbone = random_backbone(name)
    crop = spec(name).preprocessing.crop_px

    with torch.inference_mode():
        embeddings = backbone(torch.zeros(2, 3, crop, crop))

    assert embeddings.shape == (2, spec(name).dim)
    assert not backbone.training


def test_lite0_stages_compute_what_the_published_network_computes() -> None:
    network: Any = spec("efficientnet-lite0").network().eval()
    pixels = torch.randn(1, 3, 224, 224)

    with torch.inference_mode():
        expected = network.extract_features(pixels).mean((2, 3))
        found = spec("efficientnet-lite0").staged(network).eval()(pixels)

    assert torch.allclose(found, expected, atol=1e-5)


def test_lite0_knows_photographs_from_its_package() -> None:
    backbone = load_backbone("efficientnet-lite0")
    untrained = random_backbone("efficientnet-lite0")

    norms = [dict(b.named_modules())["stages.0.1"].running_mean for b in (backbone, untrained)]

    assert norms[0].abs().max() > 0.1
    assert norms[1].abs().max() == 0


def test_lite0_is_fed_as_it_was_trained() -> None:
    preprocessing = spec("efficientnet-lite0").preprocessing

    assert (preprocessing.resize_px, preprocessing.crop_px) == (256, 224)
    assert preprocessing.mean[0] * 255 == pytest.approx(127)
    assert preprocessing.std[0] * 255 == pytest.approx(128)


def test_reads_a_local_safetensors_file_of_a_torchvision_network(tmp_path: Path) -> None:
    network = spec("resnet18").network()
    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    pixels = torch.randn(1, 3, 224, 224)

    loaded = load_backbone("resnet18", weights_path=tmp_path / "weights.safetensors")

    with torch.inference_mode():
        network.eval().fc = torch.nn.Identity()
        assert torch.allclose(loaded(pixels), network(pixels), atol=1e-5)


def test_refuses_the_weights_of_another_network(tmp_path: Path) -> None:
    save_file(spec("resnet18").network().state_dict(), tmp_path / "weights.safetensors")

    with pytest.raises(WeightsMismatchError, match="resnet50"):
        load_backbone("resnet50", weights_path=tmp_path / "weights.safetensors")


def test_refuses_a_file_that_is_no_safetensors(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1)}, tmp_path / "weights.pth")

    with pytest.raises(WeightsMismatchError, match="no safetensors"):
        load_backbone("resnet18", weights_path=tmp_path / "weights.pth")


def test_says_where_a_missing_weights_file_should_be(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissingError, match="nowhere"):
        load_backbone("resnet18", weights_path=tmp_path / "nowhere.safetensors")


def test_a_failed_download_tells_of_the_local_file(monkeypatch: pytest.MonkeyPatch) -> None:
    torchvision_shim.ensure()
    monkeypatch.setenv("TORCH_HOME", "/nonexistent")

    def no_network(*_: object, **__: object) -> None:
        raise URLError("no network")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", no_network)

    with pytest.raises(WeightsMissingError, match="--weights"):
        load_backbone("resnet18")


def test_an_unknown_name_gets_the_list_of_known_ones() -> None:
    with pytest.raises(BackboneUnknownError, match="efficientnet-lite0"):
        load_backbone("resnet-9000")
