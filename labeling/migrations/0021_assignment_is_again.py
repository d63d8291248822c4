"""Find the assignments that ask again by an index of their own."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("labeling", "0020_audit_order_weights"),
    ]

    operations = [
        migrations.AddField(
            model_name="assignment",
            name="is_again",
            field=models.GeneratedField(
                db_persist=True,
                expression=models.Case(
                    models.When(policy__startswith="again 1 ", then=True),
                    default=models.Value(value=False),
                ),
                output_field=models.BooleanField(),
            ),
        ),
        migrations.AddIndex(
            model_name="assignment",
            index=models.Index(
                condition=models.Q(("is_again", True)),
                fields=["project"],
                name="assignment_asked_again",
            ),
        ),
    ]
