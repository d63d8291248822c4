from __future__ import annotations

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("labeling", "0014_alike_image_set_apart"),
        ("ml", "0011_drift_of_uploads"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditTopUp",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("label_code", models.CharField(max_length=64)),
                (
                    "half_width",
                    models.FloatField(help_text="Wanted of the label's interval, a share."),
                ),
                (
                    "share",
                    models.FloatField(
                        help_text="Chance of a new split group that the classifier takes for the label."
                    ),
                ),
                (
                    "n_seen",
                    models.PositiveIntegerField(
                        default=0, help_text="New pictures taken for the label since."
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "is_reached",
                    models.BooleanField(
                        default=False, help_text="Ended because it is known so well."
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="labeling.project",
                    ),
                ),
                (
                    "requested_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=("project", "label_code"),
                        name="audit_top_up_one_open_a_label",
                    )
                ],
            },
        ),
    ]
