"""Labeling's rows, for tests of apps above it that look at what the services wrote.

The product goes through selectors; a test that did would test the selector.
"""

from __future__ import annotations

from labeling.models import (
    Adjudication,
    AlikeImage,
    Annotation,
    Annotator,
    AnnotatorSkill,
    AuditEvent,
    Consensus,
    GoldReference,
    Image,
    ImagePrior,
    Label,
    LabelDoubt,
    Partition,
    Project,
    QueueEntry,
    SplitGroup,
    Token,
    User,
)

__all__ = [
    "Adjudication",
    "AlikeImage",
    "Annotation",
    "Annotator",
    "AnnotatorSkill",
    "AuditEvent",
    "Consensus",
    "GoldReference",
    "Image",
    "ImagePrior",
    "Label",
    "LabelDoubt",
    "Partition",
    "Project",
    "QueueEntry",
    "SplitGroup",
    "Token",
    "User",
]
