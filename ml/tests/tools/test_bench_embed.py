"""What `manage.py bench embed` makes of what the processes have counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ml.bench import embed, embed_costs, processor


def _save(folder: Path, pid: int, all_s: float, **stages_s: float) -> None:
    folder.mkdir(exist_ok=True)
    content = {"stages_s": stages_s, "process_s": all_s}
    (folder / f"{pid}.json").write_text(json.dumps(content))


def _finished(folder: Path) -> dict[str, Any]:
    """A worker that was warm, then 100 images in 1 s on two cores: 1.9 core-seconds used."""
    _save(folder, 7, 3.0)
    before = embed_costs.saved(folder)
    _save(folder, 7, 4.3, stored_decode=0.2, engine=1.0)
    _save(folder, 8, 0.5, decode=0.1, encode=0.2)
    used = processor.Used(wall_s=1.0, cores=2, own_s=1.9, others_s=0.1)
    done = embed._done(100, 1.0, used, before, embed_costs.saved(folder))
    alone = {"decode": 0.001, "encode": 0.001, "stored_decode": 0.002, "engine": 0.006}
    return embed._against_bounds(done, alone) | embed._core_seconds(done, alone)


def test_the_bound_is_what_two_cores_do_at_the_imports_own_cost(tmp_path: Path) -> None:
    figures = _finished(tmp_path)

    # 0.1 + 0.2 + 0.2 + 1.0 core-seconds for 100 images: 2 / 0.015.
    assert figures["bound_images_per_s"] == pytest.approx(133.33)
    assert figures["import_share_of_bound"] == pytest.approx(0.75)
    assert figures["bound_alone_images_per_s"] == pytest.approx(200.0)
    assert figures["import_share_of_bound_alone"] == pytest.approx(0.5)


def test_what_is_no_stage_is_overhead_of_somebody(tmp_path: Path) -> None:
    figures = _finished(tmp_path)

    assert figures["import"]["overhead"] == pytest.approx(0.004)  # 1.9 - 1.5 core-seconds
    assert figures["import"]["all"] == pytest.approx(0.019)
    assert figures["overhead"] == {
        "import_command": pytest.approx(0.002),  # 0.5 - 0.3
        "embedding_worker": pytest.approx(0.001),  # 1.3 - 1.2: what it did before is not in it
        "everything_else": pytest.approx(0.001),
    }


def test_says_that_it_cannot_measure_where_a_stage_was_not_counted(tmp_path: Path) -> None:
    _save(tmp_path, 7, 3.0)
    before = embed_costs.saved(tmp_path)
    _save(tmp_path, 8, 0.5, decode=0.1, encode=0.2)
    used = processor.Used(wall_s=1.0, cores=2, own_s=None, others_s=None)

    with pytest.raises(embed.CannotMeasureError, match="core-seconds"):
        embed._done(100, 1.0, used, before, embed_costs.saved(tmp_path))
