"""What somebody's answers have done tells nothing about gold."""

from __future__ import annotations

import pytest

from labeling.models import Annotation, Annotator, Assignment, Project, Reason, User
from labeling.selectors import impact
from labeling.tests import worlds
from labeling.tests.crowd.conftest import Browse

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("label", ["milk", "juice"])
def test_an_answer_to_gold_is_counted_and_does_not_tell_whether_it_was_right(
    browse: Browse, expert: User, volunteer: Annotator, project: Project, label: str
) -> None:
    images = worlds.make_images(project, 4)
    tab = browse(volunteer)
    tab.answer(tab.claim()["assignments"][0], label)
    tab.post(f"projects/{tab.slug}/assignments/release", {"client": tab.tab}, status=204)
    ordinary = impact.of_annotator(volunteer.pk)
    answered = Annotation.objects.get().image_id
    browse(expert).set_gold([image for image in images if image.pk != answered], "milk")
    Project.objects.filter(pk=project.pk).update(gold_serving_share=1.0)

    tab.answer(tab.claim()["assignments"][0], label)

    gold = impact.of_annotator(volunteer.pk)
    assert Assignment.objects.filter(annotator=volunteer, reason=Reason.GOLD).exists()
    assert (ordinary.answers, ordinary.images) == (1, 1)
    assert (gold.answers, gold.images) == (2, 2)
    assert (gold.resolved, gold.agreed) == (ordinary.resolved, ordinary.agreed)
