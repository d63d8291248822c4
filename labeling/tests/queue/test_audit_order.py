"""Audit images in another order than drawn: what is known beforehand decides, and chance."""

from __future__ import annotations

import numpy as np
import pytest

from labeling.models import Image, Partition, Project, QueueEntry, SplitGroup
from labeling.selectors import consensus, queue
from labeling.services import audit_order
from labeling.tests.worlds import (
    NOW,
    claim,
    make_annotator,
    make_images,
    make_project,
    submit,
    top_up,
)

pytestmark = pytest.mark.django_db


def prefer(project: Project, images: list[Image], weights: list[float], reached: float = 0) -> None:
    audit_order.prefer(
        project_id=project.pk,
        image_ids=np.array([image.pk for image in images]),
        weights=np.array(weights),
        reached=np.full(len(images), reached),
        now=NOW,
    )


def in_order(project: Project) -> list[int]:
    entries = QueueEntry.objects.filter(project=project, state="OPEN").order_by("-priority", "pk")
    return list(entries.values_list("image_id", flat=True))


def test_a_heavier_image_comes_so_many_times_as_early() -> None:
    project = make_project(audit_serving_share=1.0)
    images = make_images(project, 3, Partition.AUDIT)
    for image, order in zip(images, (0.2, 0.5, 0.9), strict=True):
        SplitGroup.objects.filter(measured_image=image).update(draw_order=order)

    prefer(project, images, [1.0, 1.0, 8.0])
    top_up(project)

    assert in_order(project) == [images[2].pk, images[0].pk, images[1].pk]
    rows = consensus.audit_rows(project.pk)
    assert rows.image_ids.tolist() == [image.pk for image in images], "drawn as they were"
    assert rows.order_weight.tolist() == [1.0, 1.0, 8.0]


def test_what_waits_goes_back_for_the_new_order_and_what_somebody_holds_stays() -> None:
    project = make_project(audit_serving_share=1.0, votes_audit=1)
    images = make_images(project, 4, Partition.AUDIT)
    ada, bea = make_annotator(project, "Ada"), make_annotator(project, "Bea")
    top_up(project)
    answered, held = claim(ada, 2)
    submit(answered)

    prefer(project, images, [2.0] * 4, reached=0.5)

    assert in_order(project) == [held.image_id]
    top_up(project)
    rest = {image.pk for image in images} - {answered.image_id, held.image_id}
    assert {one.image_id for one in claim(bea, 4)} == rest
    assert consensus.audit_rows(project.pk).reached.tolist() == [0.5] * 4


def test_no_image_is_preferred_where_those_that_were_can_be_asked_about_no_more() -> None:
    project = make_project()
    flagged, removed, merged, kept = images = make_images(project, 4, Partition.AUDIT)
    prefer(project, images, [3.0, 3.0, 3.0, 1.0])
    assert queue.is_audit_preferred(project.pk)

    Image.objects.filter(pk=flagged.pk).update(flagged_at=NOW)
    Image.objects.filter(pk=removed.pk).update(removed_at=NOW)
    assert queue.is_audit_preferred(project.pk)
    Image.objects.filter(pk=merged.pk).update(split_group=kept.split_group_id)
    assert not queue.is_audit_preferred(project.pk)


@pytest.mark.parametrize("weight", [0.0, float("nan")])
def test_refuses_a_weight_that_would_never_be_asked_about(weight: float) -> None:
    project = make_project()
    images = make_images(project, 1, Partition.AUDIT)
    with pytest.raises(ValueError, match=r"at least 0\.001"):
        prefer(project, images, [weight])
