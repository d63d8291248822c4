"""What answers that name a group only are worth, at a small size."""

from __future__ import annotations

from pathlib import Path

import pytest

from labeling.selectors import projects
from labeling.tests.factories import NOW
from labeling.tests.rows import Annotation
from ml.bench import group_report
from ml.models import ModelVersion
from ml.services import evaluation, group_study, simulation
from ml.services.labeled_folder import LabeledPicture, read_labeled_folder
from ml.tests.tools.conftest import Folder

pytestmark = pytest.mark.usefixtures("db", "tiny_backbone")


def grouped(folder: Path, work: Path) -> list[LabeledPicture]:
    """Leek and apple are food; milk stands alone."""
    pictures = read_labeled_folder(
        images=folder, labels=folder / "labels.csv", label_column="label"
    )
    simulation.prepare_template(
        pictures=pictures,
        test_pictures=[],
        folder=work,
        now=NOW,
        progress=lambda _stage, _done, _total: None,
    )
    groups = [
        LabeledPicture(one.path, one.name, "Milk" if one.label == "Milk" else "Food")
        for one in pictures
    ]
    assert group_study.set_groups(labels=pictures, groups=groups, now=NOW) == 1
    return pictures


@pytest.mark.parametrize("arm", [group_study.SAY_GROUP, group_study.CANT_TELL])
def test_who_knows_groups_only_says_so_and_both_levels_are_measured(
    arm: str, labeled_folder: Folder, tmp_path: Path
) -> None:
    pictures = grouped(labeled_folder(a_label=20), tmp_path)

    played = group_study.play(
        folder=tmp_path, arm=arm, seed=1, budget=24, batch=12, share=0.4, now=NOW
    )

    assert sum(played["said"].values()) == 24
    hints = played["said"]["GROUP"]
    assert hints == Annotation.objects.filter(labels__label__is_group=True).count()
    assert (hints > 0) == (arm == group_study.SAY_GROUP)
    assert [point["answers"] for point in played["points"]] == [12, 24]
    last = played["points"][-1]
    assert last["group"]["share"] >= last["label"]["share"] > 0.5
    champion = ModelVersion.objects.order_by("-number")[0]
    assert champion.metrics["grouped_as"] == [["apple", "leek"]]
    assert last["group_threshold"] == champion.metrics["group_threshold"]
    project = projects.by_slug(simulation.SLUG)
    found = evaluation.evaluate(project_id=project.pk, pictures=pictures[:20])
    assert found["levels"]["label"]["share"] == found["accuracy"]
    assert found["levels"]["group"]["share"] >= found["accuracy"]


def test_the_report_compares_the_arms_seed_by_seed(tmp_path: Path) -> None:
    def run(arm: str, seed: int, label: float) -> dict[str, object]:
        share = {"share": label, "n": 10, "interval": [0, 1]}
        point = dict.fromkeys(group_report.FIGURES, share) | {"answers": 20}
        return {"arm": arm, "seed": seed, "points": [point], "said": {"LABEL": 20, "GROUP": 0}}

    plays = [
        run(arm, seed, 0.5 + 0.1 * seed + (0.2 if arm == "say-group" else 0.0))
        for arm in group_study.ARMS
        for seed in (0, 1)
    ]

    gain = group_report.differences(plays)
    group_report.write({"arms": group_report.summarise(plays), "gain": gain}, tmp_path)

    assert gain["label"]["runs"] == [0.2, 0.2]
    assert "| 20 | 55.0% / 55.0% | 75.0% / 75.0% |" in (tmp_path / "groups.md").read_text()
