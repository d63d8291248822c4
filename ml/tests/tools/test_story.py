"""The gate's story at a small size: what `manage.py simulate --story` plays on photographs."""

from __future__ import annotations

from pathlib import Path

import pytest

from labeling.tests.factories import NOW
from ml.models import Champion, Evidence, ModelState, ModelVersion
from ml.services import simulation, story
from ml.services.labeled_folder import read_labeled_folder
from ml.tests.tools.conftest import Folder

pytestmark = [
    pytest.mark.usefixtures("db", "tiny_backbone"),
    pytest.mark.slow,
    pytest.mark.sqlite,
]


def test_a_version_is_proven_a_broken_one_rolled_back_and_a_harmful_one_refused(
    labeled_folder: Folder, tmp_path: Path
) -> None:
    folder = labeled_folder(a_label=220, spread=20)
    simulation.prepare_template(
        pictures=read_labeled_folder(
            images=folder, labels=folder / "labels.csv", label_column="label"
        ),
        test_pictures=[],
        folder=tmp_path,
        now=NOW,
        progress=lambda _stage, _done, _total: None,
    )

    proven, rolled_back, refused = story.play(
        folder=tmp_path, seed=0, batch=10, now=NOW, audit_share=0.4, labels_before_harm=80
    )

    assert proven.sentence.startswith("Proven: right on ")
    earned = ModelVersion.objects.get(number=proven.figures["proven_version"])
    assert earned.evidence == Evidence.PROVEN

    assert rolled_back.sentence.startswith("Rolled back: wrong on ")
    assert rolled_back.figures["true_accuracy_while_broken"] < 0.5
    broken = ModelVersion.objects.get(number=rolled_back.figures["broken_version"])
    assert broken.state == ModelState.REJECTED
    # What serves again is right as often as what was proven.
    assert rolled_back.figures["true_accuracy_on_audit_images"] > 0.6

    assert refused.sentence.startswith("Refused as worse: ")
    harmful = ModelVersion.objects.get(number=refused.figures["refused_version"])
    assert (harmful.state, harmful.promoted_at, harmful.head) == (ModelState.REJECTED, None, None)
    assert refused.figures["true_accuracy_on_audit_images"] > 0.6

    pointer = Champion.objects.get()
    assert pointer.proven == earned
    assert pointer.model_version.state == ModelState.CHAMPION
