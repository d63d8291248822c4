"""Forget what images whose set is open were said to show before single labels were asked about.

Since then such an image teaches the labels that enough people were asked about. What was stored
before holds every answer so far, one alone too, and would be taken for that until somebody answers
again.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from django.db import migrations
from django.db.models import Exists, OuterRef

if TYPE_CHECKING:
    from django.apps.registry import Apps
    from django.db.backends.base.schema import BaseDatabaseSchemaEditor

ABOUT_ONE_LABEL = ("YES", "NO", "UNSURE")
UNKNOWN = 0.5


def forget(apps: Apps, _: BaseDatabaseSchemaEditor | None) -> None:
    """Say "unknown" of every label, by one statement a scheme version; keys say how many labels.

    Rows of images that were asked about one label alone were written by the newer rule.
    """
    Annotation = apps.get_model("labeling", "Annotation")
    Consensus = apps.get_model("labeling", "Consensus")
    asked = Annotation.objects.filter(image=OuterRef("image"), kind__in=ABOUT_ONE_LABEL)
    rows = Consensus.objects.filter(~Exists(asked), project__mode="MULTI", state="OPEN")
    for scheme_id in list(rows.values_list("scheme_id", flat=True).distinct().order_by()):
        same = rows.filter(scheme_id=scheme_id)
        stored = bytes(same.values_list("posterior", flat=True)[:1].get())
        unknown = array("f", [UNKNOWN]) * (len(stored) // 4)
        same.update(posterior=unknown.tobytes())


class Migration(migrations.Migration):
    dependencies = [("labeling", "0017_plural_names")]

    operations = [migrations.RunPython(forget, migrations.RunPython.noop)]
