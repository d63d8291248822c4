"""What the staff room's figures look like: the schema of replies, and the few requests."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class EstimateShape(serializers.Serializer[Any]):
    """A share measured on the audit slice; null means unknown, never 0."""

    estimate = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(help_text="95 %, with every unresolved image counted as wrong.")
    high = serializers.FloatField(help_text="95 %, with every unresolved image counted as right.")
    n = serializers.IntegerField(help_text="Resolved audit images, one a split group.")
    unresolved = serializers.IntegerField(help_text="Answered, but not (yet) to a label.")
    missing = serializers.IntegerField(
        help_text="About how many more resolved audit images give ±10 points."
    )
    waiting = serializers.IntegerField(
        help_text="Audit images without an answer that may count; of a label, those taken for it."
    )
    reachable = serializers.FloatField(
        help_text="Half-width of the interval once the waiting ones are answered."
    )


class IntervalShape(serializers.Serializer[Any]):
    """An estimate with its 95 % interval; null means unknown."""

    estimate = serializers.FloatField(allow_null=True)
    low = serializers.FloatField()
    high = serializers.FloatField()
    n = serializers.IntegerField()


class ClassEstimateShape(EstimateShape):
    """One label: raw, and drawn towards the other labels and what labeled images let expect."""

    code = serializers.SlugField()
    name = serializers.CharField()
    pooled = IntervalShape(allow_null=True)
    practice = serializers.ListField(
        child=serializers.FloatField(),
        allow_null=True,
        help_text="Split groups of its labeled images: right out of group, and all.",
    )


class SourceEstimateShape(EstimateShape):
    """The images of one source."""

    source = serializers.CharField()  # type: ignore[assignment]


class ClassesShape(serializers.Serializer[Any]):
    """Figures in which each label counts once, partially pooled."""

    macro = IntervalShape()
    tenth = IntervalShape(help_text="Nine of ten labels do at least so well.")


class TopShape(EstimateShape):
    """How often the right label is among the k likeliest."""

    k = serializers.IntegerField()


class ReliabilityBinShape(serializers.Serializer[Any]):
    """Audit images whose top probability lies in (from, to]: how many of them are right."""

    to = serializers.FloatField()
    confidence = serializers.FloatField(help_text="Their mean top probability.")
    estimate = serializers.FloatField(allow_null=True)
    low = serializers.FloatField()
    high = serializers.FloatField()
    n = serializers.IntegerField()

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Add the field whose name Python keeps for itself."""
        return {"from": serializers.FloatField(), **super().get_fields()}


class CalibrationShape(serializers.Serializer[Any]):
    """Whether the classifier is as sure as it may be."""

    ece = serializers.FloatField(allow_null=True, help_text="Expected calibration error.")
    by_chance = serializers.FloatField(
        allow_null=True, help_text="What a perfectly calibrated one would show on so few images."
    )
    n = serializers.IntegerField()
    bins = ReliabilityBinShape(many=True)


class OpenShape(serializers.Serializer[Any]):
    """Images counted both ways, by what they wait for."""

    answers = serializers.IntegerField()
    expert = serializers.IntegerField()
    none_fits = serializers.IntegerField(help_text="People agreed that no label fits.")
    group = serializers.IntegerField(help_text="People know the group, not which label of it.")
    unseen = serializers.IntegerField(help_text="Not yet embedded for this version.")


class SetLabelShape(serializers.Serializer[Any]):
    """How well one label is found where images may bear several."""

    code = serializers.SlugField()
    name = serializers.CharField()
    threshold = serializers.FloatField(
        allow_null=True, help_text="Probability from which it is said; null: not said yet."
    )
    n = serializers.IntegerField(help_text="Audit images of which it is known.")
    n_yes = serializers.IntegerField(help_text="Of those, images that show it.")
    average_precision = serializers.FloatField(allow_null=True)
    precision = IntervalShape(allow_null=True, help_text="Of what was said, the share right.")
    recall = IntervalShape(allow_null=True, help_text="Of what is there, the share said.")
    f1 = serializers.FloatField(allow_null=True)


class TogetherShape(serializers.Serializer[Any]):
    """Audit images that show two labels at once."""

    names = serializers.ListField(child=serializers.CharField())
    n = serializers.IntegerField()


class SetFiguresShape(serializers.Serializer[Any]):
    """Figures of each label, from the audit slice."""

    images = serializers.IntegerField()
    mean_average_precision = serializers.FloatField(allow_null=True)
    micro_f1 = serializers.FloatField(allow_null=True)
    macro_f1 = serializers.FloatField(allow_null=True)
    labels = SetLabelShape(many=True)
    together = TogetherShape(many=True)


class GroupFiguresShape(serializers.Serializer[Any]):
    """The same version by groups of labels: milk at all, whichever milk it is."""

    overall = EstimateShape()
    per_group = ClassEstimateShape(many=True)


class AccuracyShape(serializers.Serializer[Any]):
    """All figures of one version, from the audit slice; `pooled` takes a hint beside it."""

    version = serializers.IntegerField(allow_null=True)
    overall = EstimateShape()
    macro = serializers.FloatField(
        allow_null=True, help_text="Each label with a resolved audit image counting once."
    )
    is_weighed = serializers.BooleanField(
        help_text="Audit images were not drawn or asked about alike: figures are of all images."
    )
    classes = ClassesShape()
    top = TopShape()
    calibration = CalibrationShape()
    open = OpenShape()
    per_source = SourceEstimateShape(many=True)
    per_class = ClassEstimateShape(many=True, help_text="Empty where images may bear several.")
    groups = GroupFiguresShape(
        allow_null=True,
        help_text="By groups of labels; a label without one stands for itself. Null without any.",
    )
    several = SetFiguresShape(
        allow_null=True,
        help_text="Only where images may bear several labels; `overall` and `per_source` count "
        "images whose whole set is right then.",
    )
    rests_on_one_person = serializers.BooleanField()
    came_with_pictures = serializers.BooleanField(
        help_text="Every label of an audit image came with an import: nobody was asked."
    )


class ProjectShape(serializers.Serializer[Any]):
    """Which project this is about."""

    slug = serializers.SlugField()
    name = serializers.CharField()
    mode = serializers.CharField()
    labeling_paused = serializers.BooleanField()
    training_paused = serializers.BooleanField()


class ChampionShape(serializers.Serializer[Any]):
    """The version that serves."""

    number = serializers.IntegerField()
    kind = serializers.CharField()
    evidence = serializers.CharField()
    verdict = serializers.CharField()
    promoted_at = serializers.DateTimeField(allow_null=True)
    n_labels = serializers.IntegerField()
    threshold = serializers.FloatField()


class NotCountedShape(serializers.Serializer[Any]):
    """Images that are neither in `pool` nor in `audit_total`, by why."""

    pending = serializers.IntegerField(help_text="Not decided yet: embedded first.")
    audit_twins = serializers.IntegerField(
        help_text="Near copies of an audit image; one of each group is measured."
    )
    excluded = serializers.IntegerField(help_text="So like pool and audit images as to join both.")
    flagged = serializers.IntegerField(help_text="Flagged by somebody, waiting for staff.")
    removed = serializers.IntegerField(help_text="Taken out by staff.")


class LabelCountsShape(serializers.Serializer[Any]):
    """How far labeling is."""

    resolved = serializers.IntegerField()
    pool = serializers.IntegerField()
    pool_open = serializers.IntegerField(
        help_text="Of the pool, answered and not settled: another answer is asked for."
    )
    audit_resolved = serializers.IntegerField()
    audit_total = serializers.IntegerField()
    audit_votes = serializers.IntegerField(
        help_text="Answers an audit image is to get, once so many people answer."
    )
    audit_asked = serializers.IntegerField(
        help_text="Answers one is asked for now: no more than people are active."
    )
    people_active = serializers.IntegerField(help_text="Who answered lately; ten at most.")
    people_days = serializers.IntegerField(help_text="For how many days somebody counts as active.")
    answers = serializers.IntegerField(help_text="A skip is none.")
    skips = serializers.IntegerField()
    images = serializers.IntegerField(help_text="All: `pool`, `audit_total` and `not_counted`.")
    not_counted = NotCountedShape()


class QueueShape(serializers.Serializer[Any]):
    """How many images wait, by reason."""

    by_reason = serializers.DictField(child=serializers.IntegerField())


class ActiveRunShape(serializers.Serializer[Any]):
    """A run that waits or works."""

    id = serializers.UUIDField()
    kind = serializers.CharField()
    state = serializers.CharField()
    stage = serializers.CharField()
    progress = serializers.FloatField()
    trigger = serializers.CharField()


class BudgetShape(serializers.Serializer[Any]):
    """What the slow loop has cost this month, in the project's time zone."""

    month_spent = serializers.FloatField()
    month_limit = serializers.FloatField()


class TrainingShape(serializers.Serializer[Any]):
    """What is being trained."""

    active = ActiveRunShape(many=True)
    paused = serializers.BooleanField()
    budget = BudgetShape()


class EmbeddingShape(serializers.Serializer[Any]):
    """How many images have a vector on the original backbone: only those enter the queue."""

    done = serializers.IntegerField()
    total = serializers.IntegerField()


class OverviewShape(serializers.Serializer[Any]):
    """The live page of the staff room."""

    project = ProjectShape()
    champion = ChampionShape(allow_null=True)
    accuracy = AccuracyShape()
    labels = LabelCountsShape()
    queue = QueueShape()
    training = TrainingShape()
    embedding = EmbeddingShape()


class LabelShape(serializers.Serializer[Any]):
    """A row or column of the matrix."""

    code = serializers.SlugField()
    name = serializers.CharField()


class ConfusionShape(serializers.Serializer[Any]):
    """Rows: what people agreed on. Columns: what the champion says."""

    labels = LabelShape(many=True)
    counts = serializers.ListField(child=serializers.ListField(child=serializers.IntegerField()))
    n = serializers.IntegerField()
    version = serializers.IntegerField(allow_null=True)


class CellQuery(serializers.Serializer[Any]):
    """Which cell of the matrix."""

    # No slugs: with several labels an image a cell is of two sets, "{glacier|mountain}".
    truth = serializers.CharField(max_length=4000)
    predicted = serializers.CharField(max_length=4000)


class CellImageShape(serializers.Serializer[Any]):
    """One image of a cell."""

    id = serializers.UUIDField()
    thumb_url = serializers.CharField()
    full_url = serializers.CharField()
    p = serializers.FloatField(help_text="Probability of the predicted label.")


class PointShape(serializers.Serializer[Any]):
    """One promoted version, measured on today's audit answers."""

    at = serializers.DateTimeField()
    labels = serializers.IntegerField()
    answers = serializers.IntegerField()
    version = serializers.IntegerField()
    accuracy = serializers.FloatField(allow_null=True)
    low = serializers.FloatField()
    high = serializers.FloatField()
    n = serializers.IntegerField()


class HistoryShape(serializers.Serializer[Any]):
    """Labels, answers and accuracy over the versions that served, oldest first."""

    points = PointShape(many=True)


class VersionShape(serializers.Serializer[Any]):
    """One version, with the numbers its verdict rests on."""

    id = serializers.UUIDField()
    number = serializers.IntegerField()
    kind = serializers.CharField()
    state = serializers.CharField()
    evidence = serializers.CharField()
    verdict = serializers.CharField()
    n_labels = serializers.IntegerField()
    has_weights = serializers.BooleanField(help_text="Without weights it cannot serve again.")
    created_at = serializers.DateTimeField()
    promoted_at = serializers.DateTimeField(allow_null=True)
    metrics = serializers.JSONField()
    gate = serializers.JSONField()


class RollBackRequest(serializers.Serializer[Any]):
    """Why; it is kept with the version."""

    reason = serializers.CharField(required=False, allow_blank=True, max_length=500, default="")


class TrainRequest(serializers.Serializer[Any]):
    """What to train."""

    kind = serializers.ChoiceField(
        choices=["head", "finetune", "logistic"],
        help_text="`logistic`: another kind of head on the same labels; it serves where it is "
        "better than what serves, and until a refit of the usual kind is no worse.",
    )


class RunShape(serializers.Serializer[Any]):
    """One run of the fast or the slow loop."""

    id = serializers.UUIDField()
    kind = serializers.CharField()
    trigger = serializers.CharField()
    state = serializers.CharField()
    stage = serializers.CharField()
    progress = serializers.FloatField()
    device = serializers.CharField()
    seconds = serializers.FloatField()
    cost = serializers.FloatField()
    error = serializers.CharField()
    version = serializers.IntegerField(allow_null=True)
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
