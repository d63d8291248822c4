"""Count how often labels changed without a new answer, so that the head follows a replay."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("labeling", "0003_crowd_and_adjudication")]

    operations = [
        migrations.AddField(
            model_name="crowdmodel",
            name="label_changes",
            field=models.PositiveIntegerField(
                default=0, help_text="How often labels have changed without a new answer."
            ),
        ),
    ]
