"""The sweep: everybody's skill, what all share and every posterior at once, from all votes.

Memory is bounded by (images + distinct pairs of annotator and answer) x outcomes numbers of four
bytes; never images x annotators.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from labeling.consensus import crowd, pooling
from labeling.consensus.crowd import Pool, Skill

if TYPE_CHECKING:
    import numpy.typing as npt

    Ints = npt.NDArray[np.int32]
    Matrix = npt.NDArray[np.float64]
    Single = npt.NDArray[np.float32]

WEIGHTS = tuple(step / 10 for step in range(11))
"""What is tried for the trust in the classifier."""
_WEIGHT_SPREAD = 0.3
_KEPT = 0.05
_BLOCK_PAIRS = 1 << 16
_BLOCK_CELLS = 1 << 18  # fits the processor's cache


@dataclass(frozen=True, slots=True)
class VoteTable:
    """All live votes of a project: n votes on m images.

    Attributes:
        image: (n,) rows of `known`.
        annotator: (n,) positions; an annotator votes at most once an image.
        label: (n,) columns of outcomes, "none of these" last.
        known: (m,) outcome that gold or an expert says, or -1.
        priors: (m, k) out-of-group probabilities of the classifier, or None for no image.
        has_prior: (m,) where `priors` may be used; never for audit images. None: wherever `priors`
            is given.
    """

    image: Ints
    annotator: Ints
    label: Ints
    known: Ints
    priors: Single | None = None
    has_prior: npt.NDArray[np.bool_] | None = None

    @property
    def n_images(self) -> int:
        """Give m."""
        return len(self.known)


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep found.

    Attributes:
        posteriors: (m, k + 1), rows sum to 1; one-hot where known, the classifier's where nobody
            voted.
        right: (a,) expected right answers by annotator.
        wrong: (a,) expected wrong ones.
        by_outcome: (a, k + 1, 2) right and wrong answers by truth.
        confused_annotator: (c,) annotators of the confusions that are worth keeping, ascending.
        confused_truth: (c,) the true column of each.
        confused_said: (c,) the column said.
        confused_count: (c,) the expected count, right answers included.
        pool: what all share now.
        steps: how many were taken.
        log_likelihood: of the votes on images that are not known, priors included.
    """

    posteriors: Single
    right: Matrix
    wrong: Matrix
    by_outcome: Single
    confused_annotator: Ints
    confused_truth: Ints
    confused_said: Ints
    confused_count: Single
    pool: Pool
    steps: int
    log_likelihood: float

    def skill_of(self, annotator: int) -> Skill:
        """Give one annotator's skill as `crowd.posterior` takes it."""
        low, high = np.searchsorted(self.confused_annotator, [annotator, annotator + 1])
        rows = slice(int(low), int(high))
        pairs = zip(
            self.confused_truth[rows].tolist(), self.confused_said[rows].tolist(), strict=True
        )
        counts = self.confused_count[rows].tolist()
        confusions = dict(zip(pairs, counts, strict=True))
        return Skill(float(self.right[annotator]), float(self.wrong[annotator]), confusions)


def sweep(
    table: VoteTable,
    *,
    n_outcomes: int,
    n_annotators: int,
    start: Pool,
    max_steps: int = 10,
    tolerance: float = 1e-3,
    risk: float = 0.1,
) -> Swept:
    """Alternate between posteriors and skills until neither moves; deterministic.

    The posteriors are those of `crowd.posterior`: an image is believed by what all *other* images
    tell of its annotators (collapsed variational Bayes, Asuncion et al. 2009). Were its own counts
    left in, three people with three answers would soon agree that two of them confuse just these.
    Counts come from images with two votes or more
    and from known ones: one vote alone tells nothing about its author. In each step the Beta
    distribution of skills, the pooled confusion and the ease of outcomes are fitted to all
    annotators, shrunk to what is believed of any crowd; nothing carries over from an earlier sweep
    but the trust in the classifier, which is chosen anew where gold can tell: by the log-loss that
    the votes and the classifier alone have there, plus a normal distribution about `start`'s of
    spread 0.3.

    Args:
        table: the votes.
        n_outcomes: k + 1.
        n_annotators: a; every entry of `table.annotator` is below it.
        start: what is believed of the trust in the classifier.
        max_steps: at least 1.
        tolerance: largest change of a probability at which to stop.
        risk: as given to `retirement.decide`; the minimum votes depend on it.

    Raises:
        ValueError: the arrays disagree, or name what does not exist.
    """
    _check(table, n_outcomes, n_annotators, start)
    return _Sweep(table, n_outcomes, n_annotators, start).run(max_steps, tolerance, risk)


class _Sweep:
    def __init__(self, table: VoteTable, n_outcomes: int, n_annotators: int, start: Pool) -> None:
        from scipy.sparse import csr_array  # noqa: PLC0415 (kept off the web's import path)

        self.table, self.k1, self.n_annotators = table, n_outcomes, n_annotators
        self.pool = replace(crowd.start_pool(n_outcomes), prior_weight=start.prior_weight)
        key = table.annotator.astype(np.int64) * n_outcomes + table.label
        pairs, pair_of = np.unique(key, return_inverse=True)
        self.author = (pairs // n_outcomes).astype(np.int64)
        self.said = (pairs % n_outcomes).astype(np.int64)
        order = np.argsort(table.image, kind="stable")
        self.image, self.pair = table.image[order], pair_of[order]
        n_votes = np.bincount(table.image, minlength=table.n_images)
        self.first = np.concatenate([[0], np.cumsum(n_votes)])
        self.voted = n_votes > 0
        named_none = np.bincount(table.image, table.label == n_outcomes - 1, table.n_images)
        self.rules_out_none = self.voted & (named_none == 0)
        self.tells = (n_votes >= 2) | (table.known >= 0)
        telling = self.tells[table.image]
        ones = np.ones(int(telling.sum()), dtype=np.float32)
        self.telling = csr_array(
            (ones, (pair_of[telling], table.image[telling])), shape=(len(pairs), table.n_images)
        )
        columns, each = np.arange(len(pairs)), np.ones(len(pairs), dtype=np.float32)
        self.authors = csr_array((each, (self.author, columns)), shape=(n_annotators, len(pairs)))
        self.sayers = csr_array(
            (each, (self.said, columns)), shape=(n_outcomes, len(pairs))
        ).tocsc()
        self.term_of = _Priors(table, n_outcomes)

    def run(self, max_steps: int, tolerance: float, risk: float) -> Swept:
        q = np.zeros((self.table.n_images, self.k1), dtype=np.float32)
        self._count(np.zeros((len(self.said), self.k1), dtype=np.float32))
        log_likelihood, _ = self._believe(q)
        steps = 0
        for steps in range(1, max_steps + 1):
            self._count(self.telling @ q)
            self._share(q, risk)
            if steps == 2:
                self._weigh_the_classifier(q)
            log_likelihood, moved = self._believe(q)
            if moved <= tolerance:
                break
        self._count(self.telling @ q)
        return self._swept(q, steps, log_likelihood)

    def _count(self, counts: Single) -> None:
        """Take (pairs, k + 1) expected counts: by annotator and answer, the truth in columns."""
        self.counts = counts
        self.totals = np.asarray(self.authors @ counts)  # (a, k + 1)
        hits = counts[np.arange(len(self.said)), self.said]
        self.right = np.bincount(self.author, hits, self.n_annotators).astype(np.float64)
        self.wrong = np.maximum(self.totals.sum(axis=1, dtype=np.float64) - self.right, 0.0)

    def _share(self, q: Single, risk: float) -> None:
        """Fit what all share."""
        together = np.zeros((self.k1, self.k1))
        for first in range(0, len(self.counts), _BLOCK_PAIRS):
            rows = slice(first, first + _BLOCK_PAIRS)
            together += (self.sayers[:, rows] @ self.counts[rows]).T
        self.pool = pooling.fit(
            self.right,
            self.wrong,
            together,
            self.totals.astype(np.float64),
            q[self.voted].sum(axis=0, dtype=np.float64),
            prior_weight=self.pool.prior_weight,
            risk=risk,
        )

    def _words(self, votes: slice | npt.NDArray[np.intp], q: Single) -> Single:
        """Give (v, k + 1) log P(said | truth) of votes, by what all other images tell of people."""
        pool, image, pair = self.pool, self.image[votes], self.pair[votes]
        author, said, at = self.author[pair], self.said[pair], np.arange(len(pair))
        own = q[image] * self.tells[image, None]  # what the counts hold of this very image
        right = np.maximum(self.right[author] - own[at, said], 0.0)
        mass = np.maximum((self.right + self.wrong)[author] - self.tells[image], right)
        mean = np.clip((pool.alpha + right) / (pool.alpha + pool.beta + mass), *crowd.SKILL_BOUNDS)
        is_right = crowd.chance_right(mean.astype(np.float32)[:, None], self.ease)
        word = (1 - is_right) * self.errors[said]
        word[at, said] = is_right[at, said]
        word *= crowd.SHRINKAGE
        word += np.maximum(self.counts[pair] - own, 0.0)
        word /= crowd.SHRINKAGE + np.maximum(self.totals[author] - own, 0.0)
        word[at, said] = word.max(axis=1)
        np.maximum(word, crowd.SMALLEST, out=word)
        return np.asarray(np.log(word, out=word), dtype=np.float32)

    def _log_votes(self, rows: range, q: Single) -> Single:
        """Give (rows, k + 1) what the votes say of a run of images."""
        found = np.zeros((len(rows), self.k1), dtype=np.float32)
        starts = self.first[rows.start : rows.stop]
        voted = np.flatnonzero(self.voted[rows.start : rows.stop])
        if len(voted):
            words = self._words(slice(int(starts[0]), int(self.first[rows.stop])), q)
            found[voted] = np.add.reduceat(words, starts[voted] - starts[0], axis=0)
        return found

    def _runs(self) -> list[range]:
        """Cut the images into runs whose votes fit the processor's cache."""
        mean = max(1.0, len(self.image) / max(1, self.table.n_images))
        step = max(1, int(_BLOCK_CELLS / (self.k1 * mean)))
        n = self.table.n_images
        return [range(start, min(start + step, n)) for start in range(0, n, step)]

    def _believe(self, q: Single) -> tuple[float, float]:
        """Write the posteriors into q; give the log-likelihood and the largest change."""
        total, moved = 0.0, 0.0
        known, allowed = self.table.known, _allowed(self.pool)
        self._prepare()
        for run in self._runs():
            rows = slice(run.start, run.stop)
            share = self._log_votes(run, q)
            share += self.term_of(rows, self.pool, allowed)
            share[self.rules_out_none[rows], -1] = -np.inf
            highest = share.max(axis=1, keepdims=True)
            share -= highest
            np.exp(share, out=share)
            sums = share.sum(axis=1, keepdims=True)
            counted = (known[rows] < 0) & self.voted[rows]
            total += float((highest + np.log(sums))[counted].sum(dtype=np.float64))
            share /= sums
            is_known = np.flatnonzero(known[rows] >= 0)
            share[is_known] = 0.0
            share[is_known, known[rows][is_known]] = 1.0
            moved = max(moved, float(np.abs(share - q[rows]).max()))
            q[rows] = share
        return total, moved

    def _prepare(self) -> None:
        self.ease = np.diagonal(self.pool.confusion).astype(np.float32)
        self.errors = np.ascontiguousarray(self.pool.confusion.T, dtype=np.float32)  # by said

    def _weigh_the_classifier(self, q: Single) -> None:
        """Choose the prior weight by the log-loss of gold images, as if they were not gold."""
        rows = np.flatnonzero((self.table.known >= 0) & self.voted & self.term_of.is_given)
        if not len(rows):
            return
        self._prepare()
        truth = self.table.known[rows]
        votes = np.concatenate([self._log_votes(range(row, row + 1), q) for row in rows.tolist()])
        believed = self.pool.prior_weight
        losses = []
        for weight in WEIGHTS:
            tried = replace(self.pool, prior_weight=weight)
            log_q = votes.astype(np.float64) + self.term_of(rows, tried, _allowed(tried))
            log_q[self.rules_out_none[rows], -1] = -np.inf
            shares = crowd.normalised(log_q)
            loss = -np.log(np.maximum(shares[np.arange(len(rows)), truth], 1e-6)).sum()
            losses.append(loss + ((weight - believed) / _WEIGHT_SPREAD) ** 2 / 2)
        self.pool = replace(self.pool, prior_weight=WEIGHTS[int(np.argmin(losses))])

    def _swept(self, q: Single, steps: int, log_likelihood: float) -> Swept:
        by_outcome = np.zeros((self.n_annotators, self.k1, 2), dtype=np.float32)
        by_outcome[self.author, self.said, 0] = self.counts[np.arange(len(self.said)), self.said]
        by_outcome[:, :, 1] = np.maximum(self.totals - by_outcome[:, :, 0], 0)
        pair, truth = np.nonzero(self.counts >= _KEPT)
        return Swept(
            posteriors=q,
            right=self.right,
            wrong=self.wrong,
            by_outcome=by_outcome,
            confused_annotator=self.author[pair].astype(np.int32),
            confused_truth=truth.astype(np.int32),
            confused_said=self.said[pair].astype(np.int32),
            confused_count=self.counts[pair, truth],
            pool=self.pool,
            steps=steps,
            log_likelihood=log_likelihood,
        )


class _Priors:
    """The classifier's term of every image, capped where somebody has voted."""

    def __init__(self, table: VoteTable, n_outcomes: int) -> None:
        self.k1 = n_outcomes
        self.is_given = np.zeros(table.n_images, dtype=bool)
        self.priors = table.priors
        if table.priors is not None:
            self.is_given |= True if table.has_prior is None else table.has_prior
        key = np.unique(table.image.astype(np.int64) * n_outcomes + table.label)
        self.image, self.named = key // n_outcomes, key % n_outcomes  # by image, each label once

    def __call__(self, rows: slice | npt.NDArray[np.intp], pool: Pool, allowed: Matrix) -> Single:
        wanted = np.arange(len(self.is_given))[rows]
        term = np.tile(crowd.frequency_term(pool).astype(np.float32), (len(wanted), 1))
        given = np.flatnonzero(self.is_given[wanted])
        if self.priors is not None and len(given):
            shares = crowd.with_none(self.priors[wanted[given]])
            np.log(np.maximum(shares, crowd.SMALLEST, out=shares), out=shares)
            shares *= pool.prior_weight
            term[given] = shares
        at, label = self._named_of(wanted)
        floor = (term[at] - allowed.astype(np.float32)[label]).max(axis=1)
        term[at, label] = np.maximum(term[at, label], floor)
        return term

    def _named_of(
        self, wanted: npt.NDArray[np.intp]
    ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.int64]]:
        """Give the named labels of wanted images: positions in `wanted`, and the labels."""
        low = np.searchsorted(self.image, wanted, side="left")
        high = np.searchsorted(self.image, wanted, side="right")
        lengths = high - low
        at = np.repeat(np.arange(len(wanted)), lengths)
        offsets = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return at, self.named[np.repeat(low, lengths) + offsets]


def _allowed(pool: Pool) -> Matrix:
    """Give (named, outcome) by how much the classifier may put an outcome above a named one."""
    words = [crowd.likelihood(label, pool.average, pool) for label in range(pool.n_outcomes)]
    log_words = np.log(np.array(words))
    return np.asarray(crowd.PRIOR_CAP * (np.diagonal(log_words)[:, None] - log_words))


def _check(table: VoteTable, n_outcomes: int, n_annotators: int, start: Pool) -> None:
    lengths = {len(table.image), len(table.annotator), len(table.label)}
    if len(lengths) > 1:
        message = f"votes have images, annotators and labels of different lengths: {lengths}"
        raise ValueError(message)
    if start.n_outcomes != n_outcomes:
        message = f"the pool to start from has {start.n_outcomes} outcomes, the table {n_outcomes}"
        raise ValueError(message)
    bounds = (
        ("image", table.image, table.n_images, 0),
        ("annotator", table.annotator, n_annotators, 0),
        ("label", table.label, n_outcomes, 0),
        ("known", table.known, n_outcomes, -1),
    )
    for name, values, bound, least in bounds:
        if len(values) and not (least <= values.min() and values.max() < bound):
            message = f"{name} must lie in [{least}, {bound}), got {values.min()}..{values.max()}"
            raise ValueError(message)
    expected = (table.n_images, n_outcomes - 1)
    if table.priors is not None and table.priors.shape != expected:
        message = f"the priors have shape {table.priors.shape}, expected {expected}"
        raise ValueError(message)
    pairs = table.image.astype(np.int64) * n_annotators + table.annotator
    if len(np.unique(pairs)) < len(pairs):
        message = "an annotator votes once an image; pass only live answers"
        raise ValueError(message)
