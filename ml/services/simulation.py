"""Oracle annotators who use the same services as the browser (`manage.py simulate`).

A template is prepared once: a project whose images are stored and embedded, but belong to no
partition yet. Every play works on its own copy of the template's database, so plays cannot
disturb each other, and nothing outside that copy is written. The rounds themselves are those of
`ml.simulation.rounds`, which plays large tables without a database; a test holds the two together.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from labeling.selectors import images as image_selectors
from labeling.selectors import projects as project_selectors
from labeling.selectors import queue as queue_selectors
from labeling.services import annotations as annotation_service
from labeling.services import images, people, projects, queue
from ml.errors import MlError
from ml.evaluation import metrics
from ml.heads import codec, ridge
from ml.heads import registry as registry_of_heads
from ml.selectors import registry
from ml.services import embedding, refit
from ml.services.simulation_table import TRUTH_FILE, Table
from ml.simulation import rounds
from ml.simulation.conditions import Conditions
from ml.simulation.oracle import GivenOracle

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from ml.services.labeled_folder import LabeledPicture

SLUG = "simulation"
ALL_LABELS = "all_labels"


class SimulationError(MlError):
    """The simulation cannot be played as asked."""

    code = "simulation"


@dataclass(frozen=True, slots=True)
class Play:
    """One strategy under one seed: accuracy on held-out images at each multiple of the batch.

    `chosen` are the images in the order they were answered.
    """

    strategy: str
    seed: int
    labels: list[int]
    answers: list[int]
    accuracy: list[float]
    chosen: list[int] = field(default_factory=list)
    fold: int = 0

    def to_json(self) -> dict[str, Any]:
        """Give the figures (not the images)."""
        return {
            "strategy": self.strategy,
            "seed": self.seed,
            "fold": self.fold,
            "labels": self.labels,
            "answers": self.answers,
            "accuracy": self.accuracy,
        }


def prepare_template(
    *,
    pictures: Sequence[LabeledPicture],
    test_pictures: Sequence[LabeledPicture],
    folder: Path,
    now: datetime,
    progress: Callable[[str, int, int], None],
) -> None:
    """Store and embed every picture in a new project, and write down the truth beside it.

    Args:
        pictures: what may be labeled; without `test_pictures` a share of it is held out later.
        test_pictures: what accuracy is measured on, or empty.
        folder: where `truth.json` goes: SHA-256 to label code and whether it is held out.
        now: the time of the simulated import.
        progress: called with a stage, how many are done and how many there are.

    Raises:
        SimulationError: fewer than two labels, or a test label that the pool does not have.
    """
    names = sorted({picture.label for picture in pictures})
    unknown = {picture.label for picture in test_pictures} - set(names)
    if len(names) < 2:
        raise SimulationError(f"Only one label ({names[0]!r}) in the folder; nothing to learn.")
    if unknown:
        raise SimulationError(f"Test labels that the pool does not have: {sorted(unknown)}.")
    project = projects.create_project(
        name=SLUG,
        classes=names,
        now=now,
        audit_serving_share=0.0,
        random_arm_share=0.0,
        novelty_share=0.0,
        tail_share=0.0,
        doubt_serving_share=0.0,
        votes_pool=1,
    )
    scheme = project_selectors.current_scheme(project.pk)
    code_of = dict(zip(names, scheme.codes, strict=True))
    truth: dict[str, dict[str, Any]] = {}
    everything = [(picture, False) for picture in pictures]
    everything += [(picture, True) for picture in test_pictures]
    for done, (picture, is_test) in enumerate(everything, start=1):
        with picture.path.open("rb") as file:
            stored = images.ingest(
                project_id=project.pk,
                upload=file,
                original_name=picture.name[-255:],
                source="test" if is_test else "pool",
                licence="as given",
                uploaded_by_id=None,
                now=now,
            )
        truth.setdefault(
            str(stored.image_id), {"code": code_of[picture.label], "held_out": is_test}
        )
        progress("storing images", done, len(everything))
    _embed_all(project.pk, now, len(truth), progress)
    (folder / TRUTH_FILE).write_text(json.dumps(truth), encoding="utf-8")


def _embed_all(
    project_id: int, now: datetime, total: int, progress: Callable[[str, int, int], None]
) -> None:
    embedding_set = embedding.ensure_original_set(project_id=project_id, now=now)
    remaining = total
    while remaining:
        remaining = embedding.embed_pending(
            project_id=project_id, set_id=embedding_set.pk, now=now, seconds=2.0
        )
        progress("embedding", total - remaining, total)


def play(
    *,
    folder: Path,
    strategy: str,
    seed: int,
    budget: int,
    batch: int,
    now: datetime,
    conditions: Conditions | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Play:
    """Let one simulated annotator label `budget` images and measure the champion as it learns.

    Args:
        folder: where `prepare_template` left the truth; the current database is a copy of its.
        strategy: a name of `ml.acquisition.ACQUISITION_FUNCTIONS`.
        seed: of the split and of everything random; strategies of one seed share both.
        budget: how many trainable images to label.
        batch: refit after every `batch` of them.
        now: the time of the play.
        conditions: who answers and what is held out; a perfect oracle by default.
        progress: called with the number of images labeled so far.

    Raises:
        SimulationError: the pool ends before the budget does.
    """
    project = project_selectors.by_slug(SLUG)
    conditions = conditions or Conditions()
    table = Table.load(project.pk, folder, conditions, seed=seed)
    write_partitions(project.pk, table, now)
    said = zip(table.image_ids.tolist(), table.said.tolist(), strict=True)
    code_of = {image_id: table.codes[column] for image_id, column in said}
    projects.update_settings(
        project_id=project.pk,
        now=now,
        acquisition_function=strategy,
        window_size=batch,
        lending_enabled=conditions.lending == "on",
        alike_share=0.0,
    )
    projects.set_seed(project_id=project.pk, seed=seed)
    _, token = people.invite(
        project_id=project.pk, role="VOLUNTEER", use_limit=1, ttl=None, created_by_id=None, now=now
    )
    oracle, _ = people.accept_invitation(
        token=token, display_name="Oracle", consented=True, user_id=None, now=now
    )
    result = Play(strategy, seed, [], [], [], fold=conditions.fold)
    refit.run(project_id=project.pk, now=now)
    for answered in range(1, budget + 1):
        if not queue_selectors.window_sizes(project.pk)["ACQUIRED"]:
            # Functions that weigh every pick fill short windows (`acquisition.SHORT_WINDOW`).
            refit.run(project_id=project.pk, now=now)
        image_id = answer_next(project.pk, oracle.pk, code_of.__getitem__, now)
        result.chosen.append(image_id)
        if answered % batch == 0:
            refit.run(project_id=project.pk, now=now)
            _measure(table, project.pk, answered, result)
        progress(answered)
    return result


def play_offline(
    *,
    folder: Path,
    strategy: str,
    seed: int,
    budget: int,
    batch: int,
    conditions: Conditions | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Play:
    """Play the rounds alone on the template's vectors: no queue, no gate, nothing written.

    A strategy with a head behind an @ (`uherding@logistic`) is measured by that head. The strategy
    `ALL_LABELS` is one head on every pool image's answer, at one point.

    Raises:
        TooFewImagesError: the pool is smaller than the budget.
    """
    conditions = conditions or Conditions()
    table = Table.load(project_selectors.by_slug(SLUG).pk, folder, conditions, seed=seed)
    arrays, crowd = table.arrays(), GivenOracle(table.said[table.is_pool])
    if strategy == ALL_LABELS:
        n, accuracy = rounds.all_labels(arrays, seed=seed, oracle=crowd)
        return Play(strategy, seed, [n], [n], [accuracy], fold=conditions.fold)
    choice, _, head = strategy.partition("@")
    run = rounds.simulate_rounds(
        arrays,
        strategy=choice,
        head=head or registry_of_heads.DEFAULT,
        budget=budget,
        batch=batch,
        seed=seed,
        conditions=conditions,
        oracle=crowd,
        progress=progress,
    )
    chosen = arrays.image_ids[run.chosen].tolist()
    figures = (list(run.labels), list(run.answers), list(run.accuracy))
    return Play(strategy, seed, *figures, chosen=chosen, fold=conditions.fold)


def answer_next(
    project_id: int, annotator_id: int, say: Callable[[int], str], now: datetime
) -> int:
    """Claim the next image, answer it with the label code that `say` gives, and give its id.

    Raises:
        SimulationError: the queue has nothing for this annotator.
    """
    claimed = queue.claim(
        project_id=project_id, annotator_id=annotator_id, count=1, client="oracle", now=now
    )
    if not claimed.assignments:
        reason = claimed.done.message if claimed.done else "nothing is left"
        raise SimulationError(f"The queue ended before the budget: {reason}")
    assignment = claimed.assignments[0]
    code = say(assignment.image_id)
    annotation_service.submit(
        annotator_id=annotator_id,
        assignment_public_id=assignment.public_id,
        key=uuid.uuid4(),
        request_hash=code,
        kind="LABEL",
        label_codes=[code],
        flag_reason="",
        time_spent_ms=None,
        shown={},
        now=now,
    )
    return assignment.image_id


def _measure(table: Table, project_id: int, answered: int, result: Play) -> None:
    champion = registry.champion(project_id)
    if champion is None:
        raise SimulationError(f"No champion after {answered} answers.")
    head = codec.from_bytes(champion.head)
    vectors = embedding.load_matrix(champion.embedding_set_id, table.image_ids[table.is_held_out])
    predicted = ridge.scores(head, vectors).argmax(axis=1)
    order = {code: column for column, code in enumerate(head.label_order)}
    true = np.array([order.get(table.codes[row], -1) for row in table.truth[table.is_held_out]])
    result.labels.append(answered)
    result.answers.append(answered)
    result.accuracy.append(float(metrics.accuracy(true, predicted)))


def write_partitions(project_id: int, table: Table, now: datetime) -> None:
    """Put what may be asked about into the pool, and what is measured on into no stream."""
    ids, groups = table.image_ids, table.groups
    decisions = [
        images.GroupDecision(
            image_ids=[int(value) for value in ids[(groups == group) & (table.is_pool == pool)]],
            existing_group_ids=[],
            partition="POOL" if pool else "EXCLUDED",
        )
        for group in np.unique(groups)
        for pool in (True, False)
        if ((groups == group) & (table.is_pool == pool)).any()
    ]
    images.set_partitions(
        project_id=project_id, decisions=decisions, now=now, rng=np.random.default_rng(0)
    )
    waiting = image_selectors.waiting_for_partition(project_id)
    if len(waiting):
        raise SimulationError(f"{len(waiting)} images belong to no partition.")
