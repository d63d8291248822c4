from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save

from ml.heads.codec import UnreadableHeadError, from_bytes, to_bytes
from ml.heads.ridge import fit_ridge, predict
from ml.tests.heads.builders import blobs


def test_a_head_comes_back_as_it_was() -> None:
    labeled = blobs(np.random.default_rng(1))
    head = fit_ridge(labeled).head

    again = from_bytes(to_bytes(head))

    np.testing.assert_allclose(again.weights, head.weights, rtol=1e-6)
    np.testing.assert_allclose(again.bias, head.bias, rtol=1e-6)
    np.testing.assert_array_equal(again.centre, head.centre)
    assert again.label_order == head.label_order
    assert (again.temperature, again.regularisation) == (head.temperature, head.regularisation)
    np.testing.assert_allclose(
        predict(again, labeled.embeddings), predict(head, labeled.embeddings), atol=1e-6
    )


def test_one_head_has_one_encoding() -> None:
    head = fit_ridge(blobs(np.random.default_rng(2))).head

    assert to_bytes(head) == to_bytes(from_bytes(to_bytes(head)))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a head at all",
        to_bytes(fit_ridge(blobs(np.random.default_rng(3))).head)[:-8],
        save({"weights": np.zeros((2, 2), dtype=np.float32)}),
        save(
            {"weights": np.zeros((2, 2), dtype=np.float32)}, metadata={"head": '{"kind": "other"}'}
        ),
    ],
    ids=["empty", "garbage", "truncated", "no metadata", "another kind"],
)
def test_refuses_bytes_that_hold_no_head(content: bytes) -> None:
    with pytest.raises(UnreadableHeadError):
        from_bytes(content)


def test_refuses_a_head_whose_labels_and_columns_disagree() -> None:
    head = fit_ridge(blobs(np.random.default_rng(4))).head

    with pytest.raises(UnreadableHeadError, match="shapes disagree"):
        from_bytes(to_bytes(replace(head, label_order=("only", "two"))))
