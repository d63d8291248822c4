from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest

from labeling.models import (
    Adjudication,
    Annotation,
    Annotator,
    AnnotatorKind,
    Image,
    Label,
    Project,
)
from labeling.services import annotations as annotation_service
from labeling.services import gold, images, projects
from labeling.tests import factories
from labeling.tests.factories import NOW, picture_bytes

N_IMAGES = 12


@dataclass
class World:
    """A project in which everything that an export must carry has happened once."""

    project: Project
    originals: Path
    images: list[Image]

    def say(self, who: Annotator, image: Image, *codes: str, kind: str = "LABEL") -> uuid.UUID:
        return annotation_service.record_direct(
            annotator_id=who.pk,
            image_id=image.pk,
            kind=kind,
            label_codes=list(codes),
            key=uuid.uuid4(),
            now=NOW,
        ).annotation.public_id


@pytest.fixture
def world(db: None, tmp_path: Path) -> World:
    project = factories.make_project(
        votes_pool=2, vote_cap_pool=2, audit_partition_share=0.3, window_size=7
    )
    folder = tmp_path / "originals"
    (folder / "deep").mkdir(parents=True)
    found = World(project, folder, [])
    milk = Label.objects.get(project=project, code="milk")
    for number in range(N_IMAGES):
        found.images.append(_stored(found, number, milk if number == 4 else None))
    _decide_partitions(found)
    _answer(found)
    projects.rename_label(label_id=milk.pk, name="Cow's milk", now=NOW)
    projects.retire_label(label_id=Label.objects.get(project=project, code="bread").pk, now=NOW)
    _adjudicate_and_trust(found)
    _set_gold_and_ask_experts(found)
    images.remove_image(image_id=found.images[11].pk, user_id=None, now=NOW)
    return found


def _stored(world: World, number: int, suggested: Label | None) -> Image:
    content = picture_bytes(seed=number)
    name = f"=cmd|'{number}'.jpg" if number == 0 else f"deep/{number}.jpg"
    (world.originals / "deep" / f"{number}.jpg").write_bytes(content)
    with (world.originals / "deep" / f"{number}.jpg").open("rb") as upload:
        stored = images.ingest(
            project_id=world.project.pk,
            upload=upload,
            original_name=name,
            source="@shop",
            licence="MIT",
            uploaded_by_id=None,
            now=NOW,
            suggested_label_id=suggested.pk if suggested else None,
        )
    return Image.objects.get(pk=stored.image_id)


def _decide_partitions(world: World) -> None:
    keys = [image.pk for image in world.images]
    chosen = [(keys[0:2], "POOL"), (keys[2:3], "POOL"), (keys[3:8], "POOL"), (keys[8:10], "AUDIT")]
    images.set_partitions(
        project_id=world.project.pk,
        decisions=[
            images.GroupDecision(image_ids=ids, partition=partition) for ids, partition in chosen
        ],
        now=NOW,
    )
    for image in world.images:
        image.refresh_from_db()


def _answer(world: World) -> None:
    ada = factories.make_annotator(world.project, "=Ada", last_seen_at=NOW, consent_text="Yes.")
    ben = factories.make_annotator(world.project, "Ben", last_seen_at=NOW)
    taken_back = world.say(ada, world.images[0], "bread")
    annotation_service.undo(
        annotator_id=ada.pk, annotation_public_id=taken_back, key=uuid.uuid4(), now=NOW
    )
    world.say(ada, world.images[0], "milk")
    world.say(ben, world.images[0], "milk")
    world.say(ada, world.images[1], kind="SKIP")
    world.say(ada, world.images[2], "juice")
    world.say(ben, world.images[2], "apple")
    world.say(ada, world.images[3], kind="NONE_OF_THESE")
    world.say(ada, world.images[8], "juice")
    world.say(ben, world.images[8], "juice")
    world.say(ben, world.images[5], "bread")
    _claim_and_flag(world, ben)


def _claim_and_flag(world: World, who: Annotator) -> None:
    from labeling.tests.worlds import claim, submit

    first, second = claim(who, count=2)
    submit(first, kind="FLAG", flag_reason="PERSON")
    submit(second, "juice")


def _adjudicate_and_trust(world: World) -> None:
    expert = factories.make_annotator(world.project, "Expert")
    annotation_service.adjudicate(
        project_id=world.project.pk,
        image_id=world.images[9].pk,
        annotator_id=expert.pk,
        kind="LABEL",
        label_code="apple",
        now=NOW,
    )
    apple = Label.objects.get(project=world.project, code="apple")
    annotation_service.record_trusted(
        project_id=world.project.pk, image_id=world.images[7].pk, label_id=apple.pk, now=NOW
    )
    assert world.project.annotators.filter(kind=AnnotatorKind.IMPORT).exists()


def _set_gold_and_ask_experts(world: World) -> None:
    """Two references, one withdrawn since; one question settled and one open; one gold answer."""
    user = factories.make_member(world.project, "EXPERT")
    mine = factories.make_expert_annotator(world.project, user)
    ben = Annotator.objects.get(project=world.project, display_name="Ben")
    # Which two Ben was handed before is drawn at random.
    free = Image.objects.filter(
        pk__in=[world.images[n].pk for n in (3, 4, 6, 7)], flagged_at__isnull=True
    ).exclude(annotations__annotator=ben)
    stays, goes = free.order_by("pk")[:2]
    given = [gold.Given(each.public_id, "juice", "=Look at the lid.") for each in (stays, goes)]
    done = gold.set_references(
        project_id=world.project.pk,
        references=given,
        user_id=user.pk,
        annotator_id=mine.pk,
        now=NOW,
    )
    assert [one.status for one in done] == ["set", "set"]
    gold.withdraw(
        project_id=world.project.pk,
        image_public_ids=[goes.public_id],
        user_id=user.pk,
        now=NOW,
    )
    _answer_gold(world, ben, stays)
    settled = Annotation.objects.get(image=world.images[9], is_expert=True)
    Adjudication.objects.create(
        project=world.project,
        image=world.images[9],
        kind="DISAGREEMENT",
        probability=1.0,
        created_at=NOW,
        settled_at=NOW,
        annotation=settled,
    )
    Adjudication.objects.create(
        project=world.project,
        image=world.images[8],
        kind="AGREEMENT_SAMPLE",
        probability=0.2,
        created_at=NOW,
    )


def _answer_gold(world: World, who: Annotator, image: Image) -> None:
    from labeling.tests.worlds import claim, submit

    project = Project.objects.filter(pk=world.project.pk)
    shares = ("gold_serving_share", "audit_serving_share", "random_arm_share")
    before = project.values(*shares).get()
    project.update(**dict(zip(shares, (1.0, 0.0, 0.0), strict=True)))
    (held,) = claim(who, count=1)
    assert (held.reason, held.image_id) == ("GOLD", image.pk)
    submit(held, "apple")
    project.update(**before)
