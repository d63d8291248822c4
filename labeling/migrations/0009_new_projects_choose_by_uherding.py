from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import migrations, models

if TYPE_CHECKING:
    from django.apps.registry import Apps
    from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def rename(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Give herding the name that it has in the registry now."""
    projects: Any = apps.get_model("labeling", "Project")
    projects.objects.filter(acquisition_function="herding").update(
        acquisition_function="max_herding"
    )


class Migration(migrations.Migration):
    dependencies = [
        ("labeling", "0008_annotators_of_gold"),
    ]

    operations = [
        migrations.AlterField(
            model_name="project",
            name="acquisition_function",
            field=models.CharField(default="uherding", max_length=40),
        ),
        migrations.RunPython(rename, migrations.RunPython.noop),
    ]
