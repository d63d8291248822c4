"""Keep how many images staff want more of, and of which label."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ml", "0009_version_approved_by_a_manager")]

    operations = [
        migrations.AddField(
            model_name="similarrequest",
            name="count",
            field=models.PositiveIntegerField(default=20, help_text="How many are wanted."),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="similarrequest",
            name="label_code",
            field=models.CharField(
                blank=True, default="", help_text="Whose images they are.", max_length=64
            ),
            preserve_default=False,
        ),
    ]
