"""`manage.py export_backbone`: compile the backbone once, for hosts that have no torch."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from ml.errors import MlError
from ml.inference.files import BackboneCorruptError, BackboneMissingError, find_backbone
from ml.types import BackboneFile

NO_TORCH = (
    "This host has no torch ({missing}). Run export_backbone where requirements.txt is "
    "installed, then copy its {folder} to this host."
)


class Command(BaseCommand):
    """Write the compiled backbone, unless a valid one is there."""

    help = "Compile the backbone to ONNX, once. Instant where it exists already."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--backbone", default=settings.BACKBONE, help="name in the registry")
        parser.add_argument("--out", type=Path, default=settings.BACKBONE_DIR, help="folder")
        parser.add_argument("--weights", type=Path, help="local safetensors file")
        parser.add_argument("--force", action="store_true", help="export even if it exists")

    def handle(self, *_: Any, **options: Any) -> None:
        """Export, or say that there is nothing to do."""
        name, folder = options["backbone"], options["out"]
        if not (options["force"] or options["weights"]):
            existing = self._existing(folder, name)
            if existing is not None:
                self.stdout.write(f"Backbone {name} is ready: {Path(existing.path).name}")
                return
        self.stdout.write(f"Exporting backbone {name} (about ten seconds) …")
        started = time.monotonic()
        exported = self._export(name, folder, options["weights"])
        self.stdout.write(
            f"Wrote {exported.path} ({exported.dim} numbers an image, "
            f"{time.monotonic() - started:.1f} s)."
        )

    def _existing(self, folder: Path, name: str) -> BackboneFile | None:
        """Look for a valid file; a damaged one is reported and exported again."""
        try:
            return find_backbone(folder, name)
        except BackboneMissingError:
            return None
        except BackboneCorruptError as damaged:
            self.stderr.write(f"{damaged.message} Exporting it again.")
            Path(folder / damaged.detail["file"]).unlink()
            return None

    def _export(self, name: str, folder: Path, weights: Path | None) -> BackboneFile:
        try:
            from ml.transfer.backbones import load_backbone, spec  # noqa: PLC0415 - torch, 3 s
            from ml.transfer.export import export_onnx  # noqa: PLC0415
        except ModuleNotFoundError as missing:
            raise CommandError(
                NO_TORCH.format(missing=f"no module {missing.name}", folder=folder)
            ) from None
        try:
            backbone = load_backbone(name, weights_path=weights)
            return export_onnx(backbone, spec(name).preprocessing, folder, name=name)
        except MlError as refusal:
            raise CommandError(refusal.message) from None
        except OSError as error:
            raise CommandError(f"Cannot write to {folder}: {error}") from None
