"""The tables of labeling: people, projects, images, the queue, answers and consensus.

Nothing a person did is deleted: rows are withdrawn, retired or anonymised. Rules that the
database can hold are constraints here; everything else lives in `labeling.services`.
"""

from __future__ import annotations

from labeling.models.answers import (
    ABOUT_ONE_LABEL,
    SETTLES_ONE_LABEL,
    Annotation,
    AnnotationKind,
    AnnotationLabel,
    FlagReason,
    LabelValue,
)
from labeling.models.checks import (
    Adjudication,
    AdjudicationKind,
    GoldReference,
    LabelDoubt,
    LabelDoubtState,
)
from labeling.models.consensus import (
    Consensus,
    ConsensusState,
)
from labeling.models.crowd import (
    AgreementSnapshot,
    AnnotatorSkill,
    CrowdModel,
)
from labeling.models.images import (
    AlikeImage,
    Image,
    ImagePrior,
    Partition,
    SplitGroup,
)
from labeling.models.journal import (
    AuditEvent,
    Job,
    JobState,
)
from labeling.models.labels import (
    Label,
    LabelExample,
    LabelMapping,
    LabelMappingKind,
    LabelScheme,
    SchemeLabel,
)
from labeling.models.new_labels import (
    LabelProposal,
    LabelProposalImage,
    LabelProposalState,
)
from labeling.models.people import (
    Annotator,
    AnnotatorKind,
    CoordinatorMessage,
    Invitation,
    LoginLink,
    Membership,
    PausedReason,
    Role,
    Token,
    User,
)
from labeling.models.projects import (
    DeploymentMode,
    Mode,
    Project,
    random_seed,
)
from labeling.models.queue import (
    AGAIN,
    Assignment,
    AssignmentState,
    QueueEntry,
    QueueEntryState,
    Reason,
    ServeCounter,
)

__all__ = [
    "ABOUT_ONE_LABEL",
    "AGAIN",
    "SETTLES_ONE_LABEL",
    "Adjudication",
    "AdjudicationKind",
    "AgreementSnapshot",
    "AlikeImage",
    "Annotation",
    "AnnotationKind",
    "AnnotationLabel",
    "Annotator",
    "AnnotatorKind",
    "AnnotatorSkill",
    "Assignment",
    "AssignmentState",
    "AuditEvent",
    "Consensus",
    "ConsensusState",
    "CoordinatorMessage",
    "CrowdModel",
    "DeploymentMode",
    "FlagReason",
    "GoldReference",
    "Image",
    "ImagePrior",
    "Invitation",
    "Job",
    "JobState",
    "Label",
    "LabelDoubt",
    "LabelDoubtState",
    "LabelExample",
    "LabelMapping",
    "LabelMappingKind",
    "LabelProposal",
    "LabelProposalImage",
    "LabelProposalState",
    "LabelScheme",
    "LabelValue",
    "LoginLink",
    "Membership",
    "Mode",
    "Partition",
    "PausedReason",
    "Project",
    "QueueEntry",
    "QueueEntryState",
    "Reason",
    "Role",
    "SchemeLabel",
    "ServeCounter",
    "SplitGroup",
    "Token",
    "User",
    "random_seed",
]
