"""Let an expert settle single labels of a picture, beside what they say of all of it."""

from __future__ import annotations

from django.db import migrations, models

NAME = "annotation_live_once_a_person"


class Migration(migrations.Migration):
    dependencies = [("labeling", "0018_open_sets_teach_nothing_old")]

    operations = [
        migrations.AddField(
            model_name="labeldoubt",
            name="is_shown",
            field=models.BooleanField(
                help_text="Where images bear several labels: whether it is said to show this one.",
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="annotation",
            name="is_expert",
            field=models.BooleanField(
                default=False, help_text="An adjudication: decides alone, be it one label."
            ),
        ),
        migrations.RemoveConstraint(model_name="annotation", name=NAME),
        migrations.AddConstraint(
            model_name="annotation",
            constraint=models.UniqueConstraint(
                fields=["image", "annotator"],
                condition=models.Q(withdrawn_at__isnull=True)
                & ~models.Q(kind="UNDO")
                & ~models.Q(is_expert=True, kind__in=("YES", "NO", "UNSURE")),
                name=NAME,
            ),
        ),
    ]
