"""Make `import torchvision` work on a torch build that its compiled operators do not load on.

pip's torchvision is a CUDA build; beside a CPU-only torch its shared library does not load, and
then torchvision itself cannot be imported: on the way in it attaches shape functions to two
operators (`nms` and `qnms`, box suppression for detectors) that only that library declares.
Declaring their signatures is enough, since nothing here calls them. Where the library loads, the
operators exist already and nothing is done.

Whoever needs torchvision calls `ensure()` before importing it.
"""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path

import torch

OPERATORS = ("nms", "qnms")


@functools.cache
def ensure() -> bool:
    """Declare torchvision's box operators where its compiled ones do not load.

    Returns:
        True where the compiled operators loaded, False where the declarations stand in.
    """
    if _loads_compiled():
        return True
    library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for operator in OPERATORS:
        schema = f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        library.define(schema)  # type: ignore[no-untyped-call]
    _declared.append(library)
    return False


# A Library takes its operators away when it is collected: it must live as long as the process.
_declared: list[torch.library.Library] = []


def _loads_compiled() -> bool:
    """Try the shared library that torchvision itself would load."""
    package = importlib.util.find_spec("torchvision")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("torchvision is not installed; see requirements.txt")
    for file in sorted(Path(package.origin).parent.glob("_C.*")):
        try:
            torch.ops.load_library(str(file))  # type: ignore[no-untyped-call]
        except OSError:
            return False
        return hasattr(torch.ops.torchvision, "nms")
    return False
