from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ml", "0012_audit_top_up")]

    operations = [
        migrations.AddField(
            model_name="prediction",
            name="answer",
            field=models.JSONField(
                blank=True,
                null=True,
                help_text="What was sure enough: a label, or a group of labels.",
            ),
        ),
    ]
