"""The schema of the figures about labels to come."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class RangeShape(serializers.Serializer[Any]):
    """10th, 50th and 90th percentile: 8 times in 10 the truth lies between the ends."""

    low = serializers.FloatField()
    middle = serializers.FloatField()
    high = serializers.FloatField()


class CurvePointShape(serializers.Serializer[Any]):
    """A head refitted on the first `labels` labels, measured on today's audit answers."""

    labels = serializers.IntegerField()
    accuracy = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(help_text="95 %.")
    high = serializers.FloatField(help_text="95 %.")


class BandShape(RangeShape):
    """Where the curve is likely to go: accuracy at so many labels."""

    labels = serializers.IntegerField()


class ForecastShape(serializers.Serializer[Any]):
    """How much further to the target; all null where refused."""

    refusal = serializers.CharField(allow_null=True)
    labels = RangeShape(allow_null=True)
    more_labels = RangeShape(allow_null=True)
    more_answers = RangeShape(allow_null=True)
    minutes = RangeShape(allow_null=True, help_text="Of people's time.")
    cost = RangeShape(allow_null=True, help_text="Of computing, by what labels have cost so far.")
    answers_a_label = serializers.FloatField(allow_null=True)
    top = serializers.FloatField(
        allow_null=True, help_text="Accuracy where the frozen backbone seems to end."
    )
    pictures_left = serializers.IntegerField(allow_null=True, help_text="Not labeled yet.")
    sentence = serializers.CharField()


class LabelNeedShape(serializers.Serializer[Any]):
    """What one label needs."""

    code = serializers.SlugField()
    name = serializers.CharField()
    labels = serializers.IntegerField()
    n = serializers.IntegerField(help_text="Audit images of it.")
    standing = serializers.ChoiceField(choices=["supported", "needs", "merge", "unknown"])
    more = RangeShape(allow_null=True, help_text="More labels of its own.")
    partner = serializers.SlugField(allow_null=True, help_text="What it is mostly taken for.")
    sentence = serializers.CharField()


class AdviceShape(serializers.Serializer[Any]):
    """Whether more labels pay."""

    kind = serializers.ChoiceField(choices=["go_on", "target_met", "stable", "ceiling"])
    kappa = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()
    top = serializers.FloatField(allow_null=True)
    sentence = serializers.CharField()


class SavingsShape(serializers.Serializer[Any]):
    """Answers saved so far against random labels, with 95 % intervals."""

    saved = serializers.IntegerField(allow_null=True)
    low = serializers.IntegerField(allow_null=True)
    high = serializers.IntegerField(allow_null=True)
    ratio = serializers.FloatField(
        allow_null=True, help_text="Random labels that teach as much as one chosen label."
    )
    ratio_low = serializers.FloatField(allow_null=True)
    ratio_high = serializers.FloatField(allow_null=True)
    random_labels = serializers.IntegerField(help_text="Drawn at random, that were asked about.")
    random_right = serializers.IntegerField(
        allow_null=True,
        help_text="Of those, right by a classifier that had not learned them.",
    )
    answers = serializers.IntegerField(allow_null=True, help_text="All, audit slice included.")
    refusal = serializers.CharField(allow_null=True)
    sentence = serializers.CharField()


class GainShape(serializers.Serializer[Any]):
    """Chance that chosen labels teach more than random ones, on images drawn at random."""

    chance = serializers.FloatField()
    n = serializers.IntegerField()


class FiguresShape(serializers.Serializer[Any]):
    """Everything that was computed, and what it rests on."""

    version = serializers.IntegerField(allow_null=True)
    backbone = serializers.CharField(allow_null=True)
    is_several = serializers.BooleanField(
        help_text="Whether pictures may show several labels: `labels` are labeled pictures then, "
        "and right is who has all labels of a picture right."
    )
    labels = serializers.IntegerField()
    audit_images = serializers.IntegerField()
    audit_answered = serializers.IntegerField(
        help_text="Those that the overview counted then: some still wait for an expert."
    )
    target = serializers.FloatField(allow_null=True)
    curve = CurvePointShape(many=True)
    band = BandShape(many=True)
    overall = ForecastShape()
    per_label = LabelNeedShape(many=True)
    advice = AdviceShape(allow_null=True)
    savings = SavingsShape()
    gain = GainShape(allow_null=True)


class OutlookShape(serializers.Serializer[Any]):
    """The figures as computed last."""

    computed_at = serializers.DateTimeField(allow_null=True)
    fallback = serializers.CharField(
        allow_blank=True, help_text="Function that chooses while the project's own does not pay."
    )
    fallback_because = serializers.CharField(allow_blank=True)
    figures = FiguresShape(allow_null=True)


class TopUpQuery(serializers.Serializer[Any]):
    """Which label, and how narrow."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Name the field that a serializer keeps for itself."""
        return {
            "label": serializers.SlugField(
                allow_blank=True, help_text="Empty for every label; not to be left out."
            ),
            "half_width": serializers.FloatField(min_value=0.02, max_value=0.4, default=0.1),
        }


class TopUpShape(serializers.Serializer[Any]):
    """Cost of knowing one label's accuracy better."""

    half_width = serializers.FloatField(help_text="Wanted, to either side.")
    now = serializers.FloatField(help_text="Half-width as it is.")
    missing = serializers.IntegerField(help_text="More audit images of the label.")
    answers = serializers.IntegerField(help_text="What those take, misses included.")
    waiting = serializers.IntegerField(help_text="Audit images left that may be of it.")
    waiting_answers = serializers.IntegerField()
    reachable = serializers.FloatField(help_text="Half-width once those are answered.")
    n = serializers.IntegerField(help_text="Audit images of the label that could be judged.")
    open = serializers.IntegerField(help_text="That may be of it and are not settled.")
    votes = serializers.IntegerField(help_text="Answers an audit image takes now.")
    share = serializers.FloatField(
        help_text="Of new pictures that look like it, how many join the slice once asked for."
    )
    new_pictures = serializers.IntegerField(help_text="Of the label, for the rest.")
    is_asked_for = serializers.BooleanField()
    sentence = serializers.CharField()

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Add the field whose name a serializer keeps for itself."""
        return {"label": serializers.SlugField(), **super().get_fields()}


class TopUpRequestShape(serializers.Serializer[Any]):
    """A label that staff want to know better."""

    id = serializers.UUIDField()
    label_name = serializers.CharField()
    half_width = serializers.FloatField(help_text="Wanted, to either side.")
    now = serializers.FloatField(help_text="Half-width as it is.")
    n = serializers.IntegerField(help_text="Audit images of the label that could be judged.")
    share = serializers.FloatField(
        help_text="Chance of new pictures that look like it to join the audit slice."
    )
    seen = serializers.IntegerField(help_text="New pictures that looked like it since.")
    created_at = serializers.DateTimeField()

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Add the field whose name a serializer keeps for itself."""
        return {"label": serializers.SlugField(), **super().get_fields()}
