"""Who lets a version serve: nobody need, a manager, or nobody may."""

from __future__ import annotations

import pytest

from labeling.services import projects
from labeling.tests import factories
from labeling.tests.rows import AuditEvent, Partition, QueueEntry
from ml.models import Champion, Comparison, Evidence, ModelState, ModelVersion
from ml.services import deployment
from ml.services import registry as registry_services
from ml.tests.loop.world import World

pytestmark = pytest.mark.django_db


def _asking(mode: str = "ASK", audit: int = 0) -> World:
    """A world whose v1 serves; from now on the mode holds. v2 is the first it is asked about."""
    world = World.make(pool=200, audit=audit)
    world.label_some(20)
    world.refit()
    projects.update_settings(project_id=world.project.pk, now=world.now, deployment_mode=mode)
    return world


def _more(world: World, labels: int) -> ModelVersion:
    world.label_some(labels)
    world.refit()
    return ModelVersion.objects.latest("number")


def _manager(world: World) -> int:
    return int(factories.make_member(world.project, "MANAGER").pk)


def _say_yes(world: World, version: ModelVersion) -> ModelVersion:
    return deployment.approve(
        project_id=world.project.pk,
        version_id=version.pk,
        user_id=_manager(world),
        now=world.now,
    )


def test_a_head_that_passed_waits_and_the_queue_learns_from_it_all_the_same() -> None:
    world = _asking()

    second = _more(world, 3)

    assert second.state == ModelState.CHALLENGER
    assert Champion.objects.get().model_version.number == 1
    entries = QueueEntry.objects.filter(reason="ACQUIRED", state="OPEN")
    assert set(entries.values_list("model_version", flat=True)) == {second.public_id}


def test_one_head_waits_at_a_time_and_a_tenth_more_labels_replace_it() -> None:
    world = _asking()
    second = _more(world, 3)

    third = _more(world, 1)
    fourth = _more(world, 2)

    second.refresh_from_db()
    assert (third.state, third.verdict) == (
        ModelState.RETIRED,
        "Not offered: v2 waits; the next one is offered at 26 labels.",
    )
    assert (second.state, fourth.state) == (ModelState.RETIRED, ModelState.CHALLENGER)
    assert second.verdict == "Not served: v4 took its place before anybody said yes."


def test_a_managers_yes_lets_it_serve_and_is_written_down() -> None:
    world = _asking()
    second = _more(world, 3)

    served = _say_yes(world, second)

    assert served.state == ModelState.CHAMPION
    assert served.approved_at == world.now
    assert Champion.objects.get().model_version_id == second.pk
    assert AuditEvent.objects.get(verb="version_approved").target == "v2"
    with pytest.raises(deployment.NotWaitingError, match="v2 does not wait"):
        _say_yes(world, second)


def test_a_head_that_was_set_aside_is_followed_by_one_with_a_tenth_more_labels() -> None:
    world = _asking()
    second = _more(world, 3)

    deployment.decline(
        project_id=world.project.pk,
        version_id=second.pk,
        user_id=_manager(world),
        reason="It calls oat milk milk.",
        now=world.now,
    )

    second.refresh_from_db()
    assert (second.state, second.verdict) == (ModelState.REJECTED, "It calls oat milk milk.")
    assert _more(world, 1).verdict.startswith("Not offered: v2 was set aside;")
    assert _more(world, 2).state == ModelState.CHALLENGER


def test_a_roll_back_withdraws_what_was_compared_with_the_version_that_served() -> None:
    world = World.make(pool=200)
    for labels in (20, 3):
        _more(world, labels)
    projects.update_settings(project_id=world.project.pk, now=world.now, deployment_mode="ASK")
    third = _more(world, 4)
    assert third.state == ModelState.CHALLENGER

    registry_services.roll_back(
        project_id=world.project.pk, to_version_id=None, user_id=None, reason="No.", now=world.now
    )

    third.refresh_from_db()
    assert third.state == ModelState.RETIRED
    assert third.verdict == registry_services.OVERTAKEN


def test_a_shadow_is_measured_and_proven_but_never_serves() -> None:
    world = _asking("SHADOW", audit=60)
    world.label_some(30, Partition.AUDIT)

    shadow = _more(world, 10)

    comparison = Comparison.objects.get(kind="CERTIFICATION", challenger=shadow)
    assert comparison.decision == "PASSED"
    assert (shadow.state, shadow.evidence) == (ModelState.CHALLENGER, Evidence.PROVEN)
    pointer = Champion.objects.get()
    assert (pointer.model_version.number, pointer.proven) == (1, None)
    with pytest.raises(deployment.OnlyMeasuredError):
        _say_yes(world, shadow)

    projects.update_settings(project_id=world.project.pk, now=world.now, deployment_mode="ASK")
    _say_yes(world, shadow)
    pointer.refresh_from_db()
    assert pointer.model_version_id == pointer.proven_id == shadow.pk


def test_back_in_the_automatic_mode_the_next_head_serves_and_nothing_waits() -> None:
    world = _asking()
    second = _more(world, 3)
    projects.update_settings(
        project_id=world.project.pk, now=world.now, deployment_mode="AUTOMATIC"
    )

    third = _more(world, 1)

    second.refresh_from_db()
    assert third.state == ModelState.CHAMPION
    assert second.state == ModelState.RETIRED
