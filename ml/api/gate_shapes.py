"""What the page of the gate looks like: the schema of replies, and the few requests."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class GateChampionShape(serializers.Serializer[Any]):
    """The version that serves, and why."""

    number = serializers.IntegerField()
    evidence = serializers.CharField()
    since = serializers.DateTimeField()
    proven = serializers.IntegerField(allow_null=True, help_text="The last proven version.")
    why = serializers.CharField()


class AuditShareShape(serializers.Serializer[Any]):
    """How many audit images a version has right, with a 95 % interval."""

    right = serializers.IntegerField()
    estimate = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()


class ChampionShareShape(AuditShareShape):
    """The same of the version that serves."""

    number = serializers.IntegerField()


class OnAuditShape(serializers.Serializer[Any]):
    """A challenger beside what serves, on the same audit images."""

    n = serializers.IntegerField()
    wins = serializers.IntegerField(help_text="The challenger alone is right.")
    losses = serializers.IntegerField(help_text="What serves alone is right.")
    challenger = AuditShareShape()
    champion = ChampionShareShape()


class WaitingShape(serializers.Serializer[Any]):
    """A version that has passed its first check and does not serve."""

    id = serializers.UUIDField()
    number = serializers.IntegerField()
    kind = serializers.CharField()
    evidence = serializers.CharField()
    n_labels = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    verdict = serializers.CharField()
    waits_for = serializers.ChoiceField(["YES", "AUDIT", "VECTORS", "NOBODY", "NEXT_HEAD"])
    on_audit = OnAuditShape(allow_null=True)


class LookShape(serializers.Serializer[Any]):
    """What one look at the audit slice saw."""

    n = serializers.IntegerField()
    wins = serializers.IntegerField()
    losses = serializers.IntegerField()
    log_e = serializers.FloatField()
    at = serializers.DateTimeField()


class ComparisonShape(serializers.Serializer[Any]):
    """One test on the audit slice, and how it went."""

    kind = serializers.CharField()
    version = serializers.IntegerField()
    version_kind = serializers.CharField()
    reference = serializers.IntegerField(allow_null=True)
    always = serializers.CharField(
        allow_null=True, help_text="The commonest label, where there was no proven version."
    )
    ordinal = serializers.IntegerField()
    decision = serializers.CharField()
    wins = serializers.IntegerField()
    losses = serializers.IntegerField()
    n = serializers.IntegerField()
    log_e = serializers.FloatField()
    needed = serializers.FloatField(allow_null=True, help_text="The log e-value that ends it.")
    fallen = serializers.ListField(child=serializers.CharField())
    sentence = serializers.CharField()
    looks = LookShape(many=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class GateShape(serializers.Serializer[Any]):
    """Why the version that serves is the one, what waits, and what was tested."""

    mode = serializers.ChoiceField(["AUTOMATIC", "ASK", "SHADOW"])
    champion = GateChampionShape(allow_null=True)
    waiting = WaitingShape(many=True)
    comparisons = ComparisonShape(many=True)


class SetAsideRequest(serializers.Serializer[Any]):
    """Why; it is kept with the version."""

    reason = serializers.CharField(required=False, allow_blank=True, max_length=500, default="")
