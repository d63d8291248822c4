"""`manage.py up`, which `make run` calls: start all of Larder here and look after it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from config import broker, machine, pictures, welcome
from config.supervisor import Child, Supervisor

BROKER_S = 20.0
READY_S = 90.0
BACKBONE_S = 600.0
SLOW_S = 2.0
GPU_LOOK_S = 5.0
ASK_S = 1.0


class Command(BaseCommand):
    """Check, start everything, print where to go, keep it alive, stop it cleanly."""

    help = "Start all of Larder on this machine. `make run` calls this."
    requires_system_checks = ()
    _asked_at = 0.0

    def add_arguments(self, parser: CommandParser) -> None:
        """Leave the workers to other machines, or to nobody while a measurement runs."""
        parser.add_argument(
            "--no-workers", action="store_true", help="only the database, the broker and the web"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Run until Ctrl-C or SIGTERM."""
        self.has_workers = not options["no_workers"]
        # SIGINT too: a shell script that starts us in the background has it ignored.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _interrupt)
        self.host, self.public_url = _address()
        self.extra = self._environment()
        run, logs = machine.prepare_folders(settings.DATA_DIR)
        self._check_pictures()
        with machine.lock(run):
            machine.refuse_taken_port(self.host, settings.PORT)
            self._warn_about_pages()
            with (
                machine.announced(run, self.public_url),
                Supervisor(
                    folder=run, logs=logs, working_dir=settings.BASE_DIR, say=self._say
                ) as supervisor,
            ):
                self.supervisor = supervisor
                try:
                    self._start()
                    self._look_after()
                except KeyboardInterrupt:
                    signal.signal(signal.SIGINT, signal.SIG_IGN)
                    self._say("Stopping …")
        self._say("Stopped. Everything is kept; `make run` goes on from here.")

    def _start(self) -> None:
        self._start_broker()
        with self._step("Preparing the database"):
            call_command("migrate", interactive=False, verbosity=0)
        with self._step("Collecting the pages' files"):
            call_command("collectstatic", interactive=False, verbosity=0)
        welcome.ensure_owner(say=self._say)
        connections.close_all()
        start = self.supervisor.start
        start(machine.web(host=self.host, port=settings.PORT, extra=self.extra))
        if not self.has_workers:
            return
        start(machine.management("export_backbone", extra=self.extra))
        start(machine.management("load_pictures", extra=self.extra))
        self._wait_for_backbone()
        for queue in ("fast", "default"):
            start(machine.worker(queue, extra=self.extra))
        start(machine.beat(folder=settings.DATA_DIR / "run", extra=self.extra))
        with self._step("Waiting until everything is ready"):
            is_ready = self.supervisor.wait_until(self._is_ready, timeout_s=READY_S)
        if not is_ready:
            missing = welcome.what_is_missing(settings.PORT) or "the pictures' project"
            self._say(f"Not all is ready yet: {missing}")
        is_labeled = bool(os.environ.get("IMAGES")) and os.environ.get("LABELS") == "trusted"
        welcome.print_links(self.public_url, say=self._say, is_labeled=is_labeled)
        connections.close_all()

    def _look_after(self) -> None:
        looked_at = 0.0
        while True:
            self.supervisor.tick()
            now = time.monotonic()
            if now - looked_at > GPU_LOOK_S:
                looked_at = now
                self._start_gpu_worker_when_needed()
            time.sleep(0.25)

    def _start_gpu_worker_when_needed(self) -> None:
        """The gpu worker costs 300 MB with torch; it is started with its first work."""
        if not self.has_workers or self.supervisor.has_started("gpu"):
            return
        if broker.waiting(settings.REDIS_URL, "gpu"):
            self.supervisor.start(machine.worker("gpu", extra=self.extra))

    def _check_pictures(self) -> None:
        """Refuse at once what the background would refuse later."""
        images = os.environ.get("IMAGES")
        if images:
            chosen = pictures.own(
                Path(images).expanduser(),
                classes=os.environ.get("CLASSES", ""),
                labels=os.environ.get("LABELS", ""),
                project=os.environ.get("PROJECT", ""),
            )
            pictures.refuse_other_folder(settings.DATA_DIR, chosen)
        elif settings.DEMO_IMAGES is not None:
            pictures.demo(settings.DATA_DIR, settings.DEMO_IMAGES, say=self._say)

    def _start_broker(self) -> None:
        path = broker.socket_of(settings.REDIS_URL)
        if os.environ.get("REDIS_URL") or path is None:
            if not broker.is_answering(settings.REDIS_URL):
                raise CommandError("REDIS_URL: no broker answers there.")
            return
        broker.prepare_socket(path)
        self.supervisor.start(
            Child("broker", broker.command(path), self.extra, is_last=True, is_quiet=True)
        )
        is_up = self.supervisor.wait_until(
            lambda: broker.is_answering(settings.REDIS_URL), timeout_s=BROKER_S
        )
        if not is_up:
            raise CommandError(f"The broker did not start:\n{self.supervisor.tail('broker')}")

    def _wait_for_backbone(self) -> None:
        name = "export-backbone"
        with self._step("Preparing the backbone"):
            is_done = self.supervisor.wait_until(
                lambda: self.supervisor.is_done(name) or self.supervisor.failures(name) > 1,
                timeout_s=BACKBONE_S,
            )
        if not (is_done and self.supervisor.is_done(name)):
            raise CommandError(f"No backbone:\n{self.supervisor.tail(name)}")

    def _is_ready(self) -> bool:
        if time.monotonic() - self._asked_at < ASK_S:
            return False
        self._asked_at = time.monotonic()
        has_project = pictures.remembered(settings.DATA_DIR) is not None
        return has_project and not welcome.what_is_missing(settings.PORT)

    def _environment(self) -> dict[str, str]:
        hosts = {settings.PUBLIC_URL, self.public_url}
        extra = machine.environment(settings.BASE_DIR)
        extra["LARDER_DATA"] = str(settings.DATA_DIR)
        extra["REDIS_URL"] = settings.REDIS_URL
        if os.environ.get("SHARE") == "lan":
            names = [*settings.ALLOWED_HOSTS, self.public_url.split("//")[1].split(":")[0]]
            extra["LARDER_PUBLIC_URL"] = self.public_url
            extra["LARDER_ALLOWED_HOSTS"] = ",".join(dict.fromkeys(filter(None, names)))
            extra["LARDER_TRUSTED_ORIGINS"] = ",".join(sorted(hosts))
        return extra

    def _warn_about_pages(self) -> None:
        page: Path = settings.FRONTEND_DIR / "index.html"
        if not page.is_file():
            self._say("The pages are not built, so only the API answers. Run: make setup")

    @contextmanager
    def _step(self, title: str) -> Iterator[None]:
        """Name a step before it starts, and say how long it took where that was long."""
        started = time.monotonic()
        self._say(f"{title} …")
        yield
        seconds = time.monotonic() - started
        if seconds > SLOW_S:
            self._say(f"{title}: {seconds:.0f} s")

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _address() -> tuple[str, str]:
    """Where to listen, and the address people open."""
    share = os.environ.get("SHARE", "")
    if share not in {"", "lan"}:
        raise CommandError(f"SHARE={share!r}: expected lan, or nothing.")
    if share == "lan":
        return "0.0.0.0", f"http://{machine.lan_address()}:{settings.PORT}"  # noqa: S104 - asked for
    return "127.0.0.1", settings.PUBLIC_URL


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
