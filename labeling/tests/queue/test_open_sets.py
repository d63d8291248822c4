"""Images whose set of labels was open before people were asked about single labels."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
from django.apps import apps

from labeling.models import Consensus, ConsensusState
from labeling.selectors import consensus, questions
from labeling.services import queue
from labeling.services.queue import RefillEntry
from labeling.tests.worlds import (
    NOW,
    active,
    claim,
    direct,
    make_annotator,
    make_images,
    make_project,
    submit,
)

migration = import_module("labeling.migrations.0018_open_sets_teach_nothing_old")
OLD = np.array([0.75, 0.25, 0.25], dtype=np.float32)


@pytest.mark.django_db
def test_an_open_set_of_before_teaches_nothing_until_somebody_answers_again() -> None:
    project = make_project(mode="MULTI", votes_pool=2, votes_audit=1)
    people = [make_annotator(project, name) for name in ("Ada", "Bea", "Cay", "Dee")]
    active(project, people)
    settled, asked, waiting = make_images(project, 3)
    for person in people[:2]:
        direct(person, settled, "milk")
    queue.refill(
        project_id=project.pk,
        entries=[RefillEntry(asked.pk, 9.0, 1.0, questions.policy("soy-milk"))],
        policy="uherding 1",
        model_version=None,
        now=NOW,
    )
    (held,) = claim(people[0], count=1, client="tab")
    submit(held, kind="YES")
    direct(people[0], waiting, "milk")
    rows = Consensus.objects.filter(state=ConsensusState.OPEN)
    rows.update(posterior=OLD.tobytes())
    assert len(consensus.training_rows(project.pk).image_ids) == 3

    migration.forget(apps, None)

    assert consensus.training_rows(project.pk).image_ids.tolist() == [settled.pk, asked.pk]
    direct(people[1], waiting, "milk")
    assert waiting.pk in consensus.training_rows(project.pk).image_ids
