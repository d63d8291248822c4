"""What a refit does for the queue: the pool's scores, the window, the priors of consensus."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ml.models import Embedding
from ml.services import acquisition, contains, priors, refit_due, similar
from ml.services.acquisition import Labeled

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from ml.heads.ridge import FittedHead
    from ml.models import EmbeddingSet, ModelVersion
    from ml.services.refit_basis import Basis
    from ml.types import Indices


def fill(
    basis: Basis,
    embedding_set: EmbeddingSet,
    *,
    fitted: FittedHead | None,
    version: ModelVersion | None,
    now: datetime,
    close_stage: Callable[[str], None],
) -> None:
    """Rescore the pool, fill the window and write priors, where one of them is due.

    Args:
        basis: what the refit goes by; what the next one needs to know is kept in it.
        embedding_set: the vectors of the pool.
        fitted: the head just learned, or None: then the champion's orders the pool.
        version: the version made of it.
        now: the time.
        close_stage: called with the name of each stage as it ends.
    """
    seen = Labeled.of(basis.rows)
    is_fresh = fitted is not None and not seen.is_cold
    if not (is_fresh or _is_due(basis, embedding_set)):
        return
    scored = acquisition.score_candidates(
        project_id=basis.project.pk,
        set_id=embedding_set.pk,
        head=fitted.head if fitted else basis.serving_head(),
        labeled=seen,
    )
    scored = basis.lending.narrow(scored)
    close_stage("rescore")
    rng = np.random.default_rng([basis.project.seed, len(seen.image_ids)])
    again = []
    if fitted is not None and basis.rows.is_several:
        again = contains.doubted(basis.project, basis.rows, fitted.out_of_group, rng)
    chosen = acquisition.refill(
        project=basis.project,
        scored=scored,
        labeled=seen,
        model_version=version.public_id if fitted and version else basis.champion_id,
        rng=rng,
        now=now,
        again=again,
    )
    basis.kept["n_vectors"] = Embedding.objects.filter(set=embedding_set).count()
    basis.kept["n_chosen"] = len(chosen)
    close_stage("refill")
    # With several labels an image no prior enters consensus.
    if fitted is not None and version is not None and not basis.rows.is_several:
        _write_priors(basis, embedding_set, fitted, version, scored=scored, chosen=chosen, now=now)
        close_stage("priors")


def _is_due(basis: Basis, embedding_set: EmbeddingSet) -> bool:
    """Herding has ordered its window already; it is filled again when half of it is gone."""
    n_chosen = int(basis.kept.get("n_chosen", 0))
    if basis.is_forced or n_chosen == 0 or similar.is_waiting(basis.project.pk):
        return True
    has_grown = refit_due.has_pool_grown(embedding_set, basis.kept)
    return has_grown or acquisition.is_low(basis.project, n_chosen)


def _write_priors(
    basis: Basis,
    embedding_set: EmbeddingSet,
    fitted: FittedHead,
    version: ModelVersion,
    *,
    scored: acquisition.Scored,
    chosen: Indices,
    now: datetime,
) -> None:
    rows = basis.rows
    n_labels = len(rows.image_ids)
    # After a replay no image keeps a prior that answers set aside have shaped.
    key = [rows.scheme_id, embedding_set.pk, rows.label_changes]
    is_full = basis.kept.get("priors_of") != key or priors.is_full_due(
        n_labels, int(basis.kept.get("priors_at", 0))
    )
    priors.write(
        project_id=basis.project.pk,
        scheme_id=rows.scheme_id,
        model_version=version.public_id,
        scored=scored,
        labeled_ids=rows.image_ids,
        out_of_group=fitted.out_of_group,
        chosen=chosen,
        is_full=is_full,
        now=now,
    )
    if is_full:
        basis.kept |= {"priors_of": key, "priors_at": n_labels}
