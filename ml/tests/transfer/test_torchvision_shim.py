from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.torch


def test_torchvision_can_be_imported_after_the_shim_whether_its_operators_load_or_not() -> None:
    script = """
from ml.transfer import torchvision_shim
first = torchvision_shim.ensure()
assert torchvision_shim.ensure() is first
import torch
from torchvision import models
from torchvision.transforms import v2
print(tuple(models.resnet18(weights=None)(torch.zeros(1, 3, 64, 64)).shape))
print(hasattr(torch.ops.torchvision, "nms"))
"""

    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )

    assert done.stdout.split("\n")[:2] == ["(1, 1000)", "True"]
