"""What is known of a crowd: skills in full, the shared model, gold, onboarding, adjudication.

Only new tables, and columns with a default: nobody's answer is touched.
"""

from __future__ import annotations

import uuid

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("labeling", "0002_queue_entry_open_once_an_image"),
    ]

    operations = [
        migrations.CreateModel(
            name="Adjudication",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("DISAGREEMENT", "annotators or classifier disagree"),
                            ("AGREEMENT_SAMPLE", "drawn from the agreements"),
                        ],
                        max_length=16,
                    ),
                ),
                ("probability", models.FloatField(help_text="Of being asked, in (0, 1].")),
                ("created_at", models.DateTimeField()),
                ("settled_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="AgreementSnapshot",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField()),
                (
                    "alpha",
                    models.FloatField(
                        help_text="Krippendorff's alpha; null where undefined.", null=True
                    ),
                ),
                ("interval", models.JSONField(help_text="[low, high] of alpha.", null=True)),
                (
                    "by_label",
                    models.JSONField(
                        default=dict, help_text="Label code to alpha and its interval."
                    ),
                ),
                (
                    "expected_error",
                    models.FloatField(help_text="Share of wrong labels, 0 to 1.", null=True),
                ),
                ("detail", models.JSONField(default=dict)),
            ],
        ),
        migrations.CreateModel(
            name="CrowdModel",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "alpha",
                    models.FloatField(default=8.0, help_text="Of the Beta prior of a skill."),
                ),
                ("beta", models.FloatField(default=2.0)),
                (
                    "confusion",
                    models.BinaryField(
                        help_text="float64 (k + 1, k + 1): truth by said, the last column is none of these.",
                        null=True,
                    ),
                ),
                (
                    "prior_weight",
                    models.FloatField(default=0.5, help_text="Trust in the classifier, 0 to 1."),
                ),
                (
                    "minimum_votes",
                    models.JSONField(
                        default=dict,
                        help_text="Label code to votes; the empty code is none of these.",
                    ),
                ),
                (
                    "n_votes",
                    models.PositiveIntegerField(
                        default=0, help_text="Votes the last sweep has read."
                    ),
                ),
                ("last_annotation_id", models.BigIntegerField(default=0)),
                (
                    "n_active",
                    models.PositiveIntegerField(
                        default=0,
                        help_text="Active annotators when audit images were last looked at.",
                    ),
                ),
                ("relabel_share", models.FloatField(default=0.1)),
                ("relabel_detail", models.JSONField(default=dict)),
                (
                    "detail",
                    models.JSONField(
                        default=dict, help_text="Steps, likelihood and seconds of a sweep."
                    ),
                ),
                (
                    "dirty_at",
                    models.DateTimeField(
                        blank=True, help_text="A replay is due since then.", null=True
                    ),
                ),
                ("heartbeat_at", models.DateTimeField(blank=True, null=True)),
                ("fencing_token", models.PositiveIntegerField(default=0)),
                ("swept_at", models.DateTimeField(blank=True, null=True)),
                ("updated_at", models.DateTimeField()),
            ],
        ),
        migrations.AddField(
            model_name="annotator",
            name="onboarded_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="annotator",
            name="pause_lifted_at",
            field=models.DateTimeField(
                blank=True,
                help_text="By a person: gold answers before it do not pause again.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="annotator",
            name="paused_reason",
            field=models.CharField(
                blank=True,
                choices=[("skill", "below the project's floor"), ("staff", "by a person")],
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="annotatorskill",
            name="confusions",
            field=models.JSONField(
                default=dict,
                help_text='"true code>said code" to its expected count, right ones too.',
            ),
        ),
        migrations.AddField(
            model_name="annotatorskill",
            name="n_hidden_wrong",
            field=models.PositiveIntegerField(
                default=0, help_text="Answers with a wrong suggestion held back, for comparison."
            ),
        ),
        migrations.AddField(
            model_name="annotatorskill",
            name="n_hidden_wrong_same",
            field=models.PositiveIntegerField(
                default=0, help_text="Of those, where the annotator made the same mistake unaided."
            ),
        ),
        migrations.AddField(
            model_name="annotatorskill",
            name="n_shown",
            field=models.PositiveIntegerField(default=0, help_text="Answers beside a suggestion."),
        ),
        migrations.AddField(
            model_name="annotatorskill",
            name="n_suggested_wrong",
            field=models.PositiveIntegerField(
                default=0, help_text="Of those, where the suggestion turned out wrong."
            ),
        ),
        migrations.AddField(
            model_name="annotatorskill",
            name="n_suggested_wrong_accepted",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="annotatorskill",
            name="scheme",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="labeling.labelscheme",
            ),
        ),
        migrations.AddField(
            model_name="consensus",
            name="counted",
            field=models.JSONField(
                blank=True,
                help_text="What this image has added to the skills of its annotators; null for nothing.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="goldreference",
            name="note",
            field=models.CharField(
                blank=True, help_text="Why, told to a newcomer after their answer.", max_length=200
            ),
        ),
        migrations.AddField(
            model_name="project",
            name="adjudication_share",
            field=models.FloatField(
                default=0.2, help_text="Share of audit agreements that an expert looks at, blind."
            ),
        ),
        migrations.AddField(
            model_name="project",
            name="onboarding_images",
            field=models.PositiveSmallIntegerField(
                default=0, help_text="Gold images in a newcomer's first round; 0 for none."
            ),
        ),
        migrations.AddField(
            model_name="project",
            name="skill_floor",
            field=models.FloatField(
                default=0.6, help_text="Whoever is surely right less often than this is paused."
            ),
        ),
        migrations.AddField(
            model_name="project",
            name="skill_min_gold",
            field=models.PositiveSmallIntegerField(
                default=10, help_text="Gold answers before anybody is paused for their skill."
            ),
        ),
        migrations.AddConstraint(
            model_name="project",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("adjudication_share__gte", 0),
                    ("adjudication_share__lte", 1),
                    ("skill_floor__gte", 0),
                    ("skill_floor__lte", 1),
                ),
                name="project_crowd_settings_are_shares",
            ),
        ),
        migrations.AddField(
            model_name="adjudication",
            name="annotation",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="labeling.annotation",
            ),
        ),
        migrations.AddField(
            model_name="adjudication",
            name="image",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="adjudications",
                to="labeling.image",
            ),
        ),
        migrations.AddField(
            model_name="adjudication",
            name="project",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="adjudications",
                to="labeling.project",
            ),
        ),
        migrations.AddField(
            model_name="agreementsnapshot",
            name="project",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="agreement_snapshots",
                to="labeling.project",
            ),
        ),
        migrations.AddField(
            model_name="crowdmodel",
            name="project",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="crowd_model",
                to="labeling.project",
            ),
        ),
        migrations.AddField(
            model_name="crowdmodel",
            name="scheme",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="labeling.labelscheme",
            ),
        ),
        migrations.AddIndex(
            model_name="adjudication",
            index=models.Index(
                fields=["project", "settled_at", "id"], name="adjudication_by_project"
            ),
        ),
        migrations.AddConstraint(
            model_name="adjudication",
            constraint=models.UniqueConstraint(
                condition=models.Q(("settled_at__isnull", True)),
                fields=("image",),
                name="adjudication_one_open_an_image",
            ),
        ),
        migrations.AddConstraint(
            model_name="adjudication",
            constraint=models.CheckConstraint(
                condition=models.Q(("probability__gt", 0), ("probability__lte", 1)),
                name="adjudication_has_a_probability",
            ),
        ),
        migrations.AddIndex(
            model_name="agreementsnapshot",
            index=models.Index(fields=["project", "-at"], name="agreement_newest"),
        ),
        migrations.AddConstraint(
            model_name="crowdmodel",
            constraint=models.CheckConstraint(
                condition=models.Q(("alpha__gt", 0), ("beta__gt", 0)),
                name="crowd_model_has_a_proper_prior",
            ),
        ),
        migrations.AddConstraint(
            model_name="crowdmodel",
            constraint=models.CheckConstraint(
                condition=models.Q(("prior_weight__gte", 0), ("prior_weight__lte", 1)),
                name="crowd_model_prior_weight_is_a_share",
            ),
        ),
    ]
