"""The gate at work, played to its end on photographs: proven, rolled back, refused.

Oracle annotators answer through the services of the product, audit slice and all. What a simulation
cannot wait for is put in by hand and said so: a head with exchanged columns, as a fault in its
deployment would leave it, and an import of labels that are all wrong.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from labeling.selectors import consensus
from labeling.selectors import projects as project_selectors
from labeling.selectors import queue as queue_selectors
from labeling.services import decisions, people, projects
from ml.heads import codec
from ml.models import ModelVersion
from ml.selectors import evidence, registry
from ml.services import partition, refit, simulation
from ml.services import registry as registry_services
from ml.services.simulation_table import TRUTH_FILE

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

LONGEST = 600
"""Answers after which a chapter that has not ended never will."""

MONITOR_BATCH = 5

LABELS_BEFORE_HARM = 300
"""A classifier worth defending; with a few dozen labels no check could tell harm from bad luck."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """What happened, in a sentence, and the figures it rests on."""

    title: str
    sentence: str
    figures: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON has it."""
        return {"title": self.title, "sentence": self.sentence, **self.figures}


@dataclass(slots=True)
class _Play:
    """One story under way."""

    project_id: int
    truth: dict[int, str]
    rng: np.random.Generator
    now: datetime
    progress: Callable[[int], None]
    answered: int = 0

    def join(self, name: str) -> int:
        _, token = people.invite(
            project_id=self.project_id, role="VOLUNTEER", use_limit=1, now=self.now
        )
        annotator, _ = people.accept_invitation(
            token=token, display_name=name, consented=True, user_id=None, now=self.now
        )
        return annotator.pk

    def answer(self, annotator_id: int) -> None:
        simulation.answer_next(self.project_id, annotator_id, self.truth.__getitem__, self.now)
        self.answered += 1
        self.progress(self.answered)

    def wrong(self, image_id: int) -> str:
        others = sorted({*self.truth.values()} - {self.truth[image_id]})
        return str(self.rng.choice(others))

    def refit(self) -> refit.RefitOutcome:
        return refit.run(project_id=self.project_id, now=self.now)

    def champion(self) -> ModelVersion:
        found = registry.champion(self.project_id)
        if found is None:
            raise simulation.SimulationError("There is no champion yet.")
        return ModelVersion.objects.get(pk=found.version_id)

    def figures(self) -> dict[str, Any]:
        """Say how things stand; the true accuracy is known here and nowhere else."""
        champion = self.champion()
        audit = consensus.audit_rows(self.project_id).image_ids
        said = evidence.answers(champion, audit)
        right = [code == self.truth[int(key)] for code, key in zip(said, audit, strict=True)]
        return {
            "answers": self.answered,
            "audit_answers": len(evidence.audit_truth(self.project_id).image_ids),
            "champion": champion.number,
            "evidence": champion.evidence,
            "labels": champion.n_labels,
            "true_accuracy_on_audit_images": round(float(np.mean(right)), 4),
            "audit_images": len(audit),
        }


def play(
    *,
    folder: Path,
    seed: int,
    batch: int,
    now: datetime,
    progress: Callable[[int], None] = lambda _: None,
    audit_share: float = 0.12,
    labels_before_harm: int = LABELS_BEFORE_HARM,
) -> list[Chapter]:
    """Play the three chapters in the current database, a copy of the template's.

    Args:
        folder: where `simulation.prepare_template` left the truth.
        seed: of everything random.
        batch: answers between two refits.
        now: the time of the play.
        progress: called with the number of answers so far.
        audit_share: of split groups.
        labels_before_harm: what the third chapter's classifier has learned from.

    Raises:
        SimulationError: a chapter did not end as it should within `LONGEST` answers.
    """
    project = project_selectors.by_slug(simulation.SLUG)
    projects.set_seed(project_id=project.pk, seed=seed)
    projects.update_settings(
        project_id=project.pk,
        now=now,
        audit_partition_share=audit_share,
        audit_serving_share=0.15,
        random_arm_share=0.10,
        votes_audit=1,
        acquisition_function="margin",
    )
    partition.decide(project_id=project.pk, now=now)
    raw = json.loads((folder / TRUTH_FILE).read_text(encoding="utf-8"))
    truth = {int(key): row["code"] for key, row in raw.items()}
    story = _Play(project.pk, truth, np.random.default_rng(seed), now, progress)
    oracle = story.join("Oracle")
    story.refit()
    return [
        _proven(story, oracle, batch),
        _rolled_back(story, oracle),
        _refused(story, oracle, batch, labels_before_harm),
    ]


def _proven(story: _Play, oracle: int, batch: int) -> Chapter:
    """Answer truly until a version has earned the word proven."""
    while story.answered < LONGEST:
        for _ in range(batch):
            story.answer(oracle)
        story.refit()
        # Not always the one that serves: the next head may have been deployed with its last proof.
        found = registry.proven(story.project_id)
        if found is not None:
            figures = {**story.figures(), "proven_version": found.number}
            return Chapter("A version is proven", found.verdict, figures)
    raise simulation.SimulationError(f"No version was proven within {LONGEST} answers.")


def _rolled_back(story: _Play, oracle: int) -> Chapter:
    """Let a broken head serve and ask for audit answers alone, until the monitor acts."""
    broken = _deploy_broken(story)
    before = story.figures()
    projects.update_settings(
        project_id=story.project_id, now=story.now, audit_serving_share=1.0, random_arm_share=0.0
    )
    while story.answered < before["answers"] + LONGEST:
        for _ in range(MONITOR_BATCH):
            story.answer(oracle)
        if story.refit().rolled_back_to is not None:
            break
    else:
        raise simulation.SimulationError("The monitor did not roll the broken head back.")
    projects.update_settings(
        project_id=story.project_id, now=story.now, audit_serving_share=0.15, random_arm_share=0.10
    )
    broken.refresh_from_db()
    after = story.figures()
    figures = {
        **after,
        "broken_version": broken.number,
        "true_accuracy_while_broken": before["true_accuracy_on_audit_images"],
        "answers_until_rolled_back": after["answers"] - before["answers"],
    }
    return Chapter("The monitor rolls a broken head back", broken.verdict, figures)


def _refused(story: _Play, oracle: int, batch: int, labels: int) -> Chapter:
    """Import as many trusted labels as there are labels, all wrong, as from a shifted column."""
    while story.champion().n_labels < labels:
        for _ in range(batch):
            story.answer(oracle)
        story.refit()
        if story.answered > LONGEST + labels:
            raise simulation.SimulationError("No further head was deployed after the roll-back.")
    before = story.champion()
    scheme = project_selectors.current_scheme(story.project_id)
    label_ids = dict(zip(scheme.codes, scheme.label_ids, strict=True))
    waiting = queue_selectors.candidates(story.project_id).image_ids
    chosen = story.rng.choice(waiting, before.n_labels, replace=False)
    for image_id in chosen.tolist():
        decisions.record_trusted(
            project_id=story.project_id,
            image_id=image_id,
            label_id=label_ids[story.wrong(image_id)],
            now=story.now,
        )
    outcome = story.refit()
    if outcome.kind != "refused" or outcome.version is None:
        gate = story.champion().gate
        raise simulation.SimulationError(
            f"The harmful head was not refused, but {outcome.kind}: {gate}."
        )
    refused = ModelVersion.objects.get(project_id=story.project_id, number=outcome.version)
    figures = {
        **story.figures(),
        "refused_version": refused.number,
        "wrong_labels_imported": len(chosen),
        "gate": refused.gate,
    }
    return Chapter("A harmful head is refused", refused.verdict, figures)


def _deploy_broken(story: _Play) -> ModelVersion:
    """Exchange the columns of the champion's head and promote that, past every check."""
    good = story.champion()
    head = codec.from_bytes(bytes(good.head or b""))
    broken = replace(head, weights=np.roll(head.weights, 1, axis=1), bias=np.roll(head.bias, 1))
    copied = (
        "kind", "embedding_set", "temperature", "acceptance_threshold", "scheme_id",
        "label_order", "snapshot", "n_labels",
    )  # fmt: skip
    version = registry_services.create_version(
        project_id=story.project_id,
        head=codec.to_bytes(broken),
        created_at=story.now,
        **{name: getattr(good, name) for name in copied},
    )
    registry_services.promote(
        project_id=story.project_id, version_id=version.pk, expected_id=good.pk, now=story.now
    )
    version.refresh_from_db()
    return version
