"""One open queue entry an image, whatever its reason.

An image in two streams at once would have two counts of free slots, and two claims could take one
of each: more people than its policy asks for. With a single open entry its `open_slots` is the truth.
"""

from __future__ import annotations

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("labeling", "0001_initial")]

    operations = [
        migrations.RemoveConstraint(
            model_name="queueentry", name="queue_entry_open_once_a_reason"
        ),
        migrations.AddConstraint(
            model_name="queueentry",
            constraint=models.UniqueConstraint(
                fields=["image"],
                condition=Q(state="OPEN"),
                name="queue_entry_open_once_an_image",
            ),
        ),
    ]
