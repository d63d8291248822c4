"""Let a comparison end without a verdict, where nobody answers what it waits for."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ml", "0004_prediction_feedback_by")]

    operations = [
        migrations.AlterField(
            model_name="comparison",
            name="decision",
            field=models.CharField(
                choices=[
                    ("RUNNING", "undecided"),
                    ("PASSED", "passed"),
                    ("FAILED", "failed"),
                    ("SUPERSEDED", "superseded"),
                    ("UNDECIDED", "ended without a verdict"),
                ],
                default="RUNNING",
                max_length=10,
            ),
        ),
    ]
