"""Run as a script: make the tables, a project with a few drawn pictures, print an invitation."""

from __future__ import annotations

import sys
from io import BytesIO

import django
import numpy as np

django.setup()

from django.utils import timezone  # noqa: E402

from config import rendered  # noqa: E402
from labeling.services import images, people, projects  # noqa: E402
from labeling.services.split_groups import GroupDecision, set_partitions  # noqa: E402
from ml.services.tables import make_tables  # noqa: E402

IMAGES = 6


def main() -> None:
    """Prepare the data folder that the environment names."""
    make_tables()
    now, rng = timezone.now(), np.random.default_rng(1)
    project = projects.create_project(name="Small", classes=["Apple", "Milk"], now=now)
    ids = []
    for number in range(IMAGES):
        upload = BytesIO()
        rendered.draw("Apple", rng).save(upload, "JPEG")
        upload.seek(0)
        stored = images.ingest(
            project_id=project.pk,
            upload=upload,
            original_name=f"{number}.jpg",
            source="drawn",
            licence="CC0",
            uploaded_by_id=None,
            now=now,
        )
        ids.append(stored.image_id)
    decisions = [GroupDecision([image_id], partition="POOL") for image_id in ids]
    set_partitions(project_id=project.pk, decisions=decisions, now=now)
    _, token = people.invite(
        project_id=project.pk, role="VOLUNTEER", use_limit=1, ttl=None, created_by_id=None, now=now
    )
    sys.stdout.write(token)


if __name__ == "__main__":
    main()
