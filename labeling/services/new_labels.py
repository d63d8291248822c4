"""Labels that a scheme may lack: put before staff, and made, joined or dismissed by them.

What staff decide of an image is an expert's answer of whoever decides: nothing anybody said before
is touched, and the head learns from it like from any other label.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction

from labeling.errors import LabelingError
from labeling.models import (
    AnnotationKind,
    Label,
    LabelProposal,
    LabelProposalImage,
    LabelProposalState,
    Project,
)
from labeling.selectors import new_labels as selectors
from labeling.selectors import projects as project_selectors
from labeling.services import decisions, schemes
from labeling.services.journal import record_event

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime
    from uuid import UUID

FEWEST = 5
"""Images that nobody has judged yet, for a proposal."""


class ProposalNotFoundError(LabelingError):
    """The project has no such proposal."""

    code = "proposal_not_found"
    status = 404


class ProposalSettledError(LabelingError):
    """Somebody has settled the proposal meanwhile, or its images have got labels."""

    code = "proposal_settled"
    status = 409


class ProposalChangedError(LabelingError):
    """Images were named that are not in the proposal now."""

    code = "proposal_changed"
    status = 409


@dataclass(frozen=True, slots=True)
class Cluster:
    """Images alike that people say fit no label, in the order of the answers."""

    image_ids: Sequence[int]
    similarity: float
    n_groups: int


@dataclass(frozen=True, slots=True)
class Choice:
    """What somebody decided of a proposal: which images they took along, and which they left out.

    An image of the proposal that is in neither was not seen, and may be proposed again.
    """

    project_id: int
    proposal: UUID
    taken: Collection[UUID]
    left_out: Collection[UUID]
    user_id: int
    annotator_id: int
    now: datetime


def propose(*, project_id: int, clusters: Sequence[Cluster], now: datetime) -> int:
    """Bring the open proposals in line with what is alike now; give how many wait.

    A cluster goes on as the proposal it shares most images with. Images judged before do not count,
    and a cluster that holds some needs at least as many that nobody has judged: what was dismissed
    once comes back later each time. An open proposal without a cluster lapses.
    """
    with transaction.atomic():
        # One search at a time, and none while somebody settles.
        Project.objects.select_for_update(no_key=True).get(pk=project_id)
        judged = selectors.judged_before(project_id)
        left = list(selectors.waiting(project_id))
        n_open = 0
        for cluster in clusters:
            fresh = [key for key in cluster.image_ids if key not in judged]
            if len(fresh) < max(FEWEST, len(cluster.image_ids) - len(fresh)):
                continue
            n_open += 1
            proposal = _closest(left, fresh)
            if proposal is None:
                proposal = LabelProposal(project_id=project_id, created_at=now)
            else:
                left.remove(proposal)
            proposal.similarity, proposal.n_groups = cluster.similarity, cluster.n_groups
            proposal.save()
            _hold(proposal, fresh)
        for proposal in left:
            proposal.state, proposal.settled_at = LabelProposalState.LAPSED, now
            proposal.save(update_fields=["state", "settled_at"])
    return n_open


def make_label(choice: Choice, *, name: str) -> LabelProposal:
    """Add a label to the scheme and give it the images taken along, in one transaction.

    Raises:
        ProposalNotFoundError, ProposalSettledError, ProposalChangedError: as named.
        LabelTakenError: a live label has that name; the images may belong to it.
    """
    with transaction.atomic():
        proposal, taken = _locked(choice)
        label = schemes.add_label(
            project_id=choice.project_id, name=name, now=choice.now, user_id=choice.user_id
        )
        _answer(choice, taken, label)
        return _settle(choice, proposal, LabelProposalState.MADE, label)


def join_label(choice: Choice, *, label_code: str) -> LabelProposal:
    """Give the images taken along a label that the scheme has.

    Raises:
        ProposalNotFoundError, ProposalSettledError, ProposalChangedError: as named.
        LabelNotFoundError: the project has no such label.
        InvalidAnswerError: it is retired.
    """
    with transaction.atomic():
        proposal, taken = _locked(choice)
        label = project_selectors.label(choice.project_id, label_code)
        _answer(choice, taken, label)
        return _settle(choice, proposal, LabelProposalState.JOINED, label)


def dismiss(choice: Choice) -> LabelProposal:
    """Make no label of the images; what people said of them stands.

    Raises:
        ProposalNotFoundError, ProposalSettledError, ProposalChangedError: as named.
    """
    with transaction.atomic():
        proposal, _ = _locked(choice)
        return _settle(choice, proposal, LabelProposalState.DISMISSED, None)


def _closest(proposals: Sequence[LabelProposal], image_ids: Sequence[int]) -> LabelProposal | None:
    """Give the proposal that shares most of these images, and one at least."""
    wanted = set(image_ids)
    shared = [
        sum(entry.image_id in wanted for entry in proposal.entries.all()) for proposal in proposals
    ]
    best = max(range(len(shared)), key=shared.__getitem__, default=None)
    return proposals[best] if best is not None and shared[best] else None


def _hold(proposal: LabelProposal, image_ids: Sequence[int]) -> None:
    """Let a proposal hold exactly these images, in this order."""
    proposal.entries.exclude(image_id__in=list(image_ids)).delete()
    LabelProposalImage.objects.bulk_create(
        [
            LabelProposalImage(proposal=proposal, image_id=image_id, place=place)
            for place, image_id in enumerate(image_ids)
        ],
        update_conflicts=True,
        unique_fields=["proposal", "image"],
        update_fields=["place"],
    )


def _locked(choice: Choice) -> tuple[LabelProposal, list[int]]:
    """Lock the proposal and mark what was seen of it; give it and the keys of the images taken."""
    Project.objects.select_for_update(no_key=True).get(pk=choice.project_id)
    proposal = LabelProposal.objects.filter(
        project_id=choice.project_id, public_id=choice.proposal
    ).first()
    if proposal is None:
        raise ProposalNotFoundError(f"This project has no proposal {choice.proposal}.")
    if proposal.state != LabelProposalState.OPEN:
        raise ProposalSettledError(
            f"This proposal {proposal.get_state_display()} meanwhile; reload the page."
        )
    key_of = dict(proposal.entries.order_by("pk").values_list("image__public_id", "image_id"))
    gone = sorted(str(key) for key in {*choice.taken, *choice.left_out} if key not in key_of)
    if gone:
        raise ProposalChangedError(
            f"{len(gone)} of these images are no longer in the proposal; reload the page.",
            images=gone,
        )
    left_out = [key_of[key] for key in choice.left_out]
    taken = sorted(key_of[key] for key in set(choice.taken) - set(choice.left_out))
    entries = proposal.entries.all()
    entries.exclude(image_id__in=[*taken, *left_out]).delete()
    entries.filter(image_id__in=taken).update(is_chosen=True)
    entries.filter(image_id__in=left_out).update(is_chosen=False)
    return proposal, taken


def _answer(choice: Choice, image_ids: Sequence[int], label: Label) -> None:
    """Say of each image what it shows, in the order in which everybody locks images."""
    for image_id in image_ids:
        decisions.adjudicate(
            project_id=choice.project_id,
            image_id=image_id,
            annotator_id=choice.annotator_id,
            kind=AnnotationKind.LABEL,
            label_code=label.code,
            now=choice.now,
        )


def _settle(
    choice: Choice, proposal: LabelProposal, state: LabelProposalState, label: Label | None
) -> LabelProposal:
    proposal.state, proposal.label = state, label
    proposal.settled_at, proposal.settled_by_id = choice.now, choice.user_id
    proposal.save(update_fields=["state", "label", "settled_at", "settled_by"])
    record_event(
        project_id=choice.project_id,
        user_id=choice.user_id,
        verb=f"label_proposal_{state.value.lower()}",
        now=choice.now,
        target=label.code if label else "",
        detail={
            "proposal": str(proposal.public_id),
            "images": len(choice.taken),
            "left_out": len(choice.left_out),
        },
    )
    return proposal
