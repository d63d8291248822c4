"""A head as bytes: safetensors, so that reading one can never run code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from ml.errors import MlError
from ml.types import Head, Sigmoids

if TYPE_CHECKING:
    from collections.abc import Mapping

_KIND = "larder-head-1"
_SEVERAL = "larder-head-several-1"
"""With several labels an image; an older release refuses it instead of answering by a softmax."""
_ENTRY = "head"
_TENSORS = ("weights", "bias", "centre")
_SIGMOIDS = ("slope", "offset", "thresholds")


class UnreadableHeadError(MlError):
    """The bytes do not hold a head that this version can read."""

    code = "unreadable_head"
    status = 500


def to_bytes(head: Head) -> bytes:
    """Write a head: weights and bias as float32, the centre as float64, the rest as text."""
    from safetensors.numpy import save  # noqa: PLC0415 (kept off the web's import path)

    tensors: dict[str, np.ndarray[Any, Any]] = {
        "weights": np.ascontiguousarray(head.weights, dtype=np.float32),
        "bias": np.ascontiguousarray(head.bias, dtype=np.float32),
        "centre": np.ascontiguousarray(head.centre, dtype=np.float64),
    }
    if head.several is not None:
        for name in _SIGMOIDS:
            tensors[name] = np.ascontiguousarray(getattr(head.several, name), dtype=np.float64)
    fields = {
        "kind": _KIND if head.several is None else _SEVERAL,
        "temperature": float(head.temperature),
        "regularisation": float(head.regularisation),
        "label_order": head.label_order,
    }
    # One entry: safetensors writes several in no fixed order, and one head needs one digest.
    return save(tensors, metadata={_ENTRY: json.dumps(fields)})


def from_bytes(content: bytes) -> Head:
    """Read what `to_bytes` wrote.

    Raises:
        UnreadableHeadError: not safetensors, not a head, of another kind, or of shapes that
            disagree; serving it would give wrong answers without failing.
    """
    from safetensors import SafetensorError  # noqa: PLC0415
    from safetensors.numpy import load  # noqa: PLC0415

    try:
        head = _head(load(content), _fields(content))
    except (SafetensorError, KeyError, ValueError) as error:
        message = f"These {len(content)} bytes hold no readable head ({error}); fit it again."
        raise UnreadableHeadError(message) from error
    return head


def _fields(content: bytes) -> dict[str, Any]:
    """Read our entry of the safetensors header: its length in 8 bytes, then JSON."""
    length = int.from_bytes(content[:8], "little")
    fields: dict[str, Any] = json.loads(json.loads(content[8 : 8 + length])["__metadata__"][_ENTRY])
    return fields


def _head(tensors: Mapping[str, np.ndarray[Any, Any]], fields: Mapping[str, Any]) -> Head:
    if fields["kind"] not in (_KIND, _SEVERAL):
        message = f"kind is {fields['kind']!r}, expected {_KIND!r} or {_SEVERAL!r}"
        raise ValueError(message)
    weights, bias, centre = (tensors[name].astype(np.float64) for name in _TENSORS)
    label_order = tuple(fields["label_order"])
    if weights.shape != (len(centre), len(bias)) or len(bias) != len(label_order):
        message = f"shapes disagree: {weights.shape}, {bias.shape}, {centre.shape}"
        raise ValueError(message)
    temperature, regularisation = float(fields["temperature"]), float(fields["regularisation"])
    several = _sigmoids(tensors, len(bias)) if fields["kind"] == _SEVERAL else None
    return Head(weights, bias, centre, temperature, regularisation, label_order, several)


def _sigmoids(tensors: Mapping[str, np.ndarray[Any, Any]], k: int) -> Sigmoids:
    slope, offset, thresholds = (tensors[name].astype(np.float64) for name in _SIGMOIDS)
    if {slope.shape, offset.shape, thresholds.shape} != {(k,)}:
        message = f"shapes disagree: {slope.shape}, {offset.shape}, {thresholds.shape} of {k}"
        raise ValueError(message)
    return Sigmoids(slope, offset, thresholds)
