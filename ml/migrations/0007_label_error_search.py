from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("labeling", "0011_doubts_about_labels"),
        ("ml", "0006_new_label_search_and_similar_request"),
    ]

    operations = [
        migrations.CreateModel(
            name="LabelErrorSearch",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "n_labels",
                    models.PositiveIntegerField(
                        default=0, help_text="Labels the last search read."
                    ),
                ),
                ("scheme_id", models.BigIntegerField(default=0, help_text="Their scheme version.")),
                ("n_doubted", models.PositiveIntegerField(default=0)),
                ("started_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("seconds", models.FloatField(default=0)),
                (
                    "project",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="labeling.project",
                    ),
                ),
            ],
        ),
    ]
