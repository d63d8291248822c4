"""Find whose word each reference is, those of people without a name by the answer it came with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import migrations

if TYPE_CHECKING:
    from django.apps.registry import Apps
    from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def fill(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Fill what is empty; a reference that nothing tells about keeps its login alone."""
    reference_model: Any = apps.get_model("labeling", "GoldReference")
    annotator_model: Any = apps.get_model("labeling", "Annotator")
    annotation_model: Any = apps.get_model("labeling", "Annotation")
    rows = reference_model.objects.filter(annotator__isnull=True).select_related("image")
    for row in rows.order_by("pk").iterator():
        people = annotator_model.objects.filter(project_id=row.image.project_id)
        found = people.filter(user_id=row.set_by_id).values_list("pk", flat=True).first()
        if found is None:
            said = annotation_model.objects.filter(
                image_id=row.image_id, is_expert=True, created_at=row.created_at
            )
            found = said.order_by("-pk").values_list("annotator_id", flat=True).first()
        if found is not None:
            reference_model.objects.filter(pk=row.pk).update(annotator_id=found)


def keep(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Leave the column as it is; 0007 takes it away."""


class Migration(migrations.Migration):
    dependencies = [("labeling", "0007_gold_by_annotator")]

    operations = [migrations.RunPython(fill, keep)]
