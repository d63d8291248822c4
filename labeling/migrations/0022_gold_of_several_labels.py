"""Let a gold reference name all labels of a picture that may show several."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("labeling", "0021_assignment_is_again")]

    operations = [
        migrations.AddField(
            model_name="goldreference",
            name="further",
            field=models.ManyToManyField(
                blank=True,
                help_text="The other labels, where images may bear several: "
                "it shows these and no more.",
                related_name="+",
                to="labeling.label",
            ),
        ),
    ]
