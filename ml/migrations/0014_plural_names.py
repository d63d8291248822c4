"""Name some lists of the Records pages in English; no table changes."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("ml", "0013_answer_by_a_group"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="idempotentreply",
            options={"verbose_name_plural": "idempotent replies"},
        ),
        migrations.AlterModelOptions(
            name="labelerrorsearch",
            options={"verbose_name_plural": "label error searches"},
        ),
        migrations.AlterModelOptions(
            name="newlabelsearch",
            options={"verbose_name_plural": "new label searches"},
        ),
    ]
