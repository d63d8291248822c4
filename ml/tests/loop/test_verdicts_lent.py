"""A verdict rests on answers alone, when it is made and when it is computed again."""

from __future__ import annotations

import pytest

from ml.models import ModelVersion
from ml.services import verdicts_again
from ml.tests.loop.test_lending import Bursts, _fewer_groups

__all__ = ["_fewer_groups"]

pytestmark = pytest.mark.django_db


def test_a_verdict_comes_out_again_where_something_was_lent() -> None:
    bursts = Bursts(30)
    bursts.calibrate()
    bursts.world.label([bursts.bursts[9][1]])
    assert bursts.world.refit().kind == "deployed"

    found = verdicts_again.of_project(bursts.world.project.pk)

    assert ModelVersion.objects.latest("number").metrics["lending"]["n_lent"] > 0
    assert [each.agrees for each in found] == [True, True], [each.note for each in found]
    assert found[1].again["n_compared"] == 21  # the 22nd is of a burst seen before
