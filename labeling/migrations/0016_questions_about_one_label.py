from __future__ import annotations

from django.db import migrations, models

POLICY = models.CharField(
    max_length=80, help_text="What chose it: a name and a version."
)


class Migration(migrations.Migration):
    dependencies = [("labeling", "0015_groups_of_labels")]

    operations = [
        migrations.AddField(
            model_name="project",
            name="contains_share",
            field=models.FloatField(
                default=0.1,
                help_text="Share of the acquired window that is asked about one label alone.",
            ),
        ),
        migrations.AddConstraint(
            model_name="project",
            constraint=models.CheckConstraint(
                condition=models.Q(contains_share__gte=0, contains_share__lte=0.5),
                name="project_contains_share_is_at_most_a_half",
            ),
        ),
        migrations.AlterField(
            model_name="annotation",
            name="kind",
            field=models.CharField(
                choices=[
                    ("LABEL", "a label"),
                    ("SKIP", "skip"),
                    ("CANT_TELL", "can't tell"),
                    ("NONE_OF_THESE", "none of these"),
                    ("FLAG", "flag"),
                    ("YES", "it shows the label that was asked about"),
                    ("NO", "it does not show that label"),
                    ("UNSURE", "can't tell whether it shows that label"),
                    ("UNDO", "undo"),
                ],
                max_length=14,
            ),
        ),
        migrations.AlterField(model_name="queueentry", name="policy", field=POLICY),
        migrations.AlterField(
            model_name="assignment", name="policy", field=models.CharField(max_length=80)
        ),
    ]
