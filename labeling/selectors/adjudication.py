"""What waits for an expert, and what experts have made of what people agreed on."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Count, F, Q

from labeling.models import (
    Adjudication,
    AdjudicationKind,
    Annotation,
    AnnotationKind,
    Consensus,
    ConsensusState,
    Image,
    LabelValue,
    Membership,
    Partition,
    Project,
    Role,
)
from labeling.selectors import roster

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from uuid import UUID

VOTE_KINDS = (AnnotationKind.LABEL, AnnotationKind.CANT_TELL, AnnotationKind.NONE_OF_THESE)
EXPERT_ROLES = (Role.EXPERT, Role.MANAGER, Role.OWNER)
FEWEST = 0.2
"""No project looks at fewer of its agreements: what nobody checks is not known."""


@dataclass(frozen=True, slots=True)
class Opinions:
    """What people said of an image, experts' decisions left out.

    Attributes:
        counts: (kind, label id or None) to how many said it.
        only_experts: whether everyone who said it is an expert of the project.
    """

    counts: Counter[tuple[str, int | None]]
    only_experts: bool

    @property
    def differ(self) -> bool:
        """Tell whether not everybody said the same."""
        return len(self.counts) > 1

    @property
    def leader(self) -> tuple[str, int | None] | None:
        """Give what most people said, or None where two things lead."""
        ranked = self.counts.most_common(2)
        if not ranked or (len(ranked) == 2 and ranked[0][1] == ranked[1][1]):
            return None
        return ranked[0][0]


@dataclass(frozen=True, slots=True)
class Waiting:
    """The expert's queue: images in a fixed order that tells nothing of why they wait.

    Attributes:
        image_ids: in the order of their public ids; the last ones are the expert's own.
        public_ids: of the same.
        n_others: how many of them this expert has not answered as one of the people.
    """

    image_ids: list[int]
    public_ids: list[UUID]
    n_others: int

    def after(self, public_id: UUID | None, count: int) -> list[int]:
        """Give up to `count` image ids behind one, which may be decided by now.

        At the end it goes round.
        """
        start = 0
        if public_id in self.public_ids:
            start = self.public_ids.index(public_id) + 1
        elif public_id is not None:
            others = [str(one) for one in self.public_ids[: self.n_others]]
            start = bisect_right(others, str(public_id))
        order = self.image_ids[start:] + self.image_ids[:start]
        return order[:count]


@dataclass(frozen=True, slots=True)
class Stratum:
    """One kind of question: open, settled, and how often the expert said otherwise."""

    open: int
    settled: int
    overturned: roster.Share


@dataclass(frozen=True, slots=True)
class Checks:
    """What experts have made of a project's audit images, by image id.

    Attributes:
        pending: images whose question is open.
        said: of agreements that were drawn and settled, the label people alone had named.
        probability: of those, of being drawn.
    """

    pending: frozenset[int]
    said: dict[int, int]
    probability: dict[int, float]


@dataclass(frozen=True, slots=True)
class Summary:
    """How far adjudication is."""

    open: int
    settled: int
    disagreements: Stratum
    agreements: Stratum
    share: float


def share_of(project: Project) -> float:
    """Give the share of agreements that are looked at, never below a fifth."""
    return max(FEWEST, project.adjudication_share)


def decided_by_people(project_id: int) -> list[int]:
    """Give the measured audit images that people have decided, or could not, without an expert."""
    rows = Consensus.objects.filter(
        project_id=project_id,
        is_expert=False,
        image__partition=Partition.AUDIT,
        image__split_group__measured_image_id=F("image_id"),
        image__flagged_at__isnull=True,
        image__removed_at__isnull=True,
    ).exclude(state=ConsensusState.OPEN)
    return list(rows.order_by("image_id").values_list("image_id", flat=True))


def opinions(project_id: int, image_ids: Collection[int]) -> dict[int, Opinions]:
    """Give what people said of images, by two queries; who is in quarantine said nothing."""
    wanted = set(image_ids)
    experts = set(
        Membership.objects.filter(
            project_id=project_id, ended_at__isnull=True, role__in=EXPERT_ROLES
        ).values_list("user_id", flat=True)
    )
    rows = (
        Annotation.objects.filter(
            Q(labels__isnull=True) | Q(labels__value=LabelValue.YES),
            project_id=project_id,
            image__partition=Partition.AUDIT,
            kind__in=VOTE_KINDS,
            is_expert=False,
            withdrawn_at__isnull=True,
            annotator__quarantined_at__isnull=True,
        )
        .order_by("image_id", "pk")
        .values_list("image_id", "kind", "labels__label_id", "annotator__user_id")
    )
    counts: dict[int, Counter[tuple[str, int | None]]] = {}
    others: set[int] = set()
    for image_id, kind, label_id, user_id in rows:
        if image_id in wanted:
            counts.setdefault(image_id, Counter())[kind, label_id] += 1
            if user_id not in experts:
                others.add(image_id)
    return {key: Opinions(said, key not in others) for key, said in counts.items()}


def waiting(project_id: int, annotator_id: int) -> Waiting:
    """Give what waits for an expert: disputes and audit questions alike.

    In the order of the images' random public ids; those this expert has answered as one of the
    people come last: somebody else had better decide them.
    """
    images = Image.objects.filter(
        pk__in=_waiting_ids(Q(project_id=project_id)),
        flagged_at__isnull=True,
        removed_at__isnull=True,
    )
    rows = list(images.values_list("pk", "public_id"))
    mine = set(
        Annotation.objects.filter(
            annotator_id=annotator_id,
            image_id__in=[pk for pk, _ in rows],
            withdrawn_at__isnull=True,
            kind__in=VOTE_KINDS,
        ).values_list("image_id", flat=True)
    )
    rows.sort(key=lambda row: (row[0] in mine, str(row[1])))
    n_others = sum(pk not in mine for pk, _ in rows)
    return Waiting([pk for pk, _ in rows], [public_id for _, public_id in rows], n_others)


def is_waiting(image_id: int) -> bool:
    """Tell whether an image waits for an expert."""
    return bool(_waiting_ids(Q(image_id=image_id)))


def decided_by(annotator_id: int) -> int:
    """Count the live decisions of one expert."""
    return (
        Annotation.objects.filter(
            annotator_id=annotator_id, is_expert=True, withdrawn_at__isnull=True
        )
        .exclude(kind=AnnotationKind.UNDO)
        .count()
    )


def images(image_ids: Iterable[int]) -> list[Image]:
    """Give images in the order of their ids as given."""
    order = list(image_ids)
    found = Image.objects.in_bulk(order)
    return [found[pk] for pk in order if pk in found]


def state(project_id: int) -> tuple[int, int]:
    """Count the questions and those of them that are settled: changes whenever `checks` does."""
    found = Adjudication.objects.filter(project_id=project_id).aggregate(
        asked=Count("pk"), settled=Count("settled_at")
    )
    return found["asked"], found["settled"]


def summary(project: Project) -> Summary:
    """Count open and settled questions, and how often an expert overturned what people said."""
    rows = list(
        Adjudication.objects.filter(project=project)
        .select_related("annotation")
        .prefetch_related("annotation__labels")
        .order_by("pk")
    )
    settled = [row for row in rows if row.settled_at is not None]
    said = opinions(project.pk, [row.image_id for row in settled])
    strata = {kind: _stratum(kind, rows, said) for kind in AdjudicationKind.values}
    return Summary(
        open=len(rows) - len(settled),
        settled=len(settled),
        disagreements=strata[AdjudicationKind.DISAGREEMENT],
        agreements=strata[AdjudicationKind.AGREEMENT_SAMPLE],
        share=share_of(project),
    )


def checks(project_id: int) -> Checks:
    """Read the questions of a project and what people had said of those that were checked."""
    rows = Adjudication.objects.filter(project_id=project_id).values_list(
        "image_id",
        "kind",
        "probability",
        "settled_at",
        "annotation__withdrawn_at",
        "annotation__annotator__quarantined_at",
    )
    pending: set[int] = set()
    drawn: dict[int, float] = {}
    for image_id, kind, probability, settled_at, *void in rows.order_by("pk"):
        if settled_at is None or any(void):
            pending.add(image_id)
        elif kind == AdjudicationKind.AGREEMENT_SAMPLE:
            drawn[image_id] = probability
    said = opinions(project_id, drawn) if drawn else {}
    named = {
        image_id: found.leader[1]
        for image_id, found in said.items()
        if found.leader is not None and found.leader[1] is not None
    }
    return Checks(frozenset(pending), named, {key: drawn[key] for key in named})


def verdict(annotation: Annotation) -> tuple[str, int | None]:
    """Give what an expert said, in the words of `Opinions`."""
    first = next(iter(annotation.labels.all()), None)
    return annotation.kind, first.label_id if first else None


def _waiting_ids(where: Q) -> set[int]:
    """Give the images that are disputed or asked about; each half by an index of its own."""
    disputed = Consensus.objects.filter(where, state=ConsensusState.DISPUTED)
    asked = Adjudication.objects.filter(where, settled_at__isnull=True)
    return {
        *disputed.order_by("image_id").values_list("image_id", flat=True),
        *asked.order_by("image_id").values_list("image_id", flat=True),
    }


def _stratum(kind: str, rows: list[Adjudication], said: dict[int, Opinions]) -> Stratum:
    mine = [row for row in rows if row.kind == kind]
    settled = [row for row in mine if row.settled_at is not None]
    judged = [
        verdict(row.annotation) != leader
        for row in settled
        if row.annotation is not None
        and row.image_id in said
        and (leader := said[row.image_id].leader) is not None
    ]
    return Stratum(
        open=len(mine) - len(settled),
        settled=len(settled),
        overturned=roster.share(sum(judged), len(judged) - sum(judged)),
    )
