"""What answers that name a group only are worth (`manage.py simulate --group-column`).

The same people are asked through the product's services; some cannot tell labels of one group
apart. In one arm they say the group, in another that they can't tell, and in the third everybody
knows. Accuracy is measured on split groups that nobody was asked about.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import numpy as np

from labeling.selectors import projects as project_selectors
from labeling.selectors import queue as queue_selectors
from labeling.services import annotations as annotation_service
from labeling.services import label_groups, people, projects, queue
from ml.acquisition import DEFAULT
from ml.selectors import registry
from ml.services import embedding, levels, refit, serving, simulation
from ml.services.simulation_table import Table
from ml.simulation.conditions import Conditions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from ml.services.labeled_folder import LabeledPicture

EVERYBODY_KNOWS, SAY_GROUP, CANT_TELL = "everybody-knows", "say-group", "cant-tell"
ARMS = (EVERYBODY_KNOWS, SAY_GROUP, CANT_TELL)
PEOPLE = 5


def set_groups(
    *,
    labels: Sequence[LabeledPicture],
    groups: Sequence[LabeledPicture],
    now: datetime,
) -> int:
    """Put the labels of the template's project into groups; give how many groups there are.

    Args:
        labels: the pictures by label.
        groups: the same pictures by group.
        now: the time.
    """
    pairs = {a.label: b.label for a, b in zip(labels, groups, strict=True)}
    lines = [f'"{label}","{group}"' for label, group in sorted(pairs.items())]
    found = label_groups.set_groups(
        project_id=project_selectors.by_slug(simulation.SLUG).pk,
        group_of={},
        table="\n".join(["label,group", *lines]),
        now=now,
    )
    return len(found)


def play(
    *,
    folder: Path,
    arm: str,
    seed: int,
    budget: int,
    batch: int,
    share: float,
    now: datetime,
    progress: Callable[[int], None] = lambda _: None,
) -> dict[str, Any]:
    """Let five people give `budget` answers in turn, and measure the champion every `batch`.

    Args:
        folder: where `simulation.prepare_template` left the truth.
        arm: one of `ARMS`.
        seed: of the split and of everything random; arms of one seed share both.
        budget: answers, those that say a group or nothing counted too.
        batch: refit and measure after every `batch` of them.
        share: of the five people, those who cannot tell labels of a group apart.
        now: the time of the play.
        progress: called with the number of answers so far.

    Raises:
        SimulationError: the queue ends before the budget does, or there is no champion at its end.
    """
    project = project_selectors.by_slug(simulation.SLUG)
    table = Table.load(project.pk, folder, Conditions(), seed=seed)
    simulation.write_partitions(project.pk, table, now)
    projects.update_settings(
        project_id=project.pk,
        now=now,
        acquisition_function=DEFAULT,
        window_size=batch,
        lending_enabled=False,
        alike_share=0.0,
    )
    projects.set_seed(project_id=project.pk, seed=seed)
    answering = _People(project.pk, table, arm, round(share * PEOPLE), now)
    points = []
    refit.run(project_id=project.pk, now=now)
    for answered in range(1, budget + 1):
        answering.answer(answered)
        if answered % batch == 0:
            refit.run(project_id=project.pk, now=now)
            points.append({"answers": answered, **_measured(project.pk, table)})
        progress(answered)
    if len(points) == 0 or "label" not in points[-1]:
        raise simulation.SimulationError(f"No champion after {budget} answers of {arm}.")
    return {"arm": arm, "seed": seed, "points": points, "said": answering.said}


class _People:
    """Five people who answer in turn; the last of them know groups only."""

    def __init__(self, project_id: int, table: Table, arm: str, unsure: int, now: datetime) -> None:
        self.project_id, self.arm, self.now = project_id, arm, now
        truth = zip(table.image_ids.tolist(), table.truth.tolist(), strict=True)
        self.code_of = {image_id: table.codes[column] for image_id, column in truth}
        scheme = project_selectors.current_scheme(project_id)
        self.group_of = {
            scheme.codes[column]: group.code for group in scheme.groups for column in group.columns
        }
        self.ids = [self._join(f"Person {number}") for number in range(PEOPLE)]
        self.n_sure = PEOPLE - unsure
        self.said = {"LABEL": 0, "GROUP": 0, "CANT_TELL": 0}

    def _join(self, name: str) -> int:
        _, token = people.invite(
            project_id=self.project_id,
            role="VOLUNTEER",
            use_limit=1,
            ttl=None,
            created_by_id=None,
            now=self.now,
        )
        found, _ = people.accept_invitation(
            token=token, display_name=name, consented=True, user_id=None, now=self.now
        )
        return found.pk

    def answer(self, number: int) -> None:
        """Claim and answer one image by whoever's turn it is."""
        if not queue_selectors.window_sizes(self.project_id)["ACQUIRED"]:
            refit.run(project_id=self.project_id, now=self.now)
        who = number % PEOPLE
        claimed = queue.claim(
            project_id=self.project_id,
            annotator_id=self.ids[who],
            count=1,
            client="oracle",
            now=self.now,
        )
        if not claimed.assignments:
            raise simulation.SimulationError(f"The queue ended after {number - 1} answers.")
        assignment = claimed.assignments[0]
        kind, code = self._say(self.code_of[assignment.image_id], knows=who < self.n_sure)
        annotation_service.submit(
            annotator_id=self.ids[who],
            assignment_public_id=assignment.public_id,
            key=uuid.uuid4(),
            request_hash=f"{kind} {code}",
            kind=kind,
            label_codes=[code] if code else [],
            flag_reason="",
            time_spent_ms=None,
            shown={},
            now=self.now,
        )

    def _say(self, code: str, *, knows: bool) -> tuple[str, str]:
        group = self.group_of.get(code)
        if knows or group is None or self.arm == EVERYBODY_KNOWS:
            self.said["LABEL"] += 1
            return "LABEL", code
        if self.arm == CANT_TELL:
            self.said["CANT_TELL"] += 1
            return "CANT_TELL", ""
        self.said["GROUP"] += 1
        return "LABEL", group


def _measured(project_id: int, table: Table) -> dict[str, Any]:
    """Measure the champion on held-out images; empty while there is none."""
    if registry.champion(project_id) is None:
        return {}
    served = serving.champion(project_id)
    held_out = table.is_held_out
    set_id = embedding.original_set(project_id).pk
    vectors = embedding.load_matrix(set_id, table.image_ids[held_out])
    column_of = {code: column for column, code in enumerate(served.label_order)}
    true = np.array([column_of[table.codes[row]] for row in table.truth[held_out]], dtype=np.int64)
    return levels.measure(served, true, served.probabilities(vectors))
