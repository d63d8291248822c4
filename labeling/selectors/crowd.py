"""What is known of a project's annotators, in the columns of its current scheme.

In the tables everything is kept by label code, so that it outlives a change of the scheme; the
empty code is "none of these", the last column.
"""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from django.db.models import Exists, OuterRef

from labeling.consensus.crowd import Pool, Skill, start_pool
from labeling.models import (
    Annotation,
    AnnotatorSkill,
    Assignment,
    AssignmentState,
    Consensus,
    ConsensusState,
    CrowdModel,
    ImagePrior,
    Partition,
    QueueEntry,
    QueueEntryState,
    Reason,
)
from labeling.selectors import label_order, projects
from labeling.selectors.prepared import Prepared

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    import numpy.typing as npt

    from labeling.selectors.projects import SchemeView

NONE_CODE = ""
SWEPT_EVERY = timedelta(minutes=5)
SWEPT_WITH = 1000


def outcomes(scheme: SchemeView) -> tuple[str, ...]:
    """Give the codes of the columns: labels in scheme order, then none of these."""
    return (*(scheme.codes or ("?",)), NONE_CODE)


def pool(project_id: int, scheme: SchemeView) -> Pool:
    """Give what all annotators share, in the columns of this scheme version.

    Labels that came after the last sweep start as every label does. One query; a second one only
    where the sweep has written since this process last looked.
    """
    row = _version.first(project_id)
    if row is None or row[1] is None:
        return _start(len(outcomes(scheme)))
    return _stored(row[0], row[1], scheme)


_version = Prepared(
    lambda project_id: CrowdModel.objects.filter(project_id=project_id).values_list(
        "pk", "detail__version", "scheme_id"
    )
)


_skills = Prepared(
    lambda annotator_ids: AnnotatorSkill.objects.filter(annotator_id__in=annotator_ids).values_list(
        "annotator_id", "n_right", "n_wrong", "confusions"
    )
)


def skills(annotator_ids: Iterable[int], scheme: SchemeView) -> dict[int, Skill]:
    """Give the skills of these annotators by one query; who has none yet is left out."""
    column_of = {code: column for column, code in enumerate(outcomes(scheme))}
    people = sorted(set(annotator_ids))
    rows = _skills.rows(people) if people else []
    return {
        annotator_id: Skill(right, wrong, by_column(confusions, column_of))
        for annotator_id, right, wrong, confusions in rows
    }


_priors = Prepared(
    lambda image_ids: (
        ImagePrior.objects.filter(image_id__in=image_ids)
        .order_by("image_id")
        .values_list("image_id", "scheme_id", "probabilities")
    )
)


def priors(image_ids: Sequence[int], scheme: SchemeView) -> dict[int, npt.NDArray[np.float32]]:
    """Give (k,) out-of-group probabilities of the classifier where there are any.

    The caller leaves audit images out.
    """
    rows = _priors.rows(list(image_ids)) if len(image_ids) else []
    by_scheme: dict[int, dict[int, bytes]] = {}
    for image_id, scheme_id, stored in rows:
        by_scheme.setdefault(scheme_id, {})[image_id] = bytes(stored)
    found: dict[int, npt.NDArray[np.float32]] = {}
    for scheme_id, of_images in by_scheme.items():
        old = scheme.label_ids if scheme_id == scheme.id else label_order.label_ids(scheme_id)
        matrix = np.frombuffer(b"".join(of_images.values()), dtype=np.float32)
        mapped = label_order.remap(
            matrix.reshape(len(of_images), -1), old, scheme.label_ids, scheme.lineage
        )
        found |= dict(zip(of_images, mapped, strict=True))
    return found


def by_column(
    confusions: dict[str, float], column_of: dict[str, int]
) -> dict[tuple[int, int], float]:
    """Give confusions by columns; those of labels that were retired are left out."""
    found = {}
    for pair, count in confusions.items():
        truth, said = pair.split(">")
        if truth in column_of and said in column_of:
            found[column_of[truth], column_of[said]] = count
    return found


@lru_cache(maxsize=32)
def _start(n_outcomes: int) -> Pool:
    return start_pool(n_outcomes)


@lru_cache(maxsize=32)
def _stored(crowd_id: int, version: str, scheme: SchemeView) -> Pool:
    """Read a crowd model as it was written under `version`, which is drawn anew by every sweep."""
    row = CrowdModel.objects.get(pk=crowd_id)
    stored = row.minimum_votes
    codes = outcomes(scheme)
    before = codes
    if row.scheme_id is not None and row.scheme_id != scheme.id:
        before = outcomes(projects.scheme(row.scheme_id))
    n = len(before)
    confusion = np.frombuffer(bytes(row.confusion or b""), dtype=np.float64).reshape(n, n)
    return Pool(
        alpha=row.alpha,
        beta=row.beta,
        confusion=_remapped(confusion, before, codes),
        prior_weight=row.prior_weight,
        minimum_votes=np.array([stored.get(code, 1) for code in codes], dtype=np.int64),
        frequency=_frequency(row.frequency, codes),
    )


def _frequency(stored: dict[str, float], codes: Sequence[str]) -> npt.NDArray[np.float64] | None:
    """Give the shares of these outcomes; a new label is taken to be as common as the average."""
    if not stored:
        return None
    mean = sum(stored.values()) / len(stored)
    found = np.array([stored.get(code, mean) for code in codes])
    return np.asarray(found / found.sum())


def _remapped(
    confusion: npt.NDArray[np.float64], before: Sequence[str], after: Sequence[str]
) -> npt.NDArray[np.float64]:
    """Bring confusions to other columns; rows of new labels are even, the rest is scaled to 1."""
    if tuple(before) == tuple(after):
        return confusion
    column_of = {code: column for column, code in enumerate(before)}
    places = [place for place, code in enumerate(after) if code in column_of]
    columns = [column_of[after[place]] for place in places]
    even = start_pool(len(after)).confusion
    out = even.copy()
    out[np.ix_(places, places)] = confusion[np.ix_(columns, columns)]
    ease = np.where(np.eye(len(after), dtype=bool), out, 0.0)
    off = out - ease
    total = off.sum(axis=1, keepdims=True)
    scaled: npt.NDArray[np.float64] = np.where(total > 0, off / np.where(total > 0, total, 1), even)
    return scaled + ease


def due(now: datetime) -> list[int]:
    """Give the projects whose crowd is to be fitted: 1,000 new answers, or one and five minutes."""
    found = []
    for project_id in projects.ids():
        row = CrowdModel.objects.filter(project_id=project_id).first()
        fresh = Annotation.objects.filter(
            project_id=project_id, pk__gt=row.last_annotation_id if row else 0
        ).order_by("-pk")
        is_rested = row is None or row.swept_at is None or row.swept_at <= now - SWEPT_EVERY
        n = 1 if is_rested else SWEPT_WITH
        if fresh.values_list("pk")[n - 1 : n].exists():
            found.append(project_id)
    return found


def model(project_id: int) -> CrowdModel | None:
    """Give a project's crowd model, or None before the first sweep."""
    return CrowdModel.objects.filter(project_id=project_id).first()


def relabel_share(project_id: int) -> tuple[float, dict[str, Any]]:
    """Give the share of acquired images that are to be second opinions, and how that was found.

    0 before the first sweep, when there is nothing to compare. The account: `raw` (the share of
    labeled images among the lowest ActiveLab scores, before it was held between 0.1 and 0.5), how
    many images are `labeled` and `unlabeled`, `classifier_weight` and `annotator_weight`.
    """
    row = (
        CrowdModel.objects.filter(project_id=project_id, swept_at__isnull=False)
        .values_list("relabel_share", "relabel_detail")
        .first()
    )
    if row is None:
        return 0.0, {}
    detail = {name: value for name, value in row[1].items() if name != "candidates"}
    return float(row[0]), detail


def relabel_candidates(project_id: int, limit: int) -> list[int]:
    """Give pool images that a second opinion would help most, the worst first.

    Decided by one vote, in nobody's hands, waiting in no stream but the acquired one; scored by
    the last sweep.
    """
    stored = CrowdModel.objects.filter(project_id=project_id).values_list("relabel_detail")
    row = stored.first()
    ids = row[0].get("candidates", []) if row and limit > 0 else []
    held = Assignment.objects.filter(image=OuterRef("image"), state=AssignmentState.OPEN)
    waiting = QueueEntry.objects.filter(image=OuterRef("image"), state=QueueEntryState.OPEN)
    free = Consensus.objects.filter(
        ~Exists(held),
        ~Exists(waiting.exclude(reason=Reason.ACQUIRED)),
        image_id__in=ids,
        state=ConsensusState.RESOLVED,
        is_expert=False,
        n_votes=1,
        image__partition=Partition.POOL,
        image__flagged_at__isnull=True,
        image__removed_at__isnull=True,
    )
    found = set(free.values_list("image_id", flat=True))
    return [image_id for image_id in ids if image_id in found][:limit]
