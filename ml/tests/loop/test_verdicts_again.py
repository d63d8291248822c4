"""Stored verdicts come out again from stored rows, and tampered ones do not."""

from __future__ import annotations

import json

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from labeling.tests.rows import Annotation, Partition
from ml.models import Comparison, ModelVersion
from ml.services import verdicts_again
from ml.tests.loop.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    """v1 proven; v2 a candidate under test; v3 from scrambled labels, refused."""
    made = World.make(pool=200, audit=60)
    made.label_some(25, Partition.AUDIT)
    made.label_some(40)
    made.refit()
    made.label_some(5)
    made.label_some(10, Partition.AUDIT)
    made.refit()
    made.label_some(60, scrambled=True)
    made.refit()
    return made


def test_every_verdict_comes_out_again(world: World) -> None:
    found = verdicts_again.of_project(world.project.pk)

    kinds = [(each.version, each.what) for each in found]
    assert kinds[:2] == [(1, "check"), (1, "certification")]
    assert (3, "check") in kinds
    assert {each.agrees for each in found} == {True}, [each.note for each in found]
    certification = found[1]
    assert certification.stored["decision"] == certification.again["decision"] == "PASSED"
    refused = next(each for each in found if each.version == 3)
    assert refused.stored["is_passed"] is False
    assert refused.again["difference"] == pytest.approx(refused.stored["difference"])


def test_a_verdict_stands_on_the_labels_and_heads_of_its_time(world: World) -> None:
    row = Comparison.objects.get(challenger__number=1)
    counted = world.answered & set(row.detail["pairs"]["image"])
    Annotation.objects.filter(image_id__in=sorted(counted)[:1]).update(withdrawn_at=world.now)
    world.label([sorted(counted)[0]], scrambled=True)
    ModelVersion.objects.filter(number=1).update(head=None)

    check, certification = verdicts_again.of_version(world.project.pk, 1)

    assert check.agrees
    assert certification.agrees
    assert certification.note == "1 of its audit labels have changed since."


@pytest.mark.parametrize("column", ["wins", "log_e"])
def test_a_number_that_was_tampered_with_is_found(world: World, column: str) -> None:
    Comparison.objects.filter(challenger__number=1).update(**{column: 3})

    with pytest.raises(CommandError, match="1 of 2 verdicts do not come out again"):
        call_command("verdict", project=world.project.slug, number=1)


def test_a_sentence_that_was_worded_otherwise_is_no_other_verdict(world: World) -> None:
    version = ModelVersion.objects.get(number=1)
    version.gate["sentence"] = "As an earlier release put it."
    version.save()

    check, _ = verdicts_again.of_version(world.project.pk, 1)

    assert check.agrees


@pytest.mark.parametrize("name", ["log_loss", "is_passed"])
def test_a_number_of_a_check_that_was_tampered_with_is_found(world: World, name: str) -> None:
    version = ModelVersion.objects.get(number=1)
    version.gate[name] = not version.gate[name] if name == "is_passed" else 0.123
    version.save()

    check, _ = verdicts_again.of_version(world.project.pk, 1)

    assert check.agrees is False
    assert name in check.note


def test_the_command_gives_stored_and_recomputed_numbers(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("verdict", project=world.project.slug, json="-")

    found = json.loads(capsys.readouterr().out)["verdicts"]
    assert all(each["agrees"] for each in found)
    assert found[1]["stored"]["log_e"] == pytest.approx(found[1]["again"]["log_e"])


def test_a_version_that_is_not_there_is_named(world: World) -> None:
    with pytest.raises(CommandError, match="no version 9"):
        call_command("verdict", project=world.project.slug, number=9)
