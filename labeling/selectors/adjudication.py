"""What waits for an expert, and what experts have made of what people agreed on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Exists, F, OuterRef, Q

from labeling.models import (
    Adjudication,
    AdjudicationKind,
    Annotation,
    AnnotationKind,
    Consensus,
    ConsensusState,
    GoldReference,
    Image,
    LabelValue,
    Membership,
    Partition,
    Project,
    Role,
)
from labeling.selectors import projects, roster

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from uuid import UUID

    from django.db.models import QuerySet

VOTE_KINDS = (AnnotationKind.LABEL, AnnotationKind.CANT_TELL, AnnotationKind.NONE_OF_THESE)
EXPERT_ROLES = (Role.EXPERT, Role.MANAGER, Role.OWNER)
FEWEST = 0.2
"""No project looks at fewer of its agreements: what nobody checks is not known."""
COUNTED = 1000
"""Where more than these wait for an expert, nobody needs to know how many."""


Said = tuple[str, int | tuple[int, ...] | None]


@dataclass(frozen=True, slots=True)
class Opinions:
    """What people said of an image, experts' decisions left out.

    Attributes:
        counts: (kind, label id or None; the ids of several labels) to how many said it.
        only_experts: whether everyone who said it is an expert of the project.
    """

    counts: Counter[Said]
    only_experts: bool

    @property
    def differ(self) -> bool:
        """Tell whether not everybody said the same."""
        return len(self.counts) > 1

    @property
    def leader(self) -> Said | None:
        """Give what most people said, or None where two things lead."""
        ranked = self.counts.most_common(2)
        if not ranked or (len(ranked) == 2 and ranked[0][1] == ranked[1][1]):
            return None
        return ranked[0][0]


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
        named: of images whose label is open, the labels people have named.
    """

    pending: frozenset[int]
    said: dict[int, int]
    probability: dict[int, float]
    named: dict[int, frozenset[int]]


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


def opinions(
    project_id: int, image_ids: Collection[int], standing: Mapping[int, int] | None = None
) -> dict[int, Opinions]:
    """Give what people said of images, by two queries; who is in quarantine said nothing.

    `standing` says what labels that were merged into others are now; without it, it is looked up.
    """
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
        .values_list("image_id", "pk", "kind", "labels__label_id", "annotator__user_id")
    )
    counts: dict[int, Counter[Said]] = {}
    others: set[int] = set()
    if standing is None:
        standing = projects.current_scheme(project_id).standing
    for (image_id, _, kind, user_id), answer in groupby(rows, key=itemgetter(0, 1, 2, 4)):
        if image_id in wanted:
            named = [label_id for *_, label_id, _ in answer if label_id is not None]
            said = _said(kind, [standing.get(one, one) for one in named])
            counts.setdefault(image_id, Counter())[said] += 1
            if user_id not in experts:
                others.add(image_id)
    return {key: Opinions(said, key not in others) for key, said in counts.items()}


def _said(kind: str, label_ids: Sequence[int]) -> Said:
    """Name an answer so that two that say the same are equal."""
    if len(set(label_ids)) > 1:
        return kind, tuple(sorted(set(label_ids)))
    return kind, label_ids[0] if label_ids else None


def _ids(said: Said) -> tuple[int, ...]:
    named = said[1]
    if isinstance(named, tuple):
        return named
    return () if named is None else (named,)


def upcoming(project_id: int, annotator_id: int, *, after: UUID | None, count: int) -> list[Image]:
    """Give up to `count` images that wait for an expert: disputes and audit questions alike.

    In the order of their random public ids, which tells nothing of why they wait; those this
    expert has answered as one of the people come last: somebody else had better decide them. It
    goes on behind `after`, which may be decided by now, and at the end it goes round.
    """
    mine = Annotation.objects.filter(
        annotator_id=annotator_id,
        image_id=OuterRef("pk"),
        withdrawn_at__isnull=True,
        kind__in=VOTE_KINDS,
    )
    rows = (
        _waiting(project_id).annotate(is_mine=Exists(mine)).order_by("is_mine", "public_id", "pk")
    )
    if after is None:
        return [*rows[:count]]
    was_mine = bool(rows.filter(public_id=after).values_list("is_mine", flat=True).first())
    behind = Q(is_mine=was_mine, public_id__gt=after)
    if not was_mine:
        behind |= Q(is_mine=True)  # one's own stand behind the others
    found = [*rows.filter(behind)[:count]]
    return [*found, *rows.filter(~behind)[: count - len(found)]]


def left(project_id: int) -> int:
    """Count the images that wait for an expert, up to `COUNTED`."""
    return _waiting(project_id)[:COUNTED].count()


def is_waiting(image_id: int) -> bool:
    """Tell whether an image waits for an expert."""
    return any(half.exists() for half in _halves(Q(image_id=image_id)))


def decided_by(annotator_id: int) -> int:
    """Count the live decisions of one expert; a gold reference is none, nobody had asked for it."""
    set_as_gold = GoldReference.objects.filter(
        image=OuterRef("image"),
        annotator=OuterRef("annotator"),
        created_at=OuterRef("created_at"),
    )
    return (
        Annotation.objects.filter(
            ~Exists(set_as_gold),
            annotator_id=annotator_id,
            is_expert=True,
            withdrawn_at__isnull=True,
        )
        .exclude(kind=AnnotationKind.UNDO)
        .count()
    )


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
    standing = projects.current_scheme(project.pk).standing
    said = opinions(project.pk, [row.image_id for row in settled], standing)
    strata = {kind: _stratum(kind, rows, said, standing) for kind in AdjudicationKind.values}
    return Summary(
        open=len(rows) - len(settled),
        settled=len(settled),
        disagreements=strata[AdjudicationKind.DISAGREEMENT],
        agreements=strata[AdjudicationKind.AGREEMENT_SAMPLE],
        share=share_of(project),
    )


def checks(
    project_id: int,
    undecided: Collection[int] = (),
    standing: Mapping[int, int] | None = None,
) -> Checks:
    """Read the questions of a project and what people had said of the images.

    Args:
        project_id: the project.
        undecided: images that no expert is asked about and that have no label either.
        standing: as for `opinions`.
    """
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
    wanted = {*drawn, *pending, *undecided}
    said = opinions(project_id, wanted, standing) if wanted else {}
    agreed = {
        image_id: found.leader[1]
        for image_id, found in said.items()
        if image_id in drawn and found.leader is not None and isinstance(found.leader[1], int)
    }
    named = {
        image_id: frozenset(label_id for one in found.counts for label_id in _ids(one))
        for image_id, found in said.items()
        if image_id not in drawn
    }
    return Checks(
        frozenset(pending), agreed, {image_id: drawn[image_id] for image_id in agreed}, named
    )


def verdict(annotation: Annotation, standing: Mapping[int, int]) -> Said:
    """Give what an expert said, in the words of `Opinions`.

    `standing` says what labels that were merged into others are now.
    """
    named = [row.label_id for row in annotation.labels.all()]
    return _said(annotation.kind, [standing.get(one, one) for one in named])


def _waiting(project_id: int) -> QuerySet[Image]:
    """Give the usable images that are disputed or asked about, each once."""
    disputed, asked = _halves(Q(project_id=project_id))
    return Image.objects.filter(
        pk__in=disputed.union(asked), flagged_at__isnull=True, removed_at__isnull=True
    )


def _halves(where: Q) -> tuple[QuerySet[Any, int], QuerySet[Any, int]]:
    """Give the ids of disputed images and of those asked about; each by an index of its own."""
    disputed = Consensus.objects.filter(where, state=ConsensusState.DISPUTED)
    asked = Adjudication.objects.filter(where, settled_at__isnull=True)
    return disputed.values_list("image_id", flat=True), asked.values_list("image_id", flat=True)


def _stratum(
    kind: str,
    rows: list[Adjudication],
    said: dict[int, Opinions],
    standing: Mapping[int, int],
) -> Stratum:
    mine = [row for row in rows if row.kind == kind]
    settled = [row for row in mine if row.settled_at is not None]
    judged = [
        verdict(row.annotation, standing) != leader
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
