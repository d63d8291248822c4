"""The switch as a client sees it: no error, and never an old head on a new backbone."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from labeling.services import tokens
from labeling.tests import factories
from labeling.tests.shared_database import shared_database
from ml.models import ModelVersion
from ml.selectors import versions
from ml.services import registry, serving
from ml.tests.serving.kitchen import RED, Kitchen, ask, client_with, picture

BASE_DIR = Path(__file__).resolve().parents[3]
SWITCHES = 24


def two_versions(kitchen: Kitchen) -> tuple[ModelVersion, ModelVersion]:
    """v1 calls red an apple, v2 a leek; either head on the other's backbone calls it water."""
    first = kitchen.version(("apple", "water", "leek"), threshold=0.1)
    other_backbone = kitchen.backbone((1, 0, 2))
    second = kitchen.version(("water", "leek", "apple"), on=other_backbone, threshold=1.01)
    kitchen.promote(first)
    return first, second


def likeliest(reply: Any) -> tuple[int, str]:
    (one,) = reply.json()["results"]
    return one["model_version"]["number"], one["top"][0]["label"]


@pytest.mark.django_db
def test_a_torn_version_would_be_seen_by_these_tests(kitchen: Kitchen) -> None:
    first, second = two_versions(kitchen)
    ModelVersion.objects.filter(pk=first.pk).update(embedding_set=second.embedding_set)
    client = client_with(kitchen.project, "predict")
    assert likeliest(ask(client, kitchen.project, picture(RED))) == (1, "water")


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
def test_a_polling_client_sees_no_error_and_no_mixture(kitchen: Kitchen, tmp_path: Path) -> None:
    pair = two_versions(kitchen)
    user = factories.make_member(kitchen.project, "MANAGER")
    _, secret = tokens.create_token(
        user_id=user.pk, project_id=None, name="poll", scopes=["predict"],
        now=timezone.now(), ttl=timedelta(days=1),
    )  # fmt: skip
    report = play(
        {
            "project": kitchen.project.pk,
            "address": f"/api/v1/projects/{kitchen.project.slug}/predict",
            "secret": secret,
            "versions": [version.pk for version in pair],
            "switches": SWITCHES,
        },
        tmp_path,
    )

    for answers in report["answers"]:
        assert set(answers) == {"v1 apple Apple True", "v2 leek Leek False"}
        assert sum(answers.values()) > SWITCHES
    assert report["heavy"] == []
    assert report["is_late"] == ["onnxruntime"]


def play(job: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Run the switcher on a database that it shares with nobody, and give its report."""
    environment = {
        **os.environ,
        "DATABASE_URL": shared_database(folder / "switch.sqlite3"),
        "DJANGO_SETTINGS_MODULE": "config.settings_test",
        "LARDER_DATA": str(folder / "data"),
        "LARDER_BACKBONE_DIR": str(folder / "backbones"),
        "PYTHONPATH": os.pathsep.join([str(BASE_DIR), str(BASE_DIR / "platform")]),
    }
    done = subprocess.run(
        [sys.executable, "-m", "ml.tests.serving.switcher", json.dumps(job)],
        env=environment, cwd=BASE_DIR, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


# --- in memory ---------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_new_head_on_the_same_backbone_reads_no_file(served: Kitchen, settings: Any) -> None:
    assert serving.warm(versions.projects_with_champion()) == {served.project.pk: 1}
    served.promote(served.version(("leek", "water", "apple")))
    hide_backbones(settings)

    reply = ask(client_with(served.project, "predict"), served.project, picture(RED))
    assert likeliest(reply) == (2, "leek")


@pytest.mark.django_db
def test_a_champion_once_warm_reads_no_file(served: Kitchen, settings: Any) -> None:
    serving.warm([served.project.pk])
    hide_backbones(settings)
    reply = ask(client_with(served.project, "predict"), served.project, picture(RED))
    assert likeliest(reply) == (1, "apple")


def hide_backbones(settings: Any) -> None:
    """Leave no compiled backbone on this host or in storage."""
    for path in Path(settings.BACKBONE_DIR).iterdir():
        path.unlink()
    for name in default_storage.listdir("backbones")[1]:
        default_storage.delete(f"backbones/{name}")


@pytest.mark.django_db
def test_a_warm_request_asks_the_database_little(
    served: Kitchen, django_assert_max_num_queries: Any
) -> None:
    client = client_with(served.project, "predict")
    ask(client, served.project, picture())
    with django_assert_max_num_queries(12):
        ask(client, served.project, *[picture(RED, seed) for seed in range(8)])


@pytest.mark.django_db
def test_a_roll_back_serves_the_old_version_at_once(served: Kitchen) -> None:
    served.promote(served.version(("leek", "water", "apple")))
    client = client_with(served.project, "predict")
    assert likeliest(ask(client, served.project, picture(RED))) == (2, "leek")
    registry.roll_back(
        project_id=served.project.pk, to_version_id=None, user_id=None,
        reason="worse", now=timezone.now(),
    )  # fmt: skip
    assert likeliest(ask(client, served.project, picture(RED))) == (1, "apple")


@pytest.mark.django_db
def test_another_hosts_backbone_is_fetched_from_storage(served: Kitchen, settings: Any) -> None:
    for path in Path(settings.BACKBONE_DIR).iterdir():
        path.unlink()
    reply = ask(client_with(served.project, "predict"), served.project, picture(RED))
    assert likeliest(reply) == (1, "apple")
    assert len(list(Path(settings.BACKBONE_DIR).iterdir())) == 1


@pytest.mark.django_db
def test_a_version_that_disagrees_with_its_backbone_is_not_served(served: Kitchen) -> None:
    ModelVersion.objects.update(label_order=["apple", "water", "leek"])
    with pytest.raises(serving.TornVersionError, match=re.escape("does not fit its backbone")):
        serving.champion(served.project.pk)


@pytest.mark.django_db
def test_warming_leaves_projects_without_a_champion_out(served: Kitchen) -> None:
    empty = Kitchen.make().project
    assert serving.warm([served.project.pk, empty.pk]) == {served.project.pk: 1}


# --- a backbone that is not loaded yet ------------------------------------------------------------


@pytest.fixture
def slow_backbones(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Let no backbone be loaded before the event is set."""
    allowed = threading.Event()
    load = serving._open

    def wait_and_load(version: versions.StoredVersion) -> Any:
        assert allowed.wait(30)
        return load(version)

    monkeypatch.setattr(serving, "_open", wait_and_load)
    return allowed


def wait_for_loaders() -> None:
    for loader in list(serving._loading.values()):
        loader.join(30)


@pytest.mark.django_db
def test_while_a_new_backbone_loads_the_version_before_answers_whole(
    kitchen: Kitchen, slow_backbones: threading.Event
) -> None:
    slow_backbones.set()
    _, second = two_versions(kitchen)
    client = client_with(kitchen.project, "predict")
    assert likeliest(ask(client, kitchen.project, picture(RED))) == (1, "apple")
    slow_backbones.clear()
    kitchen.promote(second)

    during = [likeliest(ask(client, kitchen.project, picture(RED, seed))) for seed in range(3)]
    slow_backbones.set()
    wait_for_loaders()

    assert during == [(1, "apple")] * 3
    assert likeliest(ask(client, kitchen.project, picture(RED))) == (2, "leek")


@pytest.mark.django_db
def test_a_version_withdrawn_for_cause_never_answers_while_another_loads(
    kitchen: Kitchen,
) -> None:
    two_versions(kitchen)
    client = client_with(kitchen.project, "predict")
    kitchen.promote(ModelVersion.objects.get(number=2))
    assert likeliest(ask(client, kitchen.project, picture(RED))) == (2, "leek")
    registry.roll_back(
        project_id=kitchen.project.pk, to_version_id=None, user_id=None,
        reason="worse", now=timezone.now(),
    )  # fmt: skip

    # v1's backbone was never loaded by this process.
    assert likeliest(ask(client, kitchen.project, picture(RED))) == (1, "apple")


@pytest.mark.django_db
def test_a_backbone_that_cannot_be_loaded_is_said_and_not_hidden(
    kitchen: Kitchen, settings: Any
) -> None:
    _, second = two_versions(kitchen)
    client = client_with(kitchen.project, "predict")
    ask(client, kitchen.project, picture(RED))
    hide_backbones(settings)
    kitchen.promote(second)

    ask(client, kitchen.project, picture(RED))
    wait_for_loaders()

    assert ask(client, kitchen.project, picture(RED)).status_code == 503
