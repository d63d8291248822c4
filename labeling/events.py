"""What labeling tells the rest of Larder. Sent after commit; receivers only enqueue a task.

`images_added(project_id, image_ids)`: images were stored and wait for an embedding.
`annotation_submitted(project_id, annotation_id)`: an answer, an undo or an adjudication.
`labels_changed(project_id)`: labels changed without an answer: a sweep, a quarantine, its lifting.
`partition_decided(project_id)`: images left PENDING, so the queue may be topped up.
`scheme_changed(project_id)`: labels were added, renamed or retired.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db import transaction
from django.dispatch import Signal

images_added = Signal()
annotation_submitted = Signal()
labels_changed = Signal()
partition_decided = Signal()
scheme_changed = Signal()


def send_on_commit(signal: Signal, **payload: Any) -> None:
    """Send a signal once the transaction has committed.

    Robust twice over: a receiver that fails (a dead broker) never turns an answer that is
    already durable into an error; the sweep finds the work (rule 6).
    """
    transaction.on_commit(partial(signal.send_robust, sender=None, **payload), robust=True)
