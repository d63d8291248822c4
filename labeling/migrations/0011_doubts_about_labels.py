from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("labeling", "0010_new_and_rare_labels"),
    ]

    operations = [
        migrations.CreateModel(
            name="LabelDoubt",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "suggested_probability",
                    models.FloatField(help_text="By heads without the image's group."),
                ),
                (
                    "own_probability",
                    models.FloatField(help_text="Of the label it has, by the same heads."),
                ),
                (
                    "alike_share",
                    models.FloatField(help_text="Of the labeled images most like it, by label."),
                ),
                (
                    "own_share",
                    models.FloatField(help_text="Of those, the ones with the label it has."),
                ),
                ("score", models.FloatField(help_text="0 (sure) to 1: what ranks them.")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("OPEN", "waits for somebody"),
                            ("KEPT", "the label was right"),
                            ("CHANGED", "another label is right"),
                            ("NONE_OF_THESE", "none of the labels is right"),
                            ("CANT_TELL", "nobody can tell"),
                            ("GONE", "doubted no more, or the label was changed by other answers"),
                        ],
                        default="OPEN",
                        max_length=14,
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
                ("settled_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.AddField(
            model_name="project",
            name="doubt_serving_share",
            field=models.FloatField(
                default=0.02,
                help_text="Second opinions of labels that may be wrong, for each pool image that has one.",
            ),
        ),
        migrations.AddConstraint(
            model_name="project",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("doubt_serving_share__gte", 0), ("doubt_serving_share__lte", 0.25)
                ),
                name="project_doubt_serving_share_is_small",
            ),
        ),
        migrations.AddField(
            model_name="labeldoubt",
            name="alike",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="labeling.label"
            ),
        ),
        migrations.AddField(
            model_name="labeldoubt",
            name="annotation",
            field=models.ForeignKey(
                blank=True,
                help_text="The expert's answer that settled it; nothing where a second opinion did.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="labeling.annotation",
            ),
        ),
        migrations.AddField(
            model_name="labeldoubt",
            name="image",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="label_doubts",
                to="labeling.image",
            ),
        ),
        migrations.AddField(
            model_name="labeldoubt",
            name="label",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="labeling.label"
            ),
        ),
        migrations.AddField(
            model_name="labeldoubt",
            name="project",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="label_doubts",
                to="labeling.project",
            ),
        ),
        migrations.AddField(
            model_name="labeldoubt",
            name="suggested",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="labeling.label"
            ),
        ),
        migrations.AddIndex(
            model_name="labeldoubt",
            index=models.Index(fields=["project", "state", "-score"], name="label_doubt_worst"),
        ),
        migrations.AddConstraint(
            model_name="labeldoubt",
            constraint=models.UniqueConstraint(
                fields=("image", "label"), name="label_doubt_once_an_image_and_label"
            ),
        ),
        migrations.AddConstraint(
            model_name="labeldoubt",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("settled_at__isnull", True), ("state", "OPEN")),
                    models.Q(
                        models.Q(("state", "OPEN"), _negated=True), ("settled_at__isnull", False)
                    ),
                    _connector="OR",
                ),
                name="label_doubt_open_until_settled",
            ),
        ),
    ]
