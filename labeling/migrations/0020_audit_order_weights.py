"""Let audit images be asked about in another order than drawn, and keep what that does to chances."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("labeling", "0019_experts_settle_one_label")]

    operations = [
        migrations.RemoveIndex(model_name="splitgroup", name="split_group_by_draw"),
        migrations.AddField(
            model_name="splitgroup",
            name="order_weight",
            field=models.FloatField(
                db_default=1.0,
                default=1.0,
                help_text="So many times as early it is asked about.",
            ),
        ),
        migrations.AddField(
            model_name="splitgroup",
            name="reached",
            field=models.FloatField(
                db_default=0.0,
                default=0.0,
                help_text="Its chance to have been asked about before its weight was what it is.",
            ),
        ),
        migrations.AddField(
            model_name="splitgroup",
            name="serve_order",
            field=models.GeneratedField(
                db_persist=True,
                expression=models.F("draw_order") / models.F("order_weight"),
                output_field=models.FloatField(),
            ),
        ),
        migrations.AddIndex(
            model_name="splitgroup",
            index=models.Index(
                fields=["project", "partition", "serve_order"], name="split_group_by_serving"
            ),
        ),
    ]
