"""Whether answers to gold images are right where these may bear several labels."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from labeling.models import Annotation, AnnotationLabel, GoldReference, Label, LabelValue
from labeling.selectors import label_order, projects

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

BATCH = 500


def are_right(reference_of: Mapping[int, int]) -> dict[int, bool]:
    """Tell of answers, by their references, which say every label rightly that is known.

    An answer says no to each label its page had listed and it does not name; so does a reference to
    each label there was when it was set. A label that either could not know of counts for nothing,
    nor does one that was split since. Merged labels are one.
    """
    found: dict[int, bool] = {}
    keys = list(reference_of)
    for start in range(0, len(keys), BATCH):
        found |= _are_right({key: reference_of[key] for key in keys[start : start + BATCH]})
    return found


def _are_right(reference_of: Mapping[int, int]) -> dict[int, bool]:
    if not reference_of:
        return {}
    answers = Annotation.objects.filter(pk__in=list(reference_of)).order_by("pk")
    scheme_of = dict(answers.values_list("pk", "scheme_id"))
    project_id = answers.values_list("project_id", flat=True)[0]
    said = _named_by_answers(reference_of)
    shown, set_at = _named_by_references(set(reference_of.values()))
    rows = Label.objects.filter(project_id=project_id).order_by("pk")
    made: dict[int, datetime] = dict(rows.values_list("pk", "created_at"))
    scheme = projects.current_scheme(project_id)
    of = scheme.lineage.merged
    heir = {label_id: scheme.label_ids[of[label_id]] for label_id in of}
    listed = {key: label_order.label_ids(key) for key in set(scheme_of.values())}
    right = {}
    for key, reference in reference_of.items():
        known = {
            heir.get(label, label)
            for label in listed[scheme_of[key]]
            if made[label] <= set_at[reference] and label not in scheme.lineage.several
        }
        yes, truth = (
            {heir.get(one, one) for one in each} for each in (said[key], shown[reference])
        )
        right[key] = yes & known == truth & known
    return right


def _named_by_answers(keys: Collection[int]) -> dict[int, set[int]]:
    named: dict[int, set[int]] = defaultdict(set)
    rows = AnnotationLabel.objects.filter(annotation_id__in=list(keys), value=LabelValue.YES)
    for annotation_id, label_id in rows.order_by("pk").values_list("annotation_id", "label_id"):
        named[annotation_id].add(label_id)
    return named


def _named_by_references(
    keys: Collection[int],
) -> tuple[dict[int, set[int]], dict[int, datetime]]:
    rows = GoldReference.objects.filter(pk__in=list(keys)).order_by("pk")
    named: dict[int, set[int]] = defaultdict(set)
    set_at = {}
    for key, label_id, further_id, at in rows.values_list(
        "pk", "label_id", "further", "created_at"
    ):
        named[key] |= {label_id} | ({further_id} if further_id else set())
        set_at[key] = at
    return named, set_at
