from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("labeling", "0013_images_nearly_the_same"),
        ("ml", "0010_what_similar_requests_want"),
    ]

    operations = [
        migrations.CreateModel(
            name="UploadDrift",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("source", models.CharField(max_length=80)),
                ("day", models.DateField(help_text="UTC.")),
                (
                    "n_images",
                    models.PositiveIntegerField(help_text="Of the batch, when it was compared."),
                ),
                ("n_baseline", models.PositiveIntegerField()),
                (
                    "signals",
                    models.JSONField(
                        help_text="Name, p-value, effect, label code and alarm of each."
                    ),
                ),
                ("is_drifted", models.BooleanField()),
                (
                    "audit_share",
                    models.FloatField(
                        help_text="Chance of the batch's next split groups to become audit."
                    ),
                ),
                ("model_version", models.UUIDField(help_text="Whose outputs were compared.")),
                ("measured_at", models.DateTimeField()),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="labeling.project",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("project", "source", "day"), name="upload_drift_once_a_batch"
                    )
                ],
            },
        ),
    ]
