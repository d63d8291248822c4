"""Suggestions: which image shows the classifier's guess, and whether it leads people astray.

Off by default. Where a project switches them on, a random share is held back; without it nobody
could tell whether people agree with the classifier or merely follow it. Audit, gold and disputed
images never carry one, nor does an image that somebody else has answered or holds: a second
opinion is worth something only where it is one's own.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from django.db import transaction

from labeling.models import (
    Annotation,
    AnnotationKind,
    AnnotatorKind,
    AnnotatorSkill,
    Assignment,
    AssignmentState,
    ConsensusState,
    LabelValue,
    Partition,
    Project,
    Reason,
)
from labeling.selectors import consensus as consensus_selectors
from labeling.selectors import crowd as crowd_selectors
from labeling.selectors import projects

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

SALT = 0xA2C4_04
"""Keeps this draw apart from the project's other draws from the same seed."""
SUGGESTIBLE = (Reason.ACQUIRED, Reason.RANDOM)
NONE: dict[str, Any] = {}
"""Decided: this assignment carries no suggestion. (Undecided is null.)"""
INDEPENDENT = 2
"""So many votes must stand behind a label before it tells whether a suggestion was wrong."""
LOOK_AGAIN = timedelta(minutes=10)
_seen: dict[int, tuple[tuple[int, int], datetime]] = {}
"""Project to the version of its answers and labels, and when this process has last measured."""


def decide(project: Project, held: Sequence[Assignment]) -> None:
    """Decide, once for each assignment of a tab, what it suggests and whether that is shown.

    Stores `{"label", "p", "shown", "shown_probability"}`, or `{}` for none.
    The draw comes from the project's secret seed, the image and the person: it cannot be steered
    by giving an image back and claiming it again.
    """
    if not project.suggestions_enabled:
        return
    fresh = [one for one in held if one.suggestion is None]
    if not fresh:
        return
    guesses = _guesses(project.pk, _first_opinions(fresh))
    for one in fresh:
        guess = guesses.get(one.image_id)
        one.suggestion = NONE if guess is None else _drawn(project, one, guess)
    Assignment.objects.bulk_update(fresh, ["suggestion"])


def shown_label(assignment: Assignment) -> str | None:
    """Give the code an assignment suggests to whoever holds it, or None."""
    suggestion = assignment.suggestion or NONE
    label: str | None = suggestion.get("label") if suggestion.get("shown") else None
    return label


def measure(*, project_id: int, now: datetime) -> int:
    """Count for everyone how often they took over wrong suggestions; give for how many people.

    Compared with how often they made the very same mistake where the wrong suggestion was held
    back. Wrong is a suggestion that is not the label that stands, where an expert or at least two
    people stand behind that label: alone, somebody who follows a wrong suggestion would make it
    right.
    """
    counts = _counts(project_id)
    with transaction.atomic():
        for annotator_id in sorted(counts):
            found = counts[annotator_id]
            AnnotatorSkill.objects.update_or_create(
                annotator_id=annotator_id,
                defaults={
                    **{name: found[name] for name in _COLUMNS},
                    "updated_at": now,
                },
            )
    return len(counts)


def sweep(*, now: datetime) -> int:
    """Do `measure` for every live project that suggests; give for how many it was done.

    It reads every answer beside a suggestion, so a project without new answers or changed labels
    is measured every ten minutes only. What a process has seen is a hint (`adjudication.sweep`).
    """
    live = Project.objects.filter(archived_at__isnull=True, suggestions_enabled=True)
    measured = 0
    for project_id in list(live.order_by("pk").values_list("pk", flat=True)):
        newest = (
            consensus_selectors.data_version(project_id),
            consensus_selectors.label_changes(project_id),
        )
        seen, at = _seen.get(project_id, (None, now))
        if newest != seen or now - at >= LOOK_AGAIN:
            measure(project_id=project_id, now=now)
            _seen[project_id] = (newest, now)
            measured += 1
    return measured


_COLUMNS = (
    "n_shown",
    "n_suggested_wrong",
    "n_suggested_wrong_accepted",
    "n_hidden_wrong",
    "n_hidden_wrong_same",
)


def _first_opinions(fresh: Sequence[Assignment]) -> list[int]:
    """Give the images nobody else has answered or holds, of the streams that may suggest."""
    ids = [
        one.image_id
        for one in fresh
        if one.reason in SUGGESTIBLE and one.image.partition == Partition.POOL
    ]
    answered = set(
        Annotation.objects.filter(image_id__in=ids, withdrawn_at__isnull=True)
        .exclude(kind__in=(AnnotationKind.UNDO, AnnotationKind.SKIP))
        .values_list("image_id", flat=True)
    )
    mine = {one.pk for one in fresh}
    held = Assignment.objects.filter(image_id__in=ids, state=AssignmentState.OPEN)
    elsewhere = set(held.exclude(pk__in=mine).values_list("image_id", flat=True))
    return [image_id for image_id in ids if image_id not in answered | elsewhere]


def _guesses(project_id: int, image_ids: list[int]) -> dict[int, tuple[str, float]]:
    """Give the classifier's likeliest label and its probability, where it has an opinion."""
    if not image_ids:
        return {}
    scheme = projects.current_scheme(project_id)
    priors = crowd_selectors.priors(image_ids, scheme)
    return {image_id: _best(row, scheme.codes) for image_id, row in priors.items() if row.any()}


def _best(row: npt.NDArray[np.float32], codes: Sequence[str]) -> tuple[str, float]:
    best = int(row.argmax())
    return codes[best], round(float(row[best]), 4)


def _drawn(project: Project, one: Assignment, guess: tuple[str, float]) -> dict[str, Any]:
    rng = np.random.default_rng([project.seed, SALT, one.image_id, one.annotator_id])
    hidden = project.suggestions_hidden_share
    return {
        "label": guess[0],
        "p": guess[1],
        "shown": bool(rng.random() >= hidden),
        "shown_probability": 1 - hidden,
    }


def _counts(project_id: int) -> dict[int, Counter[str]]:
    rows = (
        Annotation.objects.filter(
            project_id=project_id,
            withdrawn_at__isnull=True,
            is_expert=False,
            annotator__kind=AnnotatorKind.PERSON,
            assignment__suggestion__has_key="label",
        )
        .exclude(kind__in=(AnnotationKind.UNDO, AnnotationKind.SKIP, AnnotationKind.FLAG))
        .order_by("pk")
        .values_list(
            "annotator_id",
            "assignment__suggestion",
            "labels__label__code",
            "labels__value",
            "image__consensus__label__code",
            "image__consensus__state",
            "image__consensus__is_expert",
            "image__consensus__n_votes",
        )
    )
    counts: dict[int, Counter[str]] = {}
    for annotator_id, stored, said, value, truth, state, is_expert, n_votes in rows.iterator():
        suggestion: dict[str, Any] = stored or NONE
        count = counts.setdefault(annotator_id, Counter())
        count["n_shown"] += bool(suggestion["shown"])
        is_known = state == ConsensusState.RESOLVED and (is_expert or n_votes >= INDEPENDENT)
        if is_known and truth != suggestion["label"]:
            same = value == LabelValue.YES and said == suggestion["label"]
            where = "n_suggested_wrong" if suggestion["shown"] else "n_hidden_wrong"
            count[where] += 1
            count[f"{where}_accepted" if suggestion["shown"] else f"{where}_same"] += same
    return counts
