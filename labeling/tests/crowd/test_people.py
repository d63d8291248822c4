"""Staff and people: paused by gold or by hand, lifted, given a role, forgotten."""

from __future__ import annotations

import uuid

import pytest

from labeling.models import (
    Annotator,
    AnnotatorSkill,
    Assignment,
    AssignmentState,
    AuditEvent,
    Consensus,
    CoordinatorMessage,
    Image,
    Job,
    JobState,
    Membership,
    Project,
    Role,
    User,
)
from labeling.tests import factories, worlds
from labeling.tests.crowd.browser import Browser, Json
from labeling.tests.crowd.conftest import Browse

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(browse: Browse, manager: User) -> Browser:
    return browse(manager)


@pytest.fixture
def gold(browse: Browse, expert: User, project: Project) -> list[Image]:
    """Nothing but gold, all of it milk; whoever is surely below 0.6 after 5 is paused."""
    images = worlds.make_images(project, 20)
    browse(expert).set_gold(images, "milk")
    Project.objects.filter(pk=project.pk).update(
        gold_serving_share=1.0, skill_floor=0.6, skill_min_gold=5
    )
    return images


def answer_gold(tab: Browser, label: str, times: int) -> Json:
    reply: Json = {}
    for _ in range(times):
        reply = tab.answer(tab.claim()["assignments"][0], label)
    return reply


def person(staff: Browser, who: Annotator) -> Json:
    found: Json = staff.get(f"staff/projects/{staff.slug}/people/{who.public_id}")
    return found


def pause(staff: Browser, who: Annotator, *, paused: bool, why: str = "") -> Json:
    address = f"staff/projects/{staff.slug}/people/{who.public_id}/pause"
    done: Json = staff.post(address, {"paused": paused, "why": why})
    return done


def test_who_is_surely_below_the_floor_is_paused_and_told_kindly(
    browse: Browse, staff: Browser, volunteer: Annotator, gold: list[Image]
) -> None:
    tab = browse(volunteer)

    fourth = answer_gold(tab, "juice", 4)
    fifth = answer_gold(tab, "juice", 1)

    assert fourth["done"] is None
    assert fifth["assignments"] == []
    assert fifth["done"]["code"] == "annotator_paused"
    assert "kept" in fifth["done"]["message"]
    found = person(staff, volunteer)
    assert (found["paused"], found["paused_reason"]) == (True, "skill")
    assert (found["gold"]["right"], found["gold"]["wrong"]) == (0, 5)
    assert found["gold"]["interval"]["high"] < 0.6
    assert found["events"][0]["verb"] == "annotator_paused"
    assert found["events"][0]["by"] is None


def test_nobody_is_paused_for_a_bad_start_alone(
    browse: Browse, volunteer: Annotator, gold: list[Image]
) -> None:
    tab = browse(volunteer)
    answer_gold(tab, "milk", 2)

    # 2 of 5: P(skill < 0.6) is 0.82, not 0.95.
    assert answer_gold(tab, "juice", 3)["done"] is None


def test_what_a_paused_person_held_goes_to_others(
    browse: Browse, volunteer: Annotator, gold: list[Image]
) -> None:
    answer_gold(browse(volunteer), "juice", 5)

    held = Assignment.objects.filter(annotator=volunteer, state=AssignmentState.OPEN)
    assert not held.exists()


def test_a_lift_sticks_until_new_gold_speaks_against_it(
    browse: Browse, staff: Browser, volunteer: Annotator, gold: list[Image]
) -> None:
    tab = browse(volunteer)
    answer_gold(tab, "juice", 5)

    lifted = pause(staff, volunteer, paused=False, why="We talked.")

    assert not lifted["paused"]
    assert lifted["pause_lifted_at"] is not None
    assert lifted["events"][0]["verb"] == "annotator_pause_lifted"
    assert lifted["events"][0]["by"] == "manager"
    assert lifted["events"][0]["detail"]["why"] == "We talked."
    assert answer_gold(tab, "juice", 4)["done"] is None
    assert answer_gold(tab, "juice", 1)["done"]["code"] == "annotator_paused"


def test_staff_pause_and_their_word_is_told_to_the_person(
    browse: Browse, staff: Browser, volunteer: Annotator, gold: list[Image]
) -> None:
    tab = browse(volunteer)
    held = tab.claim()["assignments"]

    done = pause(staff, volunteer, paused=True, why="Copies from a list.")
    again = pause(staff, volunteer, paused=True)

    held_now = Assignment.objects.filter(annotator=volunteer, state=AssignmentState.OPEN)
    assert not held_now.exists()
    assert (done["paused"], done["paused_reason"]) == (True, "staff")
    assert done["paused_at"] == again["paused_at"]
    refused = tab.answer(held[0], status=403)
    assert refused["code"] == "annotator_paused"
    assert refused["message"] == tab.claim()["done"]["message"]
    assert "Copies" not in refused["message"]


def test_an_expert_is_not_paused_by_gold(
    browse: Browse, project: Project, gold: list[Image]
) -> None:
    other = factories.make_member(project, Role.EXPERT)

    assert answer_gold(browse(other), "juice", 6)["done"] is None


def test_the_list_says_who_answers_how_well(
    browse: Browse, staff: Browser, volunteer: Annotator, gold: list[Image]
) -> None:
    answer_gold(browse(volunteer), "milk", 3)
    AnnotatorSkill.objects.filter(annotator=volunteer).update(
        n_right=8.0,
        n_wrong=2.0,
        by_label={"milk": [6.0, 0.0], "juice": [2.0, 2.0]},
        confusions={"juice>milk": 2.0, "juice>juice": 2.0, "milk>milk": 6.0},
    )

    listed = staff.get(f"staff/projects/{staff.slug}/people")
    row = next(one for one in listed if one["display_name"] == volunteer.display_name)
    found = person(staff, volunteer)

    assert row["id"] == str(volunteer.public_id)
    assert row["answers"] == 3
    assert row["gold"]["right"] == 3
    # Beta(1 + 8, 1 + 2): mean 9 / 12.
    assert row["skill"]["estimate"] == pytest.approx(0.75)
    assert row["skill"]["low"] < 0.75 < row["skill"]["high"]
    assert [one["code"] for one in found["by_label"]] == ["juice", "milk"]
    assert found["confused"] == [
        {
            "truth": {"code": "juice", "name": "Juice"},
            "said": {"code": "milk", "name": "Milk"},
            "count": 2.0,
        }
    ]
    assert {one["said"] for one in found["recent"]} == {"milk"}
    assert {one["stands"] for one in found["recent"]} == {"milk"}
    assert {(one["said_name"], one["stands_name"]) for one in found["recent"]} == {("Milk", "Milk")}


def test_somebody_of_another_project_is_not_found(staff: Browser, other_project: Project) -> None:
    stranger = factories.make_annotator(other_project)
    address = f"/api/v1/staff/projects/{staff.slug}/people/{stranger.public_id}"

    response = staff.client.get(address)

    assert (response.status_code, response.json()["code"]) == (404, "person_not_found")


def test_anonymising_takes_the_name_and_leaves_the_answers(
    browse: Browse, staff: Browser, volunteer: Annotator, gold: list[Image]
) -> None:
    tab = browse(volunteer)
    answer_gold(tab, "milk", 2)
    tab.post(f"projects/{tab.slug}/messages", {"text": "It is me, Vera!"}, status=204)
    address = f"staff/projects/{staff.slug}/people/{volunteer.public_id}/anonymise"

    refused = staff.post(address, {"display_name": "Somebody else"}, status=400)
    done = staff.post(address, {"display_name": volunteer.display_name})

    assert refused["code"] == "name_does_not_match"
    assert done["anonymised"]
    assert volunteer.display_name not in str(done)
    assert done["answers"] == 2
    (message,) = staff.get(f"staff/projects/{staff.slug}/messages")
    assert "Vera" not in message["text"]
    volunteer.refresh_from_db()
    assert (volunteer.user_id, volunteer.resume_digest) == (None, None)
    assert AuditEvent.objects.filter(verb="annotator_anonymised").count() == 1
    claim = tab.client.post(f"/api/v1/projects/{tab.slug}/assignments", {"client": "x"})
    assert claim.status_code in {401, 404}


def test_a_member_who_is_anonymised_leaves_the_project(staff: Browser, project: Project) -> None:
    user = factories.make_member(project, Role.EXPERT, "vera")
    row = factories.make_expert_annotator(project, user)
    address = f"staff/projects/{staff.slug}/people/{row.public_id}/anonymise"

    staff.post(address, {"display_name": "vera"})

    assert not Membership.objects.filter(user=user, ended_at__isnull=True).exists()


def test_a_manager_does_not_unmake_an_owner_by_taking_their_name(
    staff: Browser, browse: Browse, project: Project, owner: User
) -> None:
    vera = factories.make_member(project, Role.OWNER, "vera")
    row = factories.make_expert_annotator(project, vera)
    address = f"staff/projects/{staff.slug}/people/{row.public_id}/anonymise"

    refused = staff.post(address, {"display_name": "vera"}, status=403)

    assert refused["code"] == "role_too_low"
    row.refresh_from_db()
    assert row.anonymised_at is None
    assert Membership.objects.filter(user=vera, ended_at__isnull=True).exists()
    assert browse(owner).post(address, {"display_name": "vera"})["anonymised"]


def role(staff: Browser, who: Annotator, wanted: str | None, *, status: int = 200) -> Json:
    address = f"staff/projects/{staff.slug}/people/{who.public_id}/role"
    done: Json = staff.post(address, {"role": wanted}, status=status)
    return done


def test_a_manager_makes_experts_and_no_managers(
    staff: Browser, project: Project, manager: User
) -> None:
    row = factories.make_expert_annotator(project, factories.make_member(project, Role.VOLUNTEER))

    assert role(staff, row, "EXPERT")["role"] == "EXPERT"
    assert role(staff, row, "MANAGER", status=403)["code"] == "role_too_low"
    assert role(staff, row, None)["role"] == "VOLUNTEER"
    verbs = AuditEvent.objects.filter(project=project, verb="role_set", user=manager)
    assert verbs.count() == 2


def test_an_owner_makes_managers_and_stays_while_alone(
    browse: Browse, project: Project, owner: User
) -> None:
    tab = browse(owner)
    row = factories.make_expert_annotator(project, factories.make_member(project, Role.EXPERT))
    mine = factories.make_expert_annotator(project, owner)

    assert role(tab, row, "MANAGER")["role"] == "MANAGER"
    assert role(tab, mine, "EXPERT", status=409)["code"] == "last_owner"


def test_a_role_needs_an_account(staff: Browser, volunteer: Annotator) -> None:
    refused = role(staff, volunteer, "EXPERT", status=409)

    assert refused["code"] == "no_account"
    assert "invitation" in refused["message"]


def test_a_message_is_ticked_off_and_moves_down(
    staff: Browser, volunteer: Annotator, project: Project
) -> None:
    for text in ("first", "second"):
        CoordinatorMessage.objects.create(
            project=project, annotator=volunteer, text=text, created_at=worlds.NOW
        )
    listed = staff.get(f"staff/projects/{staff.slug}/messages")
    newest = listed[0]

    done = staff.post(
        f"staff/projects/{staff.slug}/messages/{newest['id']}/handled", {"handled": True}
    )

    assert done["handled_at"] is not None
    again = staff.get(f"staff/projects/{staff.slug}/messages")
    assert [one["id"] for one in again] == [listed[1]["id"], newest["id"]]
    open_again = staff.post(
        f"staff/projects/{staff.slug}/messages/{newest['id']}/handled", {"handled": False}
    )
    assert open_again["handled_at"] is None
    missing = staff.post(
        f"staff/projects/{staff.slug}/messages/999999/handled", {"handled": True}, status=404
    )
    assert missing["code"] == "not_found"


def test_an_unknown_person_is_not_found(staff: Browser) -> None:
    address = f"staff/projects/{staff.slug}/people/{uuid.uuid4()}/pause"

    assert staff.post(address, {"paused": True}, status=404)["code"] == "person_not_found"


def test_answers_are_set_aside_and_taken_back_in(
    staff: Browser, volunteer: Annotator, other_volunteer: Annotator, project: Project
) -> None:
    images = worlds.make_images(project, 2)
    for image in images:
        worlds.direct(volunteer, image, "juice")
    address = f"staff/projects/{staff.slug}/people/{volunteer.public_id}/quarantine"

    aside = staff.post(address, {"quarantined": True, "why": "A robot."})
    without = Consensus.objects.get(image=images[0])
    back = staff.post(address, {"quarantined": False})
    again = Consensus.objects.select_related("label").get(image=images[0])

    assert aside["quarantined"]
    assert aside["events"][0]["verb"] == "annotator_quarantined"
    assert aside["events"][0]["by"] == "manager"
    assert (without.n_votes, without.label) == (0, None)
    assert not back["quarantined"]
    assert back["events"][0]["verb"] == "quarantine_lifted"
    assert again.label is not None
    assert (again.n_votes, again.label.code) == (1, "juice")


def test_how_far_setting_aside_has_come_is_told_until_it_is_over(
    staff: Browser, project: Project
) -> None:
    ada, kim = (worlds.make_annotator(project, name) for name in ("Ada", "Kim"))
    job = Job.objects.create(
        project=project,
        kind="replay",
        state=JobState.RUNNING,
        done=3,
        total=12,
        settings={"annotator": ada.pk},
        created_at=worlds.NOW,
    )

    assert person(staff, ada)["replay"] == {"done": 3, "total": 12}
    assert person(staff, kim)["replay"] is None
    Job.objects.filter(pk=job.pk).update(state=JobState.SUCCEEDED)
    assert person(staff, ada)["replay"] is None
