from __future__ import annotations

import pytest

from labeling.models import Job, JobState
from labeling.selectors import jobs
from labeling.tests.worlds import NOW, later

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("fields", "is_due"),
    [
        ({"state": JobState.QUEUED, "created_at": later(-5)}, False),
        ({"state": JobState.QUEUED, "created_at": later(-20)}, True),
        ({"state": JobState.RUNNING, "heartbeat_at": later(-30)}, False),
        ({"state": JobState.RUNNING, "heartbeat_at": later(-90)}, True),
        ({"state": JobState.SUCCEEDED, "heartbeat_at": later(-90)}, False),
        ({"state": JobState.FAILED, "created_at": later(-90)}, False),
    ],
)
def test_a_job_is_due_when_nobody_is_at_it(fields: dict[str, object], is_due: bool) -> None:
    job = Job.objects.create(kind="import", **{"created_at": NOW, **fields})
    assert [due.job_id for due in jobs.due(NOW)] == ([job.pk] if is_due else [])
