"""Let a reference name whose word it is: a login is taken out with a name, the word stays."""

from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("labeling", "0006_split_group_by_draw")]

    operations = [
        migrations.AddField(
            model_name="goldreference",
            name="annotator",
            field=models.ForeignKey(
                help_text="Whose word it is; stays when their name is taken out.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="gold_references",
                to="labeling.annotator",
            ),
        ),
        migrations.AlterField(
            model_name="goldreference",
            name="set_by",
            field=models.ForeignKey(
                blank=True,
                help_text="Their login; nothing where it was taken out, or came with an import.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
    ]
