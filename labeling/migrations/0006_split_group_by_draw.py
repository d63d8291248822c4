"""Read the audit slice in its draw order from an index, however large it is."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("labeling", "0005_frequency_of_labels")]

    operations = [
        migrations.AddIndex(
            model_name="splitgroup",
            index=models.Index(
                fields=["project", "partition", "draw_order"], name="split_group_by_draw"
            ),
        ),
    ]
