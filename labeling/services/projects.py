"""Projects: make one, change its guide and its settings, pause it.

Their labels are changed in `labeling.services.schemes`, which can be reached from here too.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.text import slugify

from labeling.models import Membership, Mode, Project, Role, ServeCounter
from labeling.selectors.adjudication import FEWEST
from labeling.services.journal import record_event
from labeling.services.schemes import (
    InvalidProjectError,
    UnknownSettingError,
    add_example,
    add_label,
    change_label,
    clean_name,
    create_label,
    describe_label,
    new_scheme,
    refuse_unknown,
    rename_label,
    retire_label,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

__all__ = [
    "add_example",
    "add_label",
    "change",
    "change_label",
    "create_project",
    "describe_label",
    "record_event",
    "rename_label",
    "retire_label",
    "set_guide",
    "set_paused",
    "set_seed",
    "update_settings",
]

# What a manager may change. Everything else of a project is fixed or has a service of its own.
SETTINGS = frozenset({
    "name", "description", "consent", "licence", "time_zone",
    "votes_pool", "votes_audit", "vote_cap_pool", "vote_cap_audit", "retirement_risk",
    "active_annotator_days", "audit_partition_share", "audit_serving_share", "random_arm_share",
    "gold_serving_share", "dispute_serving_share", "split_cosine", "window_size",
    "client_window", "assignment_ttl_s", "max_annotator_share", "suggestions_enabled",
    "suggestions_hidden_share", "leaderboard_enabled", "acquisition_function",
    "acceptance_threshold", "target_accuracy", "finetune_enabled", "finetune_min_new_labels",
    "monthly_budget", "price_per_device_hour", "may_queue_uploads", "queued_uploads_per_hour",
    "skill_floor", "skill_min_gold", "onboarding_images", "adjudication_share",
    "novelty_share", "tail_share", "lending_enabled", "alike_share",
    "doubt_serving_share", "contains_share", "deployment_mode",
})  # fmt: skip
CREATION_SETTINGS = SETTINGS | {"mode", "guide", "seed"}

GUIDE = (
    "Choose what the picture mainly shows.\n"
    "Not sure which of two? Say can't tell rather than guess.\n"
    "Shows nothing of the list? Say none of these."
)
GUIDE_FOR_SEVERAL = (
    "Choose everything of the list that the picture shows, then save.\n"
    "What you leave out counts as not there.\n"
    "Shows nothing of the list? Say none of these. Cannot see enough? Say can't tell."
)
CONSENT = (
    "Larder stores the name you choose here, your answers, when you gave them and how long each "
    "took; no e-mail, no address. Your answers are joined with those of others, train a "
    "classifier, and may be published without your name under {licence}. You can stop at any "
    "time and ask the coordinator to remove your name."
)


def create_project(
    *,
    name: str,
    classes: Sequence[str],
    now: datetime,
    created_by_id: int | None = None,
    slug: str | None = None,
    **settings: Any,
) -> Project:
    """Make a project with version 1 of its scheme; whoever makes it owns it.

    Args:
        name: shown to everyone; the slug is made from it where none is given.
        classes: names of the labels in order; codes are made from them, in the same order.
        now: the time.
        created_by_id: becomes the owner.
        slug: address of the project; a number is added where it is taken.
        **settings: names of `CREATION_SETTINGS`.

    Raises:
        LabelTakenError: two classes have the same name.
        InvalidProjectError: an empty name, no class, or a value out of its range.
        UnknownSettingError: a setting that is not on the list.
    """
    refuse_unknown(settings, CREATION_SETTINGS)
    names = [clean_name(each) for each in classes]
    if not names:
        raise InvalidProjectError("A project needs at least one class; give its classes.")
    licence = settings.get("licence") or Project._meta.get_field("licence").get_default()
    guide = GUIDE_FOR_SEVERAL if settings.get("mode") == Mode.MULTI else GUIDE
    fields = {"guide": guide, "consent": CONSENT.format(licence=licence), **settings}
    with transaction.atomic():
        project = Project(name=clean_name(name), slug=_free_slug(slug or name), **fields)
        project.created_at = now
        _check(project)
        project.save()
        ServeCounter.objects.create(project=project)
        for each in names:
            create_label(project, each, now)
        new_scheme(project, now)
        if created_by_id is not None:
            Membership.objects.create(
                project=project, user_id=created_by_id, role=Role.OWNER, created_at=now
            )
        record_event(
            project_id=project.pk,
            user_id=created_by_id,
            verb="project_created",
            target=project.slug,
            detail={"classes": len(names)},
            now=now,
        )
    return project


def update_settings(
    *, project_id: int, now: datetime, user_id: int | None = None, **settings: Any
) -> Project:
    """Change settings of a project; only names of `SETTINGS` are taken.

    Raises:
        UnknownSettingError: a name that is not on the list.
        InvalidProjectError: a value out of its range.
    """
    refuse_unknown(settings, SETTINGS)
    with transaction.atomic():
        project = Project.objects.select_for_update(no_key=True).get(pk=project_id)
        before = {name: getattr(project, name) for name in settings}
        for name, value in settings.items():
            setattr(project, name, value)
        _check(project)
        project.save(update_fields=list(settings))
        changed = {
            name: [str(before[name]), str(value)]
            for name, value in settings.items()
            if before[name] != value
        }
        if changed:
            record_event(
                project_id=project.pk,
                user_id=user_id,
                verb="settings_changed",
                now=now,
                detail=changed,
            )
    return project


def change(*, project_id: int, now: datetime, user_id: int | None = None, **given: Any) -> Project:
    """Change settings and the guide in one transaction; raises as `update_settings`."""
    with transaction.atomic():
        if "guide" in given:
            guide = given.pop("guide")
            set_guide(project_id=project_id, guide=guide, now=now, user_id=user_id)
        if given:
            update_settings(project_id=project_id, now=now, user_id=user_id, **given)
    return Project.objects.get(pk=project_id)


def set_seed(*, project_id: int, seed: int) -> None:
    """Fix the project's secret seed, so that a simulation can be repeated."""
    Project.objects.filter(pk=project_id).update(seed=seed)


def set_guide(*, project_id: int, guide: str, now: datetime, user_id: int | None = None) -> Project:
    """Write the guide that a volunteer reads before the first image."""
    with transaction.atomic():
        project = Project.objects.select_for_update(no_key=True).get(pk=project_id)
        project.guide = guide.strip()
        project.save(update_fields=["guide"])
        record_event(project_id=project.pk, user_id=user_id, verb="guide_changed", now=now)
    return project


def set_paused(
    *, project_id: int, what: str, paused: bool, now: datetime, user_id: int | None = None
) -> Project:
    """Pause or resume `labeling` or `training`. Pausing twice keeps the first time.

    Raises:
        UnknownSettingError: `what` is neither.
    """
    if what not in ("labeling", "training"):
        raise UnknownSettingError(f"{what!r} cannot be paused; give labeling or training.")
    column = f"{what}_paused_at"
    with transaction.atomic():
        project = Project.objects.select_for_update(no_key=True).get(pk=project_id)
        if paused != (getattr(project, column) is not None):
            setattr(project, column, now if paused else None)
            project.save(update_fields=[column])
            verb = f"{what}_paused" if paused else f"{what}_resumed"
            record_event(project_id=project.pk, user_id=user_id, verb=verb, now=now)
    return project


# It opens six hundred files.
_time_zones = cache(available_timezones)


def _check(project: Project) -> None:
    if project.time_zone not in _time_zones():
        raise InvalidProjectError(
            f"time_zone {project.time_zone!r} is not known; give one like Europe/Zurich."
        )
    if project.adjudication_share < FEWEST:
        raise InvalidProjectError(
            f"adjudication_share is {project.adjudication_share}; experts look at {FEWEST} of the "
            "agreements at least, or nobody knows how good they are."
        )
    try:
        project.full_clean(exclude=["slug"])
    except ValidationError as error:
        fields = "; ".join(f"{name}: {' '.join(said)}" for name, said in error.message_dict.items())
        raise InvalidProjectError(
            f"The project cannot have these values: {fields}", **error.message_dict
        ) from None


def _free_slug(wanted: str) -> str:
    base = slugify(wanted)[:56] or "project"
    slug, number = base, 1
    while Project.objects.filter(slug=slug).exists():
        number += 1
        slug = f"{base}-{number}"
    return slug
