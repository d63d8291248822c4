"""Name some lists of the Records pages in English; no table changes."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("labeling", "0016_questions_about_one_label"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="consensus",
            options={"verbose_name_plural": "consensus"},
        ),
        migrations.AlterModelOptions(
            name="queueentry",
            options={"verbose_name_plural": "queue entries"},
        ),
    ]
