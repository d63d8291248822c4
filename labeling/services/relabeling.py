"""A new image or a second opinion? The sweep weighs both by one score and sets the share."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from labeling.consensus import activelab, crowd
from labeling.models import Consensus, ConsensusState, ImagePrior, Partition
from labeling.selectors import crowd as crowd_selectors
from labeling.selectors import queue as queue_selectors
from labeling.selectors import votes
from labeling.services import consensus

if TYPE_CHECKING:
    import numpy.typing as npt

    from labeling.consensus.activelab import Weights
    from labeling.models import Project
    from labeling.selectors.projects import SchemeView

SAMPLE = 4000
KEPT = 500
CHUNK = 500
LEAST_WEIGHT = 0.05

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Seen:
    """One labeled image.

    Attributes:
        image_id: its key.
        quality: posterior of the label that stands, by today's skills.
        column: of that label.
        people: chances to be right of those who answered.
        agrees: whether the classifier says the same, or None where it has said nothing.
    """

    image_id: int
    quality: float
    column: int
    people: list[float]
    agrees: bool | None


def share(project: Project, scheme: SchemeView, rng: np.random.Generator) -> dict[str, Any]:
    """Give the fields of the crowd model that say how many second opinions to ask, and why.

    Scores samples of 4,000 labeled and 4,000 unanswered pool images, whatever the pool's size.
    """
    seen, n_labeled = _labeled(project, scheme, rng)
    confidence, n_unlabeled = _unlabeled(project, rng)
    if not seen:
        return {"relabel_share": 0.0, "relabel_detail": {"labeled": 0, "candidates": []}}
    weights, of_votes = _weights(seen, max(len(scheme.label_ids), 1))
    quality = np.array([each.quality for each in seen])
    scores = activelab.labeled_scores(quality, of_votes, weights)
    raw = activelab.relabel_share(
        scores,
        activelab.unlabeled_scores(confidence, weights),
        n_labeled=n_labeled,
        n_unlabeled=n_unlabeled,
        considered=project.window_size,
    )
    detail = {
        "raw": raw,
        "labeled": n_labeled,
        "unlabeled": n_unlabeled,
        "classifier_weight": weights.classifier,
        "annotator_weight": weights.annotator,
        "candidates": _lowest(seen, scores),
    }
    found = activelab.clipped(raw)
    logger.info("project %s: %.0f %% second opinions (%.3f raw)", project.slug, 100 * found, raw)
    return {"relabel_share": found, "relabel_detail": detail}


def _labeled(
    project: Project, scheme: SchemeView, rng: np.random.Generator
) -> tuple[list[_Seen], int]:
    """Draw from the pool images that people have labeled; give the sample, and their number."""
    rows = Consensus.objects.filter(
        project=project,
        state=ConsensusState.RESOLVED,
        is_expert=False,
        label_id__in=list(scheme.label_ids),
        image__partition=Partition.POOL,
        image__flagged_at__isnull=True,
        image__removed_at__isnull=True,
    )
    ids = np.fromiter(rows.values_list("image_id", flat=True).iterator(), dtype=np.int64)
    drawn = np.sort(rng.permutation(np.sort(ids))[:SAMPLE])
    seen: list[_Seen] = []
    for start in range(0, len(drawn), CHUNK):
        chunk = drawn[start : start + CHUNK].tolist()
        labels = dict(rows.filter(image_id__in=chunk).values_list("image_id", "label_id"))
        seen += _see(project.pk, scheme, labels)
    return seen, len(ids)


def _see(project_id: int, scheme: SchemeView, labels: dict[int, int]) -> list[_Seen]:
    """Look at some images and the labels that stand, by what is known of people now."""
    column_of = scheme.column_of
    ids, pool = sorted(labels), crowd_selectors.pool(project_id, scheme)
    answers, priors = votes.of_images(ids), crowd_selectors.priors(ids, scheme)
    people = {answer.annotator_id for said in answers.values() for answer in said}
    skills = crowd_selectors.skills(people, scheme)
    seen = []
    for image_id in ids:
        opinions = consensus.opinions(answers[image_id], column_of)
        prior, column = priors.get(image_id), column_of[labels[image_id]]
        q = crowd.posterior(opinions, skills, pool, prior=prior)
        known = [skills.get(vote.annotator, pool.average) for vote in opinions]
        chances = [crowd.mean_skill(each, pool) for each in known]
        agrees = None if prior is None else bool(prior.argmax() == column)
        seen.append(_Seen(image_id, float(q[column]), column, chances, agrees))
    return seen


def _unlabeled(project: Project, rng: np.random.Generator) -> tuple[npt.NDArray[np.float64], int]:
    """Give the classifier's confidence in a sample of unanswered pool images; 0 without one."""
    fresh = queue_selectors.undecided_pool(project.pk).exclude(consensus__n_votes__gt=0)
    ids = np.fromiter(fresh.values_list("pk", flat=True).iterator(), dtype=np.int64)
    drawn = rng.permutation(ids)[:SAMPLE]
    confidence = np.zeros(len(drawn))
    place_of = {int(image_id): place for place, image_id in enumerate(drawn)}
    for start in range(0, len(drawn), CHUNK):
        chunk = drawn[start : start + CHUNK].tolist()
        rows = ImagePrior.objects.filter(image_id__in=chunk)
        for image_id, stored in rows.values_list("image_id", "probabilities"):
            row = np.frombuffer(bytes(stored), dtype=np.float32)
            confidence[place_of[image_id]] = row.max(initial=0.0)
    return confidence, len(ids)


def _weights(seen: list[_Seen], k: int) -> tuple[Weights, npt.NDArray[np.float64]]:
    """Give the weights, and (n,) the summed weights of those who answered each image."""
    columns = np.array([each.column for each in seen])
    commonest = np.bincount(columns).max() / len(columns)
    error = max(1.0 - float(commonest), 1.0 / (2 * len(columns)))
    of_votes = np.array([activelab.weight(1 - np.array(each.people), error).sum() for each in seen])
    n_votes = sum(len(each.people) for each in seen)
    agreed = [each.agrees for each in seen if each.agrees is not None]
    of_classifier = 0.0
    if agreed:
        wrong = 1.0 - sum(agreed) / len(agreed)
        of_classifier = float(activelab.weight(wrong, error)) * math.sqrt(n_votes / len(seen))
    mean = max(float(of_votes.sum()) / max(n_votes, 1), LEAST_WEIGHT)
    return activelab.Weights(of_classifier, mean, k), of_votes


def _lowest(seen: list[_Seen], scores: npt.NDArray[np.float64]) -> list[int]:
    """Give the images with one vote that a second opinion helps most, the worst first."""
    order = np.argsort(scores, kind="stable").tolist()
    return [seen[place].image_id for place in order if len(seen[place].people) == 1][:KEPT]
