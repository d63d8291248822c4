from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("labeling", "0014_alike_image_set_apart")]

    operations = [
        migrations.AddField(
            model_name="label",
            name="is_group",
            field=models.BooleanField(
                default=False,
                help_text="The parent of labels: an answer where nobody can tell which.",
            ),
        ),
        migrations.AddField(
            model_name="schemelabel",
            name="parent",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="labeling.label",
            ),
        ),
    ]
