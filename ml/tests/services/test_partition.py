"""Split groups of a stream of images: inherited, bridged, bounded."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from pytest_django import Settings

from labeling.tests import factories, worlds
from labeling.tests.rows import AuditEvent, Image, Partition, Project, SplitGroup
from ml.models import Embedding, EmbeddingSet
from ml.services import due, partition

pytestmark = pytest.mark.django_db
NOW = worlds.NOW
DIM = 24
_numbers = itertools.count(1)


@pytest.fixture
def vectors(project: Project) -> EmbeddingSet:
    return EmbeddingSet.objects.create(
        project=project,
        backbone="made-up",
        digest="0" * 64,
        storage_key="none",
        preprocessing={},
        dim=DIM,
        is_original=True,
        created_at=NOW,
    )


def _image(project: Project, **fields: object) -> Image:
    return factories.make_image(project, Partition.PENDING, **fields)


def _at(of: EmbeddingSet, image: Image, direction: np.ndarray) -> Image:
    content = direction.astype(np.float16).tobytes()
    Embedding.objects.create(set=of, image=image, vector=content)
    return image


def _direction(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=DIM)


def _decide(project: Project) -> int:
    return partition.decide(project_id=project.pk, now=NOW)


def _group(image: Image) -> int | None:
    image.refresh_from_db()
    return image.split_group_id


def _filler(project: Project, of: EmbeddingSet, count: int = 20) -> list[Image]:
    """Images unlike all others, so that the centre is none of theirs."""
    seeds = [1000 + next(_numbers) for _ in range(count)]
    return [_at(of, _image(project), _direction(seed)) for seed in seeds]


def test_near_images_share_a_group_and_others_do_not(
    project: Project, vectors: EmbeddingSet
) -> None:
    _filler(project, vectors)
    first = _at(vectors, _image(project), _direction(1))
    twin = _at(vectors, _image(project), _direction(1) + 0.1 * _direction(2))
    other = _at(vectors, _image(project), _direction(3))

    _decide(project)

    assert _group(first) == _group(twin) != _group(other)


def test_an_image_waits_until_it_has_its_vector(project: Project, vectors: EmbeddingSet) -> None:
    _filler(project, vectors, 64)
    waiting = _image(project)

    assert _decide(project) == 64
    waiting.refresh_from_db()
    assert waiting.partition == Partition.PENDING


def test_one_session_or_one_hash_is_one_group_whatever_the_vectors_say(
    project: Project, vectors: EmbeddingSet
) -> None:
    _filler(project, vectors)
    a, b = (_at(vectors, _image(project, capture_session="s"), _direction(i)) for i in (1, 2))
    c, d = (_at(vectors, _image(project, perceptual_hash=77), _direction(i)) for i in (3, 4))

    _decide(project)

    assert _group(a) == _group(b)
    assert _group(c) == _group(d) != _group(a)


@pytest.mark.parametrize("kind", [Partition.POOL, Partition.AUDIT])
def test_a_later_image_inherits_the_partition_of_the_group_it_joins(
    project: Project, vectors: EmbeddingSet, kind: str
) -> None:
    (old,) = worlds.make_images(project, 1, kind)
    _at(vectors, old, _direction(1))
    _filler(project, vectors)
    late = _at(vectors, _image(project), _direction(1) + 0.1 * _direction(2))

    _decide(project)

    late.refresh_from_db()
    assert (late.partition, late.split_group_id) == (kind, old.split_group_id)


def test_an_image_between_pool_and_audit_is_excluded_and_moves_nobody(
    project: Project, vectors: EmbeddingSet
) -> None:
    pool, audit = (
        worlds.make_images(project, 1, kind, capture_session=f"of {kind}")[0]
        for kind in (Partition.POOL, Partition.AUDIT)
    )
    _at(vectors, pool, _direction(1))
    Image.objects.filter(pk=audit.pk).update(perceptual_hash=99)
    _at(vectors, audit, _direction(2))
    _filler(project, vectors)
    bridge = _image(project, capture_session=f"of {Partition.POOL}", perceptual_hash=99)
    _at(vectors, bridge, _direction(3))

    _decide(project)

    bridge.refresh_from_db()
    pool.refresh_from_db()
    audit.refresh_from_db()
    assert (bridge.partition, pool.partition, audit.partition) == (
        Partition.EXCLUDED, Partition.POOL, Partition.AUDIT,
    )  # fmt: skip
    assert pool.split_group_id != audit.split_group_id


def test_two_pool_groups_become_one_through_an_image_between_them(
    project: Project, vectors: EmbeddingSet
) -> None:
    a, b = (
        worlds.make_images(project, 1, Partition.POOL, capture_session=name)[0] for name in "ab"
    )
    Image.objects.filter(pk=b.pk).update(perceptual_hash=99)
    for at, image in enumerate((a, b)):
        _at(vectors, image, _direction(at))
    _filler(project, vectors)
    between = _at(vectors, _image(project, capture_session="a", perceptual_hash=99), _direction(3))

    _decide(project)

    assert _group(a) == _group(b) == _group(between)


def test_no_group_grows_beyond_a_twentieth_by_cosine_alone(
    project: Project, vectors: EmbeddingSet
) -> None:
    _filler(project, vectors, 60)
    centre = _direction(1)
    crowd = [
        _at(vectors, _image(project), centre + 0.12 * _direction(100 + at)) for at in range(40)
    ]

    _decide(project)

    sizes: dict[int | None, int] = {}
    for image in crowd:
        sizes[_group(image)] = sizes.get(_group(image), 0) + 1
    assert max(sizes.values()) <= partition.ALWAYS_ALLOWED
    event = AuditEvent.objects.get(verb="split_threshold_raised")
    assert event.detail["used"] > event.detail["wanted"] == 0.8
    project.refresh_from_db()
    assert project.split_cosine == 0.8


def test_copies_are_kept_together_where_most_of_a_small_project_is_copies(
    project: Project, vectors: EmbeddingSet
) -> None:
    """Their own mean is the centre then, and around it they point everywhere."""
    scene = _direction(1)
    copies = [
        _at(vectors, _image(project), scene + 0.15 * _direction(100 + at)) for at in range(24)
    ]
    others = _filler(project, vectors, 6)

    _decide(project)

    assert len({_group(image) for image in copies}) == 1
    assert len({_group(image) for image in (*others, copies[0])}) == 7


def test_a_backbone_that_finds_all_images_alike_makes_no_copies_of_them(
    project: Project, vectors: EmbeddingSet
) -> None:
    common = _direction(1)
    images = [_at(vectors, _image(project), 3 * common + _direction(100 + at)) for at in range(24)]

    _decide(project)

    assert len({_group(image) for image in images}) > 12


def test_the_audit_share_of_groups_is_about_what_was_asked(
    project: Project, vectors: EmbeddingSet
) -> None:
    _filler(project, vectors, 400)

    _decide(project)

    groups = SplitGroup.objects.filter(project=project)
    share = groups.filter(partition=Partition.AUDIT).count() / groups.count()
    assert share == pytest.approx(0.12, abs=0.05)
    assert all(group.measured_image_id for group in groups.filter(partition=Partition.AUDIT))


def test_the_same_images_get_the_same_partitions_in_other_batches(
    project: Project, vectors: EmbeddingSet
) -> None:
    images = _filler(project, vectors, 80)
    late = images[70:]
    Embedding.objects.filter(image__in=late).delete()
    _decide(project)
    for at, image in enumerate(late):
        _at(vectors, image, _direction(5000 + at))
    _decide(project)
    once = [(i.pk, i.partition) for i in Image.objects.filter(project=project).order_by("pk")]

    Image.objects.update(partition=Partition.PENDING, split_group=None)
    SplitGroup.objects.all().delete()
    _decide(project)

    again = [(i.pk, i.partition) for i in Image.objects.filter(project=project).order_by("pk")]
    assert once == again


def test_while_an_import_goes_on_a_quarter_as_many_images_have_to_wait(
    project: Project, vectors: EmbeddingSet
) -> None:
    _filler(project, vectors, 8)
    assert partition._is_worth_deciding(project.pk, 0)
    _decide(project)
    still_to_embed = _image(project)

    _filler(project, vectors, 1)
    assert not partition._is_worth_deciding(project.pk, 1)
    _filler(project, vectors, 1)
    assert partition._is_worth_deciding(project.pk, 1)
    assert Image.objects.get(pk=still_to_embed.pk).partition == Partition.PENDING


def test_the_sweep_finds_images_that_have_their_vector_and_were_left_undecided(
    project: Project, vectors: EmbeddingSet
) -> None:
    """A worker that died between the two left them so; nothing was left to embed."""
    _filler(project, vectors)
    to_do = due.Due("embed", project.pk)

    assert to_do in due.find(now=NOW)
    _decide(project)
    assert to_do not in due.find(now=NOW)


def test_without_an_embedder_session_and_hash_alone_decide(
    project: Project, settings: Settings
) -> None:
    settings.BACKBONE = ""
    a, b = _image(project, capture_session="s"), _image(project, capture_session="s")
    c = _image(project)

    done = partition.advance(project_id=project.pk, now=NOW)

    assert (done.decided, done.remaining) == (3, 0)
    assert _group(a) == _group(b) != _group(c)
