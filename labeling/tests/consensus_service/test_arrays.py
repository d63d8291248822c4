from __future__ import annotations

import uuid

import numpy as np
import pytest

from labeling.models import (
    Annotation,
    Annotator,
    AnnotatorKind,
    Consensus,
    ConsensusState,
    Image,
    ImagePrior,
    Label,
    LabelScheme,
    Partition,
    Project,
)
from labeling.selectors import consensus as consensus_selectors
from labeling.selectors import label_order
from labeling.services import annotations as annotation_service
from labeling.services import consensus, image_priors
from labeling.tests.worlds import (
    NOW,
    direct,
    make_annotator,
    make_images,
    make_project,
    make_scheme,
)

pytestmark = pytest.mark.django_db


def test_training_rows_are_the_resolved_pool_images() -> None:
    project = make_project()
    first, unanswered, flagged, none = make_images(project, 4)
    (audit,) = make_images(project, 1, Partition.AUDIT)
    ada = make_annotator(project)
    direct(ada, first, "oat milk")
    direct(ada, flagged)
    direct(ada, audit)
    direct(ada, none, kind="NONE_OF_THESE")
    Image.objects.filter(pk=flagged.pk).update(flagged_at=NOW)
    rows = consensus_selectors.training_rows(project.pk)
    assert rows.image_ids.tolist() == [first.pk]
    assert rows.codes == ("milk", "soy-milk", "oat-milk")
    assert rows.posteriors.dtype == np.float32
    np.testing.assert_allclose(rows.posteriors, [[1 / 14, 1 / 14, 12 / 14]], rtol=1e-5)
    assert rows.groups.tolist() == [first.split_group_id]
    assert rows.data_version == Annotation.objects.latest("pk").pk
    assert unanswered.pk not in rows.image_ids


def test_training_rows_follow_the_labels_through_a_new_scheme() -> None:
    project = make_project()
    kept, retired = make_images(project, 2)
    ada = make_annotator(project)
    direct(ada, kept, "oat milk")
    direct(ada, retired, "soy milk")
    make_scheme(project, ["oat milk", "rice milk", "milk"])
    rows = consensus_selectors.training_rows(project.pk)
    assert rows.image_ids.tolist() == [kept.pk]
    np.testing.assert_allclose(rows.posteriors, [[12 / 13, 0, 1 / 13]], rtol=1e-5)


def test_a_row_on_retired_labels_alone_becomes_uniform() -> None:
    rows = np.array([[1.0, 0.0]], dtype=np.float32)
    np.testing.assert_allclose(label_order.remap(rows, [1, 2], [3, 4]), [[0.5, 0.5]])


def test_training_rows_of_a_project_without_answers_are_empty() -> None:
    rows = consensus_selectors.training_rows(make_project().pk)
    assert rows.posteriors.shape == (0, 3)
    assert rows.data_version == 0


def test_audit_rows_come_in_draw_order_with_unresolved_ones() -> None:
    project = make_project()
    images = make_images(project, 3, Partition.AUDIT)
    direct(make_annotator(project), images[1], "soy milk")
    rows = consensus_selectors.audit_rows(project.pk)
    assert (np.diff(rows.draw_order) > 0).all()
    said = dict(zip(rows.image_ids.tolist(), rows.label_index.tolist(), strict=True))
    assert said == {images[0].pk: -1, images[1].pk: 1, images[2].pk: -1}
    assert sorted(rows.n_votes.tolist()) == [0, 0, 1]
    assert rows.sources == ("kitchen",) * 3
    assert rows.inclusion_probability.tolist() == [0.12] * 3
    assert rows.n_people == 1


def test_audit_rows_measure_one_image_a_group() -> None:
    project = make_project()
    first, second = make_images(project, 2, Partition.AUDIT)
    Image.objects.filter(pk=second.pk).update(split_group=first.split_group)
    assert len(consensus_selectors.audit_rows(project.pk).image_ids) == 1
    assert len(consensus_selectors.audit_rows(project.pk, measured_only=False).image_ids) == 2


def test_a_prior_moves_a_pool_image_and_never_an_audit_image() -> None:
    project = make_project()
    (pool,) = make_images(project, 1)
    (audit,) = make_images(project, 1, Partition.AUDIT)
    assert set_priors(project, [pool, audit], [[0.1, 0.1, 0.8]] * 2) == 1
    assert list(ImagePrior.objects.values_list("image_id", flat=True)) == [pool.pk]
    ada = make_annotator(project)
    direct(ada, pool)
    direct(ada, audit)
    posterior = {
        found.image_id: np.frombuffer(bytes(found.posterior), dtype=np.float32)
        for found in Consensus.objects.all()
    }
    np.testing.assert_allclose(posterior[audit.pk], [12 / 14, 1 / 14, 1 / 14], rtol=1e-5)
    assert posterior[pool.pk][2] > posterior[pool.pk][1]


def test_writing_priors_again_replaces_them() -> None:
    project = make_project()
    (image,) = make_images(project, 1)
    set_priors(project, [image], [[0.1, 0.1, 0.8]])
    set_priors(project, [image], [[0.5, 0.25, 0.25]])
    stored = np.frombuffer(bytes(ImagePrior.objects.get().probabilities), dtype=np.float32)
    assert stored.tolist() == [0.5, 0.25, 0.25]


def test_refuses_priors_of_another_width() -> None:
    project = make_project()
    (image,) = make_images(project, 1)
    with pytest.raises(ValueError, match="shape"):
        set_priors(project, [image], [[0.5, 0.5]])


def test_a_trusted_label_resolves_alone_and_is_stored_once() -> None:
    project = make_project()
    (image,) = make_images(project, 1)
    label = Label.objects.get(project=project, code="milk")
    for _ in range(2):
        annotation_service.record_trusted(
            project_id=project.pk, image_id=image.pk, label_id=label.pk, now=NOW
        )
    assert Annotation.objects.count() == 1
    assert Annotator.objects.get().kind == AnnotatorKind.IMPORT
    found = Consensus.objects.get()
    assert (found.state, found.is_expert) == (ConsensusState.RESOLVED, True)
    assert np.frombuffer(bytes(found.posterior), dtype=np.float32).tolist() == [1.0, 0.0, 0.0]


def test_another_trusted_label_withdraws_the_first() -> None:
    project = make_project()
    (image,) = make_images(project, 1)
    for code in ("milk", "oat-milk"):
        label = Label.objects.get(project=project, code=code)
        annotation_service.record_trusted(
            project_id=project.pk, image_id=image.pk, label_id=label.pk, now=NOW
        )
    found = Consensus.objects.get()
    assert found.label is not None
    assert found.label.code == "oat-milk"
    assert Annotation.objects.filter(withdrawn_at__isnull=True).exclude(kind="UNDO").count() == 1


def test_an_adjudication_decides_over_the_people() -> None:
    project = make_project()
    (image,) = make_images(project, 1)
    direct(make_annotator(project, "Ada"), image, "milk")
    eve = make_annotator(project, "Eve")
    direct_answer = direct(eve, image, "milk")
    annotation_service.adjudicate(
        project_id=project.pk,
        image_id=image.pk,
        annotator_id=eve.pk,
        kind="LABEL",
        label_code="oat-milk",
        now=NOW,
    )
    found = Consensus.objects.get()
    assert (found.label and found.label.code, found.is_expert) == ("oat-milk", True)
    assert Annotation.objects.get(pk=direct_answer.pk).withdrawn_at == NOW


def test_the_answers_of_a_quarantined_person_do_not_count() -> None:
    project = make_project()
    (image,) = make_images(project, 1)
    ada = make_annotator(project)
    direct(ada, image)
    Annotator.objects.filter(pk=ada.pk).update(quarantined_at=NOW)
    found = consensus.update(image_id=image.pk, now=NOW)
    assert (found.state, found.n_votes) == (ConsensusState.OPEN, 0)


def test_several_labels_an_image_are_decided_label_by_label() -> None:
    project = make_project(mode="MULTI")
    (image,) = make_images(project, 1)
    annotation_service.record_direct(
        annotator_id=make_annotator(project).pk,
        image_id=image.pk,
        kind="LABEL",
        label_codes=["milk", "oat-milk"],
        key=uuid.uuid4(),
        now=NOW,
    )
    found = Consensus.objects.get()
    assert found.state == ConsensusState.RESOLVED
    assert np.frombuffer(bytes(found.posterior), dtype=np.float32).tolist() == [0.75, 0.25, 0.75]


def set_priors(project: Project, images: list[Image], rows: list[list[float]]) -> int:
    return image_priors.store(
        project_id=project.pk,
        scheme_id=LabelScheme.objects.get(project=project).pk,
        image_ids=[image.pk for image in images],
        probabilities=np.array(rows, dtype=np.float32),
        model_version=uuid.uuid4(),
        now=NOW,
    )
