"""The tables of ml: embeddings, model versions and the evidence for them, runs, predictions."""

from __future__ import annotations

from ml.models.embeddings import (
    Embedding,
    EmbeddingScope,
    EmbeddingSet,
    EmbeddingSetState,
)
from ml.models.predictions import (
    IdempotentReply,
    Prediction,
)
from ml.models.runs import (
    TrainingKind,
    TrainingRun,
    TrainingState,
)
from ml.models.searches import (
    AuditTopUp,
    LabelErrorSearch,
    NewLabelSearch,
    SimilarRequest,
    UploadDrift,
)
from ml.models.versions import (
    Champion,
    Comparison,
    ComparisonDecision,
    ComparisonKind,
    DatasetSnapshot,
    Evidence,
    ModelKind,
    ModelState,
    ModelVersion,
    Outlook,
)

__all__ = [
    "AuditTopUp",
    "Champion",
    "Comparison",
    "ComparisonDecision",
    "ComparisonKind",
    "DatasetSnapshot",
    "Embedding",
    "EmbeddingScope",
    "EmbeddingSet",
    "EmbeddingSetState",
    "Evidence",
    "IdempotentReply",
    "LabelErrorSearch",
    "ModelKind",
    "ModelState",
    "ModelVersion",
    "NewLabelSearch",
    "Outlook",
    "Prediction",
    "SimilarRequest",
    "TrainingKind",
    "TrainingRun",
    "TrainingState",
    "UploadDrift",
]
