"""Rows that are written past the objects: as the objects would have been."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db.models import Field

from labeling.models import Image, SplitGroup
from labeling.selectors import prepared
from labeling.services import images, pictures, split_groups
from labeling.tests import worlds

pytestmark = pytest.mark.django_db

A_PICTURE = pictures.Picture("0" * 64, b"jpeg", b"jpeg", 4, 3, None, -1)
NOW = datetime(2026, 3, 4, 5, 6, 7, 890123, tzinfo=UTC)


def left_out(model: type[Image] | type[SplitGroup], columns: tuple[str, ...]) -> list[str]:
    fields = [each for each in model._meta.get_fields() if isinstance(each, Field)]
    return [
        each.attname
        for each in fields
        if each.attname not in columns
        and not each.null
        and not each.primary_key
        # The database fills these itself.
        and not each.has_db_default()
        and not each.generated
    ]


def test_no_column_is_left_out_that_must_hold_something() -> None:
    project = worlds.make_project()
    values = images._values(
        images.Origin(project.pk, "shelf", "CC0", None),
        images.NewImage(A_PICTURE, "a.jpg"),
        ("a", "b"),
        NOW,
    )

    assert left_out(Image, tuple(values)) == []
    assert left_out(SplitGroup, split_groups.GROUP_COLUMNS) == []


def test_many_rows_come_back_in_order_and_as_they_were_given() -> None:
    project = worlds.make_project()
    rows = [
        [project.pk, "POOL", number / 1000, None, 1 - number / 1000, NOW] for number in range(450)
    ]

    ids = prepared.insert("labeling_splitgroup", split_groups.GROUP_COLUMNS, rows)

    found = SplitGroup.objects.in_bulk(ids)
    stored = [found[key] for key in ids]
    assert [row.inclusion_probability for row in stored] == [row[2] for row in rows]
    assert {row.created_at for row in stored} == {NOW}
    assert prepared.insert("labeling_splitgroup", split_groups.GROUP_COLUMNS, []) == []
