"""Keep labels that a scheme may lack, and shares of the window for what is new or rare."""

from __future__ import annotations

import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("labeling", "0009_new_projects_choose_by_uherding"),
    ]

    operations = [
        migrations.CreateModel(
            name="LabelProposal",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("OPEN", "waits for staff"),
                            ("MADE", "became a label"),
                            ("JOINED", "belongs to a label there was"),
                            ("DISMISSED", "no label"),
                            ("LAPSED", "its images are no longer alike, or have labels"),
                        ],
                        default="OPEN",
                        max_length=9,
                    ),
                ),
                (
                    "similarity",
                    models.FloatField(help_text="Mean cosine of its images, original embeddings."),
                ),
                (
                    "n_groups",
                    models.PositiveIntegerField(help_text="Split groups among its images."),
                ),
                ("created_at", models.DateTimeField()),
                ("settled_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="LabelProposalImage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("place", models.PositiveIntegerField(help_text="In the order of the answers.")),
                (
                    "is_chosen",
                    models.BooleanField(
                        help_text="Whether staff took it along or left it out; null while open.",
                        null=True,
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="project",
            name="novelty_share",
            field=models.FloatField(
                default=0.03, help_text="Share of the acquired window that may show something new."
            ),
        ),
        migrations.AddField(
            model_name="project",
            name="tail_share",
            field=models.FloatField(
                default=0.05, help_text="Share of the acquired window for labels with few images."
            ),
        ),
        migrations.AddConstraint(
            model_name="project",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("novelty_share__gte", 0),
                    ("novelty_share__lte", 0.25),
                    ("tail_share__gte", 0),
                    ("tail_share__lte", 0.25),
                ),
                name="project_rare_label_shares_are_small",
            ),
        ),
        migrations.AddField(
            model_name="labelproposal",
            name="label",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="labeling.label",
            ),
        ),
        migrations.AddField(
            model_name="labelproposal",
            name="project",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="label_proposals",
                to="labeling.project",
            ),
        ),
        migrations.AddField(
            model_name="labelproposal",
            name="settled_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="labelproposalimage",
            name="image",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="labeling.image"
            ),
        ),
        migrations.AddField(
            model_name="labelproposalimage",
            name="proposal",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="entries",
                to="labeling.labelproposal",
            ),
        ),
        migrations.AddIndex(
            model_name="labelproposal",
            index=models.Index(fields=["project", "state"], name="label_proposal_by_state"),
        ),
        migrations.AddConstraint(
            model_name="labelproposal",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("settled_at__isnull", True), ("state", "OPEN")),
                    models.Q(
                        models.Q(("state", "OPEN"), _negated=True), ("settled_at__isnull", False)
                    ),
                    _connector="OR",
                ),
                name="label_proposal_open_until_settled",
            ),
        ),
        migrations.AddConstraint(
            model_name="labelproposalimage",
            constraint=models.UniqueConstraint(
                fields=("proposal", "image"), name="label_proposal_holds_an_image_once"
            ),
        ),
    ]
