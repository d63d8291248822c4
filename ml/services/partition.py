"""Split groups as images come in, batch by batch (architecture rule 1).

Linked images (same capture session, same perceptual hash, or near in the original embedding) share
a group, and a group has one partition for good. An image that would join groups of the pool and of
the audit slice is left out of both.
"""

from __future__ import annotations

import math
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from django.db.models import Q

from labeling.selectors import images, projects
from labeling.services import images as image_services
from labeling.services import journal
from ml.evaluation import geometry
from ml.selectors import embeddings
from ml.services import drift, embedding, top_up

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from labeling.selectors.images import PartitionRows
    from ml.models import EmbeddingSet
    from ml.types import Embeddings, Groups

LARGEST_SHARE = 0.05
"""Of a project's images, the largest group that cosine may build; then the threshold rises."""

ALWAYS_ALLOWED = 30
"""A burst of thirty photographs may be one group, however small the project. Of so few images that
differ hardly two are as near as that; where many are, they are copies."""

FEW_IMAGES = 256
SAME_SCENE = 0.9
"""Of a project of so few images, pairs whose plain cosine is this high are near too. Where most
images are copies of one another the centre lies among them, and around it they are strangers: 24
copies and 6 other photographs gave their pairs 0.2 to 0.5. Of 600 photographs of the grocery set
every pair with a plain cosine of 0.9 had at least 0.82 around the centre, so elsewhere this links
nothing that is not linked anyway."""

UNLIKE, UNLIKE_SHARE = 0.7, 0.1
"""So many pairs must be as unlike as this before being alike says anything."""

DECIDE_GROWTH = 0.25
MOST_WAITING = 4000
"""While an import goes on, images are decided when those with a new vector are a quarter of those
that were decided before, or this many: deciding reads all of them, so at 100,000 images it would
take as long as the next batch takes to embed. The last ones of an import wait for nothing."""

MIN_CENTRE_IMAGES = 64
"""Fewer vectors give no centre worth comparing by, unless there are no more to come."""

PENDING, EXCLUDED, POOL, AUDIT = "PENDING", "EXCLUDED", "POOL", "AUDIT"
_BLOCK_ROWS = 8192


@dataclass(frozen=True, slots=True)
class Intake:
    """What one step of taking images in did.

    Attributes:
        embedded: vectors stored.
        decided: images that left PENDING.
        remaining: images that still lack a vector in some set that is being filled.
        is_ours: False where another worker is at it.
    """

    embedded: int
    decided: int
    remaining: int
    is_ours: bool


def advance(
    *,
    project_id: int,
    now: datetime,
    seconds: float = 2.0,
    at_most: int = 1,
    goes_on: bool = False,
) -> Intake:
    """Embed up to `at_most` batches of about `seconds`, deciding meanwhile what can be decided.

    With `goes_on` the next batch is being computed when it returns, for the next call.

    The original set comes first: it decides partitions. Other sets that serve get the new images'
    vectors afterwards.

    Raises:
        BackboneMissingError, BackboneCorruptError: the backbone is not on this host.
    """
    if not embedding.is_configured():
        return Intake(0, decide(project_id=project_id, now=now), 0, is_ours=True)
    embedding.ensure_original_set(project_id=project_id, now=now)
    embedded = decided = remaining = 0
    is_ours = True
    for each in embeddings.sets_to_fill(project_id):
        if embedded:
            remaining += embedding.pending_count(each)
            continue
        left = 0
        with closing(
            embedding.embed_batches(
                project_id=project_id,
                set_id=each.pk,
                now=now,
                seconds=seconds,
                at_most=at_most,
                goes_on=goes_on,
            )
        ) as batches:
            for batch in batches:
                embedded += batch.embedded
                left = batch.remaining
                is_ours = is_ours and batch.is_ours
                if not left or _is_worth_deciding(project_id, left):
                    decided += decide(project_id=project_id, now=now)
        remaining += left
    return Intake(embedded, decided, remaining, is_ours)


def _is_worth_deciding(project_id: int, n_pending: int) -> bool:
    """Tell whether enough images have their vector and no partition, beside those that have one."""
    counts = images.counts_by_partition(project_id)
    n_waiting = counts[PENDING] - n_pending
    n_decided = sum(counts.values()) - counts[PENDING]
    return n_waiting >= min(DECIDE_GROWTH * n_decided, MOST_WAITING)


def decide(*, project_id: int, now: datetime, rng: np.random.Generator | None = None) -> int:
    """Give every waiting image that has its vector a group and a partition; give how many.

    Images are taken in order of their ids and linked to what came before, so that the same images
    give the same groups in whatever batches they come, but for the threshold, which may have
    risen. Where one group would hold more than 5 % of the project's images so far, only closer
    images are linked in the rest of this call; an audit event records the threshold used. It does
    not stay up: the first images of a large import are few, and often of one kind. New groups
    become audit with the project's share, or the one raised for uploads that look different
    (`drift`) or like a label that staff want to know better (`top_up`).

    Args:
        project_id: the project.
        now: the time.
        rng: draws the partitions; without it each group draws from the project's secret seed and
            its smallest image id.
    """
    n_waiting = images.waiting_count(project_id)
    embedding_set = _original(project_id)
    if not n_waiting or (embedding_set is None and embedding.is_configured()):
        return 0
    ready = _ready(project_id, embedding_set)
    if embedding_set is not None and not _has_centre(
        embedding_set, is_all_there=len(ready) == n_waiting
    ):
        return 0
    if not len(ready):
        return 0
    project = projects.by_id(project_id)
    decided = images.decided(project_id)
    total = len(decided) + n_waiting
    links = _Links(decided, project.split_cosine, max(ALWAYS_ALLOWED, LARGEST_SHARE * total))
    near = _neighbours(embedding_set, ready, decided, project.split_cosine)
    for row, image_id in enumerate(ready.image_ids.tolist()):
        links.add(
            image_id,
            session=ready.sessions[row],
            perceptual_hash=int(ready.hashes[row]),
            near=near.get(image_id, []),
        )
    if links.cosine > project.split_cosine:
        _record_threshold(project_id, project.split_cosine, links.cosine, total, now)
    fresh = ready.image_ids
    shares = dict(drift.audit_shares(project_id=project_id, image_ids=fresh, now=now))
    for key, share in top_up.shares(project_id=project_id, image_ids=fresh).items():
        shares[key] = max(share, shares.get(key, 0.0))
    return image_services.set_partitions(
        project_id=project_id, decisions=_raised(links.decisions(), shares), now=now, rng=rng
    )


def _ready(project_id: int, embedding_set: EmbeddingSet | None) -> PartitionRows:
    """Read the waiting images that have their vector, or never will have one."""
    if embedding_set is None:
        return images.waiting_for_partition(project_id)
    which = embeddings.is_embedded(embedding_set.pk) | Q(pk__in=embedding_set.unreadable)
    return images.waiting_for_partition(project_id, which=which)


def _raised(
    decisions: list[image_services.GroupDecision], shares: Mapping[int, float]
) -> list[image_services.GroupDecision]:
    """Let new groups with an image that looks different be drawn by the share raised for it."""
    if not shares:
        return decisions
    return [
        replace(each, audit_share=max(shares[key] for key in each.image_ids if key in shares))
        if any(key in shares for key in each.image_ids)
        else each
        for each in decisions
    ]


def _has_centre(embedding_set: EmbeddingSet, *, is_all_there: bool) -> bool:
    if is_all_there or embedding_set.centre is not None:
        return True
    some = embeddings.image_ids_of(embedding_set.pk)[:MIN_CENTRE_IMAGES]
    return len(some) == MIN_CENTRE_IMAGES


def _record_threshold(
    project_id: int, wanted: float, used: float, n_images: int, now: datetime
) -> None:
    journal.record_event(
        project_id=project_id,
        verb="split_threshold_raised",
        detail={"wanted": wanted, "used": used, "n_images": n_images},
        now=now,
    )


def _original(project_id: int) -> EmbeddingSet | None:
    if not embedding.is_configured():
        return None
    sets = embeddings.sets_to_fill(project_id)
    return sets[0] if sets and sets[0].is_original else None


@dataclass(slots=True)
class _Cluster:
    """A group that exists, or one that is being made."""

    partition: str | None
    size: int
    new_images: list[int] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)
    joined: int | None = None


class _Links:
    """Joins images one by one to the clusters of what came before them."""

    def __init__(self, decided: PartitionRows, cosine: float, limit: float) -> None:
        self.cosine = cosine
        self.limit = limit
        self.clusters: dict[int, _Cluster] = {}
        self.cluster_of: dict[int, int] = {}
        self.by_session: dict[str, set[int]] = defaultdict(set)
        self.by_hash: dict[int, set[int]] = defaultdict(set)
        self._next = -1
        for place in range(len(decided)):
            group = int(decided.groups[place])
            cluster = self.clusters.setdefault(
                group, _Cluster(decided.partitions[place], 0, groups=[group])
            )
            cluster.size += 1
            self._remember(
                int(decided.image_ids[place]), group, decided.sessions[place],
                int(decided.hashes[place]),
            )  # fmt: skip

    def add(
        self, image_id: int, *, session: str, perceptual_hash: int, near: list[tuple[float, int]]
    ) -> None:
        """Link one image: to its session and its twins whatever happens, to near ones by size."""
        sure = set(self.by_session.get(session, ())) if session else set()
        sure |= self.by_hash.get(perceptual_hash, set())
        touched = {self._root(key) for key in sure}
        for similarity, other in sorted(near, reverse=True):
            if similarity < self.cosine or other not in self.cluster_of:
                continue
            key = self._root(self.cluster_of[other])
            if key in touched:
                continue
            if self._size(touched | {key}) + 1 > self.limit:
                # Written up to the next thousandth above the pair that went too far.
                self.cosine = max(self.cosine, math.floor(similarity * 1000 + 1) / 1000)
                break
            touched.add(key)
        self._remember(image_id, self._place(image_id, touched), session, perceptual_hash)

    def decisions(self) -> list[image_services.GroupDecision]:
        """Give what the clusters with new images have become."""
        return [
            image_services.GroupDecision(
                image_ids=cluster.new_images,
                existing_group_ids=cluster.groups,
                partition=None if cluster.groups else cluster.partition,
            )
            for cluster in self.clusters.values()
            if cluster.joined is None and cluster.new_images
        ]

    def _place(self, image_id: int, touched: set[int]) -> int:
        """Put an image into one cluster of those it touches, and give its key."""
        kinds = {self.clusters[key].partition for key in touched}
        if {POOL, AUDIT} <= kinds:
            return self._new(image_id, EXCLUDED)
        live = {key for key in touched if self.clusters[key].partition != EXCLUDED} or touched
        if not live:
            return self._new(image_id, None)
        kept = self._join(sorted(live))
        self.clusters[kept].new_images.append(image_id)
        self.clusters[kept].size += 1
        return kept

    def _join(self, keys: list[int]) -> int:
        """Make one cluster of several; those with a partition pass it on."""
        keys.sort(key=lambda key: (self.clusters[key].partition is None, key))
        kept = self.clusters[keys[0]]
        for key in keys[1:]:
            other = self.clusters[key]
            kept.size += other.size
            kept.new_images += other.new_images
            kept.groups += other.groups
            other.joined = keys[0]
        return keys[0]

    def _new(self, image_id: int, partition: str | None) -> int:
        key = self._next
        self._next -= 1
        self.clusters[key] = _Cluster(partition, 1, new_images=[image_id])
        return key

    def _root(self, key: int) -> int:
        while (joined := self.clusters[key].joined) is not None:
            key = joined
        return key

    def _size(self, keys: Iterable[int]) -> int:
        return sum(self.clusters[key].size for key in keys)

    def _remember(self, image_id: int, key: int, session: str, perceptual_hash: int) -> None:
        self.cluster_of[image_id] = key
        if session:
            self.by_session[session].add(key)
        self.by_hash[perceptual_hash].add(key)


def _neighbours(
    embedding_set: EmbeddingSet | None,
    ready: PartitionRows,
    decided: PartitionRows,
    cosine: float,
) -> dict[int, list[tuple[float, int]]]:
    """Give for each new image the (cosine, image) pairs at least this near, new ones included."""
    if embedding_set is None:
        return {}
    centre = embeddings.centre(embedding_set)
    if centre is None:
        return {}
    new = _embedded(embedding_set.pk, ready.image_ids)
    everything = np.concatenate([new, _embedded(embedding_set.pk, decided.image_ids)])
    vectors = embeddings.load_matrix(embedding_set.pk, new)
    rows = geometry.prepare(vectors, centre)
    are_few = len(everything) < FEW_IMAGES
    near: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for start in range(0, len(everything), _BLOCK_ROWS):
        ids = everything[start : start + _BLOCK_ROWS]
        others = embeddings.load_matrix(embedding_set.pk, ids)
        same = _same_scene(vectors, others) if are_few else None
        similarity = geometry.cosines(rows, others, centre)
        if same is not None:
            similarity = np.maximum(similarity, same)
        for a, b in np.argwhere(similarity >= cosine):
            if new[a] != ids[b]:
                near[int(new[a])].append((float(similarity[a, b]), int(ids[b])))
    return near


def _same_scene(vectors: Embeddings, others: Embeddings) -> Embeddings:
    """Give the (n, m) plain cosines of those as near as copies, 0 of all others.

    All 0 where the backbone finds hardly any two images unlike: then it says so of strangers too.
    """
    nowhere = np.zeros(vectors.shape[1])
    found = geometry.cosines(geometry.prepare(vectors, nowhere), others.copy(), nowhere)
    if np.quantile(found, UNLIKE_SHARE) >= UNLIKE:
        return np.zeros_like(found)
    return np.where(found >= SAME_SCENE, found, np.float32(0.0))


def _embedded(set_id: int, image_ids: Groups) -> Groups:
    return image_ids[embeddings.has_vector(set_id, image_ids)]
