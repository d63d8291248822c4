"""Gold: set by experts, handed out unseen, counted for whoever answers."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.utils import timezone

from labeling.models import (
    Annotation,
    Annotator,
    AnnotatorSkill,
    Assignment,
    AuditEvent,
    Consensus,
    GoldReference,
    Image,
    Partition,
    Project,
    Reason,
    User,
)
from labeling.selectors import consensus as consensus_selectors
from labeling.selectors import gold as gold_selectors
from labeling.services import label_groups, quarantine
from labeling.tests import worlds
from labeling.tests.crowd.conftest import Browse

pytestmark = pytest.mark.django_db


@pytest.fixture
def images(project: Project) -> list[Image]:
    return worlds.make_images(project, 4)


def serve_only_gold(project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(gold_serving_share=1.0)


def test_an_expert_sets_many_at_once_and_reads_them_back(
    browse: Browse, expert: User, images: list[Image]
) -> None:
    tab = browse(expert)

    done = tab.set_gold(images[:3], "juice", note="Look at the lid.")

    assert [one["status"] for one in done["results"]] == ["set"] * 3
    listed = tab.get(f"projects/{tab.slug}/gold")
    assert listed["n"] == 3
    assert listed["next"] is None
    assert {row["image"]["id"] for row in listed["results"]} == {
        str(image.public_id) for image in images[:3]
    }
    first = listed["results"][0]
    assert first["label"] == {"code": "juice", "name": "Juice"}
    assert (first["note"], first["set_by"]) == ("Look at the lid.", "expert")
    assert first["answers"] == {"right": 0, "wrong": 0}


def test_a_reference_decides_the_image_for_the_head_too(
    browse: Browse, expert: User, volunteer: Annotator, project: Project, images: list[Image]
) -> None:
    worlds.direct(volunteer, images[0], "juice")
    browse(expert).set_gold(images[:1], "milk")

    consensus = Consensus.objects.get(image=images[0])

    assert consensus.is_expert
    assert consensus.label is not None
    assert consensus.label.code == "milk"
    rows = consensus_selectors.training_rows(project.pk)
    column = rows.codes.index("milk")
    assert rows.posteriors[list(rows.image_ids).index(images[0].pk)][column] == 1.0


def test_another_label_replaces_the_reference_and_the_same_changes_nothing(
    browse: Browse, expert: User, images: list[Image]
) -> None:
    tab = browse(expert)
    tab.set_gold(images[:1], "milk")

    again = tab.set_gold(images[:1], "milk")
    other = tab.set_gold(images[:1], "juice")

    assert again["results"][0]["status"] == "unchanged"
    assert other["results"][0]["status"] == "changed"
    live = GoldReference.objects.get(image=images[0], withdrawn_at__isnull=True)
    assert live.label.code == "juice"
    assert Consensus.objects.get(image=images[0]).label == live.label


@pytest.mark.parametrize(
    ("partition", "code"),
    [(Partition.AUDIT, "audit_image"), (Partition.PENDING, "not_ready")],
)
def test_an_image_that_measures_or_may_yet_is_refused(
    browse: Browse, expert: User, project: Project, partition: str, code: str
) -> None:
    image = worlds.make_images(project, 1)[0]
    Image.objects.filter(pk=image.pk).update(partition=partition)

    (result,) = browse(expert).set_gold([image])["results"]

    assert (result["status"], result["code"]) == ("refused", code)
    assert result["message"]
    assert not GoldReference.objects.exists()


def test_one_refused_reference_stops_no_other(
    browse: Browse, expert: User, images: list[Image]
) -> None:
    tab = browse(expert)
    done = tab.post(
        f"projects/{tab.slug}/gold",
        {
            "references": [
                {"image": str(uuid.uuid4()), "label": "milk"},
                {"image": str(images[0].public_id), "label": "no-such-label"},
                {"image": str(images[1].public_id), "label": "milk"},
            ]
        },
    )

    assert [one["code"] for one in done["results"]] == ["image_not_found", "unknown_label", None]
    assert done["n"] == 1


def test_volunteers_can_neither_set_nor_read_references(
    browse: Browse, volunteer: Annotator, images: list[Image]
) -> None:
    tab = browse(volunteer)
    body = {"references": [{"image": str(images[0].public_id), "label": "milk"}]}

    refused = tab.post(f"projects/{tab.slug}/gold", body, status=403)

    assert refused["code"] == "role_too_low"
    assert tab.client.get(f"/api/v1/projects/{tab.slug}/gold").status_code == 403
    address = f"/api/v1/projects/{tab.slug}/gold/{images[0].public_id}"
    assert tab.client.get(address).status_code == 403


def test_serving_starts_with_the_twentieth_reference_and_ends_below(
    browse: Browse, expert: User, project: Project
) -> None:
    tab = browse(expert)
    images = worlds.make_images(project, 20)

    assert tab.set_gold(images[:19])["serving_share"] == 0
    assert tab.set_gold(images[19:])["serving_share"] == 0.05
    withdrawn = tab.post(
        f"projects/{tab.slug}/gold/withdraw", {"images": [str(images[0].public_id)]}
    )

    assert withdrawn == {"n": 19, "serving_share": 0, "withdrawn": 1}


def test_a_share_that_staff_chose_is_left_alone(
    browse: Browse, expert: User, manager: User, project: Project
) -> None:
    images = worlds.make_images(project, 20)
    staff = browse(manager)
    for share in (0.1, 0.0):
        staff.client.patch(
            f"/api/v1/staff/projects/{project.slug}",
            {"gold_serving_share": share},
            format="json",
        )

    assert browse(expert).set_gold(images)["serving_share"] == 0


def test_everybody_gets_each_gold_image_once(
    browse: Browse, expert: User, project: Project, images: list[Image]
) -> None:
    browse(expert).set_gold(images[:3])
    serve_only_gold(project)

    for name in ("Ada", "Ben"):
        who = worlds.make_annotator(project, name)
        tab = browse(who)
        held = tab.claim()["assignments"]
        while held:
            held = tab.answer(held[0])["assignments"]
        rows = Assignment.objects.filter(annotator=who, reason=Reason.GOLD)
        seen = sorted(rows.values_list("image_id", flat=True))
        assert seen == sorted(image.pk for image in images[:3])


def gold_score(who: Annotator) -> tuple[int, int]:
    skill = AnnotatorSkill.objects.get(annotator=who)
    return skill.n_gold_right, skill.n_gold_wrong


def test_gold_answers_are_counted_by_the_first_one_to_each_image(
    browse: Browse, expert: User, volunteer: Annotator, project: Project, images: list[Image]
) -> None:
    # The page's reply tells gold from acquired images: whoever could put an answer right after it
    # could answer at random and take care of gold alone.
    browse(expert).set_gold(images[:3], "milk")
    serve_only_gold(project)
    tab = browse(volunteer)
    first, second, third = tab.claim()["assignments"]

    tab.answer(first, "milk")
    wrong = tab.answer(second, "juice")
    tab.answer(third, kind="CANT_TELL")

    assert gold_score(volunteer) == (1, 1)
    again = tab.undo(wrong["annotation"]["id"])["assignment"]
    assert gold_score(volunteer) == (1, 1)
    tab.answer(again, "milk")
    assert gold_score(volunteer) == (1, 1)


def test_nobody_looks_for_gold_by_an_answer_that_says_nothing(
    browse: Browse, expert: User, volunteer: Annotator, project: Project, images: list[Image]
) -> None:
    browse(expert).set_gold(images[:2], "milk")
    serve_only_gold(project)
    tab = browse(volunteer)
    first, second = tab.claim()["assignments"][:2]

    tab.answer(first, "juice")
    looked = tab.answer(second, kind="CANT_TELL")
    tab.answer(tab.undo(looked["annotation"]["id"])["assignment"], "milk")

    assert gold_score(volunteer) == (0, 1)


def test_an_answer_put_right_after_a_pause_was_lifted_is_no_new_one(
    browse: Browse, expert: User, volunteer: Annotator, project: Project, images: list[Image]
) -> None:
    browse(expert).set_gold(images[:1], "milk")
    serve_only_gold(project)
    tab = browse(volunteer)
    wrong = tab.answer(tab.claim()["assignments"][0], "juice")
    lifted = timezone.now()

    tab.answer(tab.undo(wrong["annotation"]["id"])["assignment"], "milk")

    assert gold_selectors.tally(volunteer.pk, since=lifted) == gold_selectors.Tally()


def test_gold_moves_the_count_of_own_answers_as_any_other_image(
    browse: Browse, expert: User, volunteer: Annotator, project: Project, images: list[Image]
) -> None:
    tab = browse(volunteer)

    def counts_around_an_answer() -> list[int]:
        held = tab.claim()
        after = tab.answer(held["assignments"][0], "juice")
        undone = tab.undo(after["annotation"]["id"])
        again = tab.answer(undone["assignment"], "milk")
        steps = [held, after, undone, again]
        return [one["progress"]["mine"] - held["progress"]["mine"] for one in steps]

    ordinary = counts_around_an_answer()
    tab.post(f"projects/{tab.slug}/assignments/release", {"client": tab.tab}, status=204)
    browse(expert).set_gold(images, "milk")
    serve_only_gold(project)

    assert counts_around_an_answer() == ordinary == [0, 1, 0, 1]
    assert Assignment.objects.filter(annotator=volunteer, reason=Reason.GOLD).exists()


def test_what_somebody_in_quarantine_said_speaks_against_no_reference(
    browse: Browse, expert: User, volunteer: Annotator, project: Project, images: list[Image]
) -> None:
    staff = browse(expert)
    staff.set_gold(images[:1], "milk")
    serve_only_gold(project)
    tab = browse(volunteer)
    tab.answer(tab.claim()["assignments"][0], "juice")
    before = staff.get(f"projects/{tab.slug}/gold")["results"][0]["answers"]

    quarantine.quarantine(
        annotator_id=volunteer.pk, user_id=None, now=worlds.NOW, clock=lambda: worlds.NOW
    )
    after = staff.get(f"projects/{tab.slug}/gold")["results"][0]["answers"]

    assert before == {"right": 0, "wrong": 1}
    assert after == {"right": 0, "wrong": 0}


def test_a_reference_of_an_expert_in_quarantine_judges_nobody_until_it_is_lifted(
    browse: Browse, expert: User, manager: User, volunteer: Annotator, project: Project
) -> None:
    images = worlds.make_images(project, 4)
    browse(expert).set_gold(images[:2], "milk")
    staff = browse(manager)
    staff.set_gold(images[2:3], "milk")
    serve_only_gold(project)
    tab = browse(volunteer)
    for held in tab.claim()["assignments"]:
        tab.answer(held, "juice")
    setter = Annotator.objects.get(user=expert)

    change: dict[str, Any] = {"annotator_id": setter.pk, "user_id": manager.pk, "now": worlds.NOW}
    quarantine.quarantine(**change, clock=lambda: worlds.NOW)

    assert gold_score(volunteer) == (0, 1)
    assert staff.get(f"projects/{tab.slug}/gold")["n"] == 1
    assert [row.image_id for row in gold_selectors.servable(project.pk)] == [images[2].pk]

    quarantine.lift(**change, clock=lambda: worlds.NOW)

    assert gold_score(volunteer) == (0, 3)
    assert staff.get(f"projects/{tab.slug}/gold")["n"] == 3


def test_another_expert_sets_anew_what_one_in_quarantine_had_set(
    browse: Browse, expert: User, manager: User, images: list[Image]
) -> None:
    browse(expert).set_gold(images[:1], "milk")
    setter = Annotator.objects.get(user=expert)
    change: dict[str, Any] = {"annotator_id": setter.pk, "user_id": manager.pk, "now": worlds.NOW}
    quarantine.quarantine(**change, clock=lambda: worlds.NOW)

    (done,) = browse(manager).set_gold(images[:1], "juice")["results"]
    quarantine.lift(**change, clock=lambda: worlds.NOW)

    assert done["status"] == "set"
    found = GoldReference.objects.get(image=images[0], withdrawn_at__isnull=True)
    assert (found.label.code, found.set_by) == ("juice", manager)


def test_a_withdrawn_reference_counts_for_nobody_and_is_not_served(
    browse: Browse, expert: User, volunteer: Annotator, project: Project, images: list[Image]
) -> None:
    gold = browse(expert)
    gold.set_gold(images[:2], "milk")
    serve_only_gold(project)
    tab = browse(volunteer)
    held = tab.claim()["assignments"]
    tab.answer(held[0], "juice")
    answered = Assignment.objects.get(public_id=held[0]["id"]).image

    gold.post(
        f"projects/{gold.slug}/gold/withdraw",
        {"images": [str(image.public_id) for image in images[:2]]},
    )

    assert AnnotatorSkill.objects.get(annotator=volunteer).n_gold_wrong == 0
    assert Consensus.objects.get(image=answered).is_expert
    events = AuditEvent.objects.filter(project=project, verb="gold_withdrawn")
    assert events.count() == 2
    before = {one["id"] for one in held}
    new = [row["id"] for row in tab.claim()["assignments"] if row["id"] not in before]
    assert not Assignment.objects.filter(public_id__in=new, reason=Reason.GOLD).exists()


def test_payload_and_reply_are_those_of_any_other_image(
    browse: Browse, expert: User, volunteer: Annotator, project: Project, images: list[Image]
) -> None:
    browse(expert).set_gold(images[:1], "milk")
    tab = browse(volunteer)
    ordinary = tab.claim()["assignments"][0]
    after_ordinary = tab.answer(ordinary, "milk")
    tab.post(f"projects/{tab.slug}/assignments/release", {"client": tab.tab}, status=204)
    serve_only_gold(project)
    gold = tab.claim()["assignments"][0]
    after_gold = tab.answer(gold, "juice")

    assert Assignment.objects.get(public_id=gold["id"]).reason == Reason.GOLD
    assert ordinary.keys() == gold.keys()
    assert ordinary["image"].keys() == gold["image"].keys()
    assert after_ordinary.keys() == after_gold.keys()
    assert after_ordinary["after"] == after_gold["after"]


def test_an_expert_who_takes_the_word_back_withdraws_the_reference(
    browse: Browse, expert: User, images: list[Image]
) -> None:
    tab = browse(expert)
    tab.set_gold(images[:1])
    mine = tab.get(f"projects/{tab.slug}/annotations")["results"][0]

    tab.undo(mine["id"])

    assert tab.get(f"projects/{tab.slug}/gold")["n"] == 0


def test_the_image_page_says_whether_an_image_may_be_gold(
    browse: Browse, expert: User, project: Project, images: list[Image]
) -> None:
    tab = browse(expert)
    tab.set_gold(images[:1], "milk")
    audit = worlds.make_images(project, 1, Partition.AUDIT)[0]

    is_gold = tab.get(f"projects/{tab.slug}/gold/{images[0].public_id}")
    not_yet = tab.get(f"projects/{tab.slug}/gold/{images[1].public_id}")
    never = tab.get(f"projects/{tab.slug}/gold/{audit.public_id}")

    assert is_gold["reference"]["label"]["code"] == "milk"
    assert not_yet["reference"] is None
    assert not_yet["may_be_gold"]
    assert not never["may_be_gold"]
    assert "measures" in never["why_not"]


def test_whoever_says_only_the_group_of_a_gold_label_is_neither_right_nor_wrong(
    browse: Browse, expert: User, images: list[Image], project: Project
) -> None:
    browse(expert).set_gold(images[:2], "juice")
    label_groups.set_groups(
        project_id=project.pk, group_of={"juice": "Drink", "milk": "Drink"}, now=timezone.now()
    )
    ben = worlds.make_annotator(project)
    for image, said in zip(images, ("drink", "juice"), strict=False):
        answer = worlds.direct(ben, image, said)
        assignment = Assignment.objects.create(
            project=project, image=image, annotator=ben, state="ANSWERED", reason=Reason.GOLD,
            policy="gold 1", selection_probability=1.0, serve_number=image.pk,
            created_at=worlds.NOW, expires_at=worlds.NOW,
        )  # fmt: skip
        Annotation.objects.filter(pk=answer.pk).update(assignment=assignment)

    assert gold_selectors.tally(ben.pk) == gold_selectors.Tally(right=1, wrong=0)
