"""One simulated crowd at work. Pure NumPy: it is played in processes that know no database.

Simulated annotators answer about real images; the classifier is the real head on their real
embeddings, fitted to what the annotators have said so far and asked about images of split groups it
has not seen. Larder's own method asks one answer after the other and stops by posterior risk, as in
production; the alternatives get a fixed number of answers of the same people about the same images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from labeling.consensus import crowd, em, error, retirement
from labeling.consensus.methods import METHODS
from labeling.consensus.types import Answers, Decision, State, Vote
from ml.bench import crowds
from ml.heads import ridge
from ml.types import LabeledSet

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.types import Embeddings, Groups, Indices, Labels, Probabilities

GOLD_SHARE = 0.05
POLICIES = {"larder": (0.02, 5), "larder_quick": (0.35, 2)}
"""Risk and cap: for labels to rely on, and for as few answers as will do."""
BATCHES_A_PASS = 8
REFIT_AT = (1, 2, 4, 8, 12, 16)
"""After so many batches a head is fitted: dense at first, as in the live loop."""
SECOND_OPINIONS = 0.1
FIXED = 3
ALTERNATIVES = {
    "majority_3": ("majority", 3),
    "majority_5": ("majority", 5),
    "one_coin_3": ("one_coin", 3),
    "dawid_skene_3": ("dawid_skene", 3),
    "glad_3": ("glad", 3),
    "crowdlab_3": ("crowdlab", 3),
    "larder_3": ("larder", 3),
}


@dataclass(frozen=True, slots=True)
class World:
    """Images with known labels.

    Attributes:
        embeddings: (n, d) raw.
        truth: (n,) columns.
        groups: (n,) split groups.
        n_labels: k.
        alike: (k, k) of `crowds.look_alikes`.
    """

    embeddings: Embeddings
    truth: Labels
    groups: Groups
    n_labels: int
    alike: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a method makes of a crowd.

    Attributes:
        is_wrong: (e,) for each image that is not gold.
        answers_per_image: gold answers included.
        detail: further figures.
    """

    is_wrong: npt.NDArray[np.bool_]
    answers_per_image: float
    detail: dict[str, Any]


class Asked:
    """The answers so far: which annotator has been asked about which image."""

    def __init__(self, said: Labels, is_gold: npt.NDArray[np.bool_], truth: Labels) -> None:
        self.said, self.is_gold = said, is_gold
        self.known = np.where(is_gold, truth, -1).astype(np.int32)
        self.is_asked = np.zeros(said.shape, dtype=bool)

    def ask(self, images: Indices, rng: np.random.Generator) -> None:
        """Ask somebody who has not answered yet about each of these distinct images."""
        lot = rng.random((len(images), self.said.shape[1]))
        lot[self.is_asked[images]] = -1.0
        self.is_asked[images, lot.argmax(axis=1)] = True

    @property
    def n_votes(self) -> Indices:
        """Count (n,) answers by image."""
        return np.asarray(self.is_asked.sum(axis=1), dtype=np.int64)

    def table(self, priors: Probabilities | None = None) -> em.VoteTable:
        """Give all answers so far; gold is known."""
        image, annotator = np.nonzero(self.is_asked)
        return em.VoteTable(
            image.astype(np.int32),
            annotator.astype(np.int32),
            self.said[image, annotator].astype(np.int32),
            self.known,
            None if priors is None else priors.astype(np.float32),
        )

    def votes_of(self, image: int) -> list[Vote]:
        """Give the answers about one image."""
        return [
            Vote(int(annotator), int(self.said[image, annotator]))
            for annotator in np.flatnonzero(self.is_asked[image])
        ]


def world_of(embeddings: Embeddings, truth: Labels, groups: Groups, n_labels: int) -> World:
    """Take the look-alikes from the confusions of a head on these images."""
    n = len(truth)
    head = _fitted(embeddings, np.eye(n_labels)[truth], groups, np.arange(n), n_labels)
    alike = crowds.look_alikes(head.out_of_group, truth)
    return World(embeddings, truth, groups, n_labels, alike)


def play(world: World, name: str, seed: int) -> dict[str, Outcome]:
    """Let all methods work with one crowd."""
    rng = np.random.default_rng([seed, list(crowds.CROWDS).index(name)])
    people = crowds.people(name, world.alike, rng)
    said = crowds.answers(people, world.truth, rng)
    is_gold = rng.random(len(world.truth)) < GOLD_SHARE
    found = _fixed(world, said, is_gold, rng)
    for policy, (risk, cap) in POLICIES.items():
        found[policy] = ask_in_turn(world, said, is_gold, rng, risk=risk, cap=cap)
    return found


def _fixed(
    world: World, said: Labels, is_gold: npt.NDArray[np.bool_], rng: np.random.Generator
) -> dict[str, Outcome]:
    """Give every image a fixed number of answers, nested: the first three of five are the three."""
    asked, n = Asked(said, is_gold, world.truth), len(world.truth)
    tables: dict[int, em.VoteTable] = {}
    for votes in range(1, max(n for _, n in ALTERNATIVES.values()) + 1):
        asked.ask(np.arange(n), rng)
        tables[votes] = asked.table()
    n_outcomes = world.n_labels + 1
    simple = METHODS["majority"](tables[FIXED], n_outcomes, rng=rng)
    probabilities = _believed(world, simple, np.arange(n))
    outcomes = {}
    for key, (name, votes) in ALTERNATIVES.items():
        q = METHODS[name](tables[votes], n_outcomes, probabilities, rng=rng)
        is_wrong = (q.argmax(axis=1) != world.truth)[~is_gold]
        outcomes[key] = Outcome(is_wrong, float(votes), {})
    return outcomes


def ask_in_turn(
    world: World,
    said: Labels,
    is_gold: npt.NDArray[np.bool_],
    rng: np.random.Generator,
    *,
    risk: float,
    cap: int,
) -> Outcome:
    """Ask, sweep, fit and retire until every image is decided, as in production."""
    run = _Run(world, Asked(said, is_gold, world.truth), rng, risk, cap)
    batches = 0
    while len(run.waiting()):
        batches += 1
        run.ask()
        if batches in REFIT_AT:
            run.fit()
        run.sweep()
    return run.outcome()


class _Run:
    def __init__(
        self, world: World, asked: Asked, rng: np.random.Generator, risk: float, cap: int
    ) -> None:
        self.world, self.asked, self.rng, self.risk, self.cap = world, asked, rng, risk, cap
        said = asked.said
        self.label = np.full(len(said), -1)
        self.is_disputed = np.zeros(len(said), dtype=bool)
        self.priors: Probabilities | None = None
        self.q = np.full((len(said), world.n_labels + 1), 1 / (world.n_labels + 1))
        self.pool = crowd.start_pool(world.n_labels + 1)

    def waiting(self) -> Indices:
        is_open = (self.label < 0) & ~self.is_disputed & ~self.asked.is_gold
        return np.flatnonzero(is_open)

    def ask(self) -> None:
        """Ask a batch: gold silently mixed in, second opinions, and new images before old ones.

        Second opinions have the least share of the live queue: on decided images whose label has
        become doubtful since, then on open ones.
        """
        size = len(self.label) // BATCHES_A_PASS
        gold = np.flatnonzero(self.asked.is_gold & (self.asked.n_votes < self.asked.said.shape[1]))
        gold = self.rng.permutation(gold)[: self.rng.binomial(size, GOLD_SHARE)]
        waiting = self.rng.permutation(self.waiting())
        voted = waiting[self.asked.n_votes[waiting] > 0]
        second = np.concatenate([self._doubtful(), voted])[: int(SECOND_OPINIONS * size)]
        waiting = waiting[np.argsort(self.asked.n_votes[waiting], kind="stable")]
        waiting = waiting[~np.isin(waiting, second)]
        self.batch = np.concatenate([second, waiting[: size - len(gold) - len(second)]])
        self.asked.ask(self.batch, self.rng)
        self.asked.ask(gold, self.rng)

    def _doubtful(self) -> Indices:
        """Give decided images whose label has become doubtful since, the most doubtful first."""
        decided = np.flatnonzero((self.label >= 0) & (self.asked.n_votes < self.cap))
        left = 1 - self.q[decided, self.label[decided]]
        order = np.argsort(-left, kind="stable")
        return np.asarray(decided[order][left[order] > self.risk], dtype=np.int64)

    def fit(self) -> None:
        # Gold is labeled as well: so its own prior is out of group too, and can be trusted to say
        # how far to trust the others.
        voted = np.flatnonzero(self.asked.n_votes > 0)
        self.priors = _believed(self.world, self.q, voted)

    def sweep(self) -> None:
        n_outcomes, n_annotators = self.q.shape[1], self.asked.said.shape[1]
        swept = em.sweep(
            self.asked.table(self.priors),
            n_outcomes=n_outcomes,
            n_annotators=n_annotators,
            start=crowd.start_pool(n_outcomes),
            risk=self.risk,
        )
        self.q, self.pool = swept.posteriors.astype(np.float64), swept.pool
        self.swept = swept
        self.skills = {annotator: swept.skill_of(annotator) for annotator in range(n_annotators)}
        n_votes = self.asked.n_votes
        undecided = self.waiting()
        for image in np.union1d(undecided[n_votes[undecided] > 0], self.batch):
            decision, _ = self._decision(int(image), self.asked.votes_of(int(image)))
            self.label[image] = -1 if decision.label is None else decision.label
            self.is_disputed[image] = decision.state == State.DISPUTED

    def _decision(self, image: int, votes: list[Vote]) -> tuple[Decision, npt.NDArray[np.float64]]:
        prior = None if self.priors is None else self.priors[image]
        is_counted = len(votes) > 1 or self.asked.is_gold[image]
        own = crowd.held(votes, self.q[image]) if is_counted else None
        posterior = crowd.posterior(votes, self.skills, self.pool, prior=prior, own=own)
        decision = retirement.decide(
            Answers.of(votes),
            posterior,
            people=crowd.posterior(votes, self.skills, self.pool, own=own),
            pool=self.pool,
            needed=1,
            cap=self.cap,
            risk=self.risk,
        )
        return decision, posterior

    def checked(self) -> error.Checked:
        """Give what people alone would have made of gold, as `services.label_error` does.

        In production answers have an order; here a random one stands for it.
        """
        rows = []
        for image in np.flatnonzero(self.asked.is_gold & (self.asked.n_votes > 0)):
            votes = self.asked.votes_of(int(image))
            votes = [votes[place] for place in self.rng.permutation(len(votes))][: self.cap]
            for end in range(1, len(votes) + 1):
                decision, posterior = self._decision(int(image), votes[:end])
                if decision.state == State.RESOLVED:
                    break
            named = sorted({vote.label for vote in votes[:end]})
            label = named[int(posterior[named].argmax())]
            rows.append((_risk(posterior, label), label != self.asked.known[image]))
        table = np.array(rows, dtype=np.float64).reshape(len(rows), 2)
        return error.Checked(table[:, 0], table[:, 1] > 0, np.ones(len(rows)))

    def _risks(self, images: Indices) -> npt.NDArray[np.float64]:
        found = (
            (self._decision(int(image), self.asked.votes_of(int(image)))[1], int(self.label[image]))
            for image in images
        )
        return np.array([_risk(posterior, label) for posterior, label in found])

    def expected(self) -> dict[str, float]:
        """Say how many of the labels decided are wrong: as expected, with interval, and in truth.

        The figure of the page about agreement, on labels that an export would hold.
        """
        exported = np.flatnonzero((self.label >= 0) & ~self.asked.is_gold)
        found = error.expected(self._risks(exported), self.checked(), rng=self.rng)
        if found is None:
            return {}
        real = float((self.label[exported] != self.world.truth[exported]).mean())
        return {
            "exported_error": real,
            "expected_error": found.error,
            "expected_low": found.low,
            "expected_high": found.high,
            "expected_by_model": found.by_model,
            "expected_holds": float(found.low <= real <= found.high),
        }

    def outcome(self) -> Outcome:
        measured = ~self.asked.is_gold
        label = np.where(self.label >= 0, self.label, self.q.argmax(axis=1))
        n_votes = self.asked.n_votes
        detail = {
            "disputed": float(self.is_disputed[measured].mean()),
            **self.expected(),
            "prior_weight": self.pool.prior_weight,
            "gold_answers_per_image": float(n_votes[~measured].sum() / measured.sum()),
        }
        is_wrong = (label != self.world.truth)[measured]
        return Outcome(is_wrong, float(n_votes.sum() / measured.sum()), detail)


def _risk(posterior: npt.NDArray[np.float64], label: int) -> float:
    return min(max(1.0 - float(posterior[label] / posterior[:-1].sum()), 0.0), 1.0)


def _believed(world: World, q: npt.NDArray[np.float64], labeled: Indices) -> Probabilities:
    """Fit a head to these posteriors; give (n, k) of heads that knew no image of the same group.

    Rows that are not labeled get the word of the head as a whole.
    """
    shares = q[labeled, : world.n_labels]
    targets = shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-9)
    groups = world.groups[labeled]
    fitted = _fitted(world.embeddings[labeled], targets, groups, labeled, world.n_labels)
    probabilities = ridge.predict(fitted.head, world.embeddings)
    probabilities[labeled] = fitted.out_of_group
    return probabilities


def _fitted(
    embeddings: Embeddings,
    targets: npt.NDArray[np.float64],
    groups: Groups,
    ids: Indices,
    n_labels: int,
) -> ridge.FittedHead:
    order = tuple(str(column) for column in range(n_labels))
    targets = np.maximum(targets, 0)
    targets /= targets.sum(axis=1, keepdims=True)
    rows = LabeledSet(ids, embeddings, targets, np.ones(len(ids)), groups, order)
    return ridge.fit_ridge(rows, strengths=(0.1, 0.3))
