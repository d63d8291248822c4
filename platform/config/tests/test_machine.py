"""What `make run` refuses, and what it starts its children with."""

from __future__ import annotations

import socket
from contextlib import closing, suppress
from pathlib import Path

import pytest
import redis
from django.core.exceptions import ImproperlyConfigured

from config import broker, machine
from config.supervisor import Child, Supervisor


def test_a_taken_port_is_refused_with_the_way_out() -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(ImproperlyConfigured, match=f"Port {port}.*LARDER_PORT={port + 1}"):
            machine.refuse_taken_port("127.0.0.1", port)


def test_a_folder_that_cannot_be_written_is_one_clear_refusal(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("in the way")

    with pytest.raises(ImproperlyConfigured, match="cannot write there"):
        machine.prepare_folders(tmp_path)


def test_a_second_start_on_the_same_data_folder_is_refused(tmp_path: Path) -> None:
    with machine.lock(tmp_path), pytest.raises(ImproperlyConfigured, match="already runs"):
        machine.lock(tmp_path)


def test_the_lock_goes_with_the_one_who_held_it(tmp_path: Path) -> None:
    machine.lock(tmp_path).close()

    machine.lock(tmp_path).close()


def test_the_address_is_on_file_while_larder_runs_and_gone_after_a_stop(tmp_path: Path) -> None:
    with suppress(KeyboardInterrupt), machine.announced(tmp_path, "http://192.0.2.7:8123"):
        said = (tmp_path / "address").read_text()
        raise KeyboardInterrupt

    assert said == "http://192.0.2.7:8123"
    assert list(tmp_path.iterdir()) == []


def test_only_the_gpu_worker_spawns_its_pool_and_none_uses_threads() -> None:
    commands = {
        queue: machine.worker(queue, extra={}).command for queue in ("fast", "default", "gpu")
    }

    assert [queue for queue, line in commands.items() if "spawn" in line] == ["gpu"]
    assert all(line[line.index("-P") + 1] == "prefork" for line in commands.values())


def test_the_web_process_names_its_number_of_threads() -> None:
    command = machine.web(host="127.0.0.1", port=8000, extra={}).command

    assert "--blocking-threads" in command
    assert command[command.index("--interface") + 1] == "wsgi"


@pytest.mark.broker
def test_a_broker_starts_on_a_socket_whose_path_has_a_space(tmp_path: Path) -> None:
    folder = tmp_path / "a b"
    path = folder / "valkey.sock"
    url = f"unix://{str(path).replace(' ', '%20')}"
    broker.prepare_socket(path)
    path.touch()
    broker.prepare_socket(path)

    with Supervisor(
        folder=folder, logs=folder, working_dir=tmp_path, say=print, stop_grace_s=2
    ) as supervisor:
        supervisor.start(Child("broker", broker.command(path), is_last=True))
        assert supervisor.wait_until(lambda: broker.is_answering(url), timeout_s=60)
        redis.Redis.from_url(url).rpush("gpu", "one")
        assert broker.waiting(url, "gpu") == 1
        assert (folder.stat().st_mode & 0o777) == 0o700

    assert not broker.is_answering(url)
    assert broker.waiting(url, "gpu") == 0
