"""The one writer of an annotator's counts: what each image adds to them, and takes back.

`Consensus.counted` holds what an image has added: its votes and its truth, by label code. The
counts of an annotator are at all times the sum over all images, because nothing else changes them:
an answer, an undo, a new decision and the sweep all go through `move`, under the image's lock.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from labeling.consensus import crowd
from labeling.consensus.types import Vote
from labeling.models import AnnotatorSkill
from labeling.selectors.prepared import Prepared, Rows, instance

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    import numpy.typing as npt

    from labeling.consensus.crowd import SkillChange

TOLD = 0.01
_GONE = 1e-9


@dataclass(frozen=True, slots=True)
class Change:
    """What to add to one annotator's counts; confusions by (true code, code said)."""

    right: float
    wrong: float
    confusions: Mapping[tuple[str, str], float]


def record(
    votes: Sequence[Vote], truth: npt.NDArray[np.float64], codes: Sequence[str]
) -> dict[str, Any]:
    """Give what to store as `Consensus.counted`: outcomes below 1 % are left out."""
    told = {
        codes[column]: float(truth[column]) for column in np.flatnonzero(truth >= TOLD).tolist()
    }
    return {
        "votes": named(votes, codes),
        "truth": told,
    }


def named(votes: Sequence[Vote], codes: Sequence[str]) -> list[list[Any]]:
    """Give the votes that tell of their authors as annotator and code, by annotator."""
    return sorted([vote.annotator, codes[vote.label]] for vote in votes if vote.tells)


def distance(one: dict[str, Any] | None, other: dict[str, Any]) -> float:
    """Give the largest difference of a probability; infinite where the votes are others."""
    if one is None or one["votes"] != other["votes"]:
        return math.inf
    codes = one["truth"].keys() | other["truth"].keys()
    moved = [abs(one["truth"].get(code, 0) - other["truth"].get(code, 0)) for code in codes]
    return float(max(moved))


def has_same_votes(one: dict[str, Any] | None, other: dict[str, Any] | None) -> bool:
    """Tell whether two records are of the same votes; two that are none are not."""
    return one is not None and other is not None and one["votes"] == other["votes"]


def difference(before: dict[str, Any] | None, after: dict[str, Any] | None) -> dict[int, Change]:
    """Give the change of each annotator's counts when an image's record changes."""
    codes = sorted({code for each in (before, after) if each for code in _codes(each)})
    column_of = {code: column for column, code in enumerate(codes)}
    moved = crowd.change(
        _votes(after, column_of),
        _truth(before, column_of),
        _truth(after, column_of),
        earlier=_votes(before, column_of),
    )
    return {annotator: _by_code(one, codes) for annotator, one in moved.items()}


def added(record: dict[str, Any] | None, codes: Sequence[str]) -> dict[int, SkillChange]:
    """Give what an image has added to each of its annotators, by the columns of these codes.

    Nothing where its record names a label that is no longer among them: the stored skills leave
    those out as well.
    """
    column_of = {code: column for column, code in enumerate(codes)}
    truth = None
    if record is not None and set(_codes(record)) <= column_of.keys():
        truth = _truth(record, column_of)
    return {} if truth is None else crowd.held(_votes(record, column_of), truth)


def move(
    changes: Iterable[tuple[dict[str, Any] | None, dict[str, Any] | None]],
    *,
    scheme_id: int,
    now: datetime,
) -> int:
    """Bring the counts from what images had added to what they add now; give how many people moved.

    Inside the transaction that writes the records, under the images' locks. Rows are locked in
    the order of their annotators, so that two writers never wait for each other.
    """
    total: dict[int, Change] = {}
    for before, after in changes:
        if before == after:
            continue
        for annotator, one in difference(before, after).items():
            total[annotator] = _plus(total[annotator], one) if annotator in total else one
    if total:
        _add(total, scheme_id, now)
    return len(total)


def _add(changes: dict[int, Change], scheme_id: int, now: datetime) -> None:
    rows = _locked(changes)
    missing = sorted(changes.keys() - rows.keys())
    if missing:
        AnnotatorSkill.objects.bulk_create(
            [AnnotatorSkill(annotator_id=annotator, updated_at=now) for annotator in missing],
            ignore_conflicts=True,
        )
        rows = _locked(changes)
    for annotator, change in changes.items():
        _apply(rows[annotator], change)
        rows[annotator].scheme_id = scheme_id
        rows[annotator].updated_at = now
    _UPDATE.run([_values(row) for row in rows.values()])


_UPDATE = Rows(
    on_sqlite="UPDATE labeling_annotatorskill SET n_right = %s, n_wrong = %s, by_label = %s, "
    "confusions = %s, scheme_id = %s, updated_at = %s WHERE id = %s",
    on_postgres="UPDATE labeling_annotatorskill AS skill SET n_right = new.n_right, "
    "n_wrong = new.n_wrong, by_label = new.by_label::jsonb, confusions = new.confusions::jsonb, "
    "scheme_id = new.scheme_id, updated_at = new.updated_at "
    "FROM unnest(%s::float8[], %s::float8[], %s::text[], %s::text[], %s::bigint[], "
    "%s::timestamptz[], %s::bigint[]) "
    "AS new(n_right, n_wrong, by_label, confusions, scheme_id, updated_at, id) "
    "WHERE skill.id = new.id",
)


def _values(row: AnnotatorSkill) -> list[Any]:
    by_label, confusions = json.dumps(row.by_label), json.dumps(row.confusions)
    values = [row.n_right, row.n_wrong, by_label, confusions, row.scheme_id]
    return [*values, row.updated_at, row.pk]


def _locked(changes: Iterable[int]) -> dict[int, AnnotatorSkill]:
    found = _locking.rows(sorted(changes))
    return {row[_ANNOTATOR]: instance(AnnotatorSkill, _COLUMNS, row) for row in found}


_COLUMNS = [field.attname for field in AnnotatorSkill._meta.concrete_fields]
_ANNOTATOR = _COLUMNS.index("annotator_id")


_locking = Prepared(
    lambda people: (
        AnnotatorSkill.objects.filter(annotator_id__in=people)
        .order_by("annotator_id")
        .values_list(*_COLUMNS)
    ),
    lock="FOR NO KEY UPDATE",
)


def _apply(row: AnnotatorSkill, change: Change) -> None:
    row.n_right = max(row.n_right + change.right, 0.0)
    row.n_wrong = max(row.n_wrong + change.wrong, 0.0)
    by_label = dict(row.by_label)
    confusions = dict(row.confusions)
    for (truth, said), count in change.confusions.items():
        _grow(confusions, f"{truth}>{said}", count)
        right, wrong = by_label.get(truth, (0.0, 0.0))
        if truth == said:
            right += count
        else:
            wrong += count
        by_label[truth] = [max(right, 0.0), max(wrong, 0.0)]
    row.confusions = confusions
    row.by_label = {code: pair for code, pair in by_label.items() if max(pair) > _GONE}


def _grow(counts: dict[str, float], key: str, change: float) -> None:
    count = counts.get(key, 0.0) + change
    if count > _GONE:
        counts[key] = count
    else:
        counts.pop(key, None)


def _plus(one: Change, other: Change) -> Change:
    confusions = dict(one.confusions)
    for pair, count in other.confusions.items():
        confusions[pair] = confusions.get(pair, 0.0) + count
    return Change(one.right + other.right, one.wrong + other.wrong, confusions)


def _codes(record: dict[str, Any]) -> set[str]:
    return {*record["truth"], *(code for _, code in record["votes"])}


def _votes(record: dict[str, Any] | None, column_of: dict[str, int]) -> list[Vote]:
    if record is None:
        return []
    return [Vote(annotator, column_of[code]) for annotator, code in record["votes"]]


def _truth(
    record: dict[str, Any] | None, column_of: dict[str, int]
) -> npt.NDArray[np.float64] | None:
    if record is None:
        return None
    truth = np.zeros(len(column_of))
    for code, share in record["truth"].items():
        truth[column_of[code]] = share
    return truth


def _by_code(change: SkillChange, codes: Sequence[str]) -> Change:
    return Change(
        change.right,
        change.wrong,
        {(codes[truth], codes[said]): n for (truth, said), n in change.confusions.items()},
    )
