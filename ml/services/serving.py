"""What answers in this process: immutable bundles of backbone, head, labels and threshold.

A request asks where the champion pointer stands (one query on a primary key) and what the labels
are called now, and takes the whole bundle of that version, from memory or made anew. A bundle is
never changed, so no request ever sees an old head on a new backbone, and no restart is needed
after a promotion or a roll-back.
A backbone that this process has not loaded takes a second, or as long as its file takes to come
from storage. Meanwhile the version that served before goes on answering, whole and by its own
name, so that no request is slow; a version that was withdrawn for cause does not.
Embedders are shared by the digest of their backbone. Nothing here imports torch or scikit-learn.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings

from labeling.selectors import projects
from ml.errors import MlError
from ml.heads import codec, ridge
from ml.recent import Recent
from ml.selectors import versions
from ml.services import embedding
from ml.types import Embedder, Head

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ml.types import BackboneFile, Embeddings, Probabilities

EMBEDDERS_KEPT = 3
"""Old and new during a switch, and one more project's; about 20 MB each."""
BUNDLES_KEPT = 32
POINTER_TRIES = 3

logger = logging.getLogger(__name__)


class NoChampionError(MlError):
    """A project has no classifier yet."""

    code = "no_champion"
    status = 409


class NoSuchVersionError(MlError):
    """A version was asked for that the project never had."""

    code = "no_such_version"
    status = 404


class VersionPrunedError(MlError):
    """A superseded version kept its record but not its weights."""

    code = "version_pruned"
    status = 410


class TornVersionError(MlError):
    """A stored version disagrees with itself; serving it would answer wrongly without failing."""

    code = "torn_version"
    status = 500


@dataclass(frozen=True, slots=True)
class ServedGroup:
    """Labels that may be answered together: code, name, and its columns of the head."""

    code: str
    name: str
    columns: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ServedModel:
    """All that an answer needs, together.

    Attributes:
        label_order: label codes, one a column of the head.
        names: what people call those labels now, in the same order.
        threshold: the smallest top probability that is accepted; with several labels an image each
            has its own, in the head, and this is the lowest.
        groups: the groups of labels there are now, by the head's columns.
        group_threshold: the smallest sum at which a group is said; None where it is `threshold`.
        grouped_as: the groups, as sets of label codes, for which `group_threshold` was chosen.
    """

    public_id: UUID
    version_id: int
    project_id: int
    number: int
    evidence: str
    label_order: tuple[str, ...]
    names: tuple[str, ...]
    threshold: float
    head: Head
    embedder: Embedder
    groups: tuple[ServedGroup, ...] = ()
    group_threshold: float | None = None
    grouped_as: frozenset[frozenset[str]] = frozenset()

    def probabilities(self, embeddings: Embeddings) -> Probabilities:
        """Give the (n, k) calibrated probabilities of (n, d) embeddings of `self.embedder`."""
        return ridge.predict(self.head, embeddings)

    @property
    def is_several(self) -> bool:
        """Whether it says yes or no to each label on its own."""
        return self.head.several is not None

    def accepted(self, probabilities: npt.NDArray[np.float64]) -> tuple[int, ...]:
        """Give the columns it is sure enough of, in (k,) probabilities, the likeliest first.

        At most the likeliest one; with several labels an image all that reach their thresholds.
        """
        ranked = (-probabilities).argsort(kind="stable").tolist()
        if self.head.several is None:
            return tuple(at for at in ranked[:1] if probabilities[at] >= self.threshold)
        bars = self.head.several.thresholds
        return tuple(at for at in ranked if probabilities[at] >= bars[at])

    def group_of(self, probabilities: npt.NDArray[np.float64]) -> tuple[ServedGroup, float] | None:
        """Give the likeliest group of labels where their (k,) probabilities together suffice.

        The sum is held against a threshold of its own, chosen where no label is said; where groups
        have changed since, against that of labels: calibrated probabilities of labels that exclude
        each other add up. None with several labels an image.
        """
        sums = [(float(probabilities[list(one.columns)].sum()), one) for one in self.groups]
        if self.is_several or not sums:
            return None
        most, group = max(sums, key=lambda pair: pair[0])
        is_as_chosen = self.group_threshold is not None and self.grouped_as == {
            frozenset(self.label_order[column] for column in one.columns) for one in self.groups
        }
        bar = self.group_threshold if is_as_chosen else self.threshold
        return (group, most) if bar is not None and most >= bar else None

    def uncertainty(self, probabilities: npt.NDArray[np.float64]) -> float:
        """Give 1 - (p1 - p2) of (k,) probabilities: 0 is certain, 1 a tie of the best two labels.

        With several labels an image, 1 - |2p - 1| of the most doubtful one: 1 is a tie of yes and
        no.
        """
        if self.is_several:
            return float((1.0 - abs(2.0 * probabilities - 1.0)).max(initial=0.0))
        best = sorted(probabilities.tolist(), reverse=True)
        return float(1.0 - (best[0] - (best[1] if len(best) > 1 else 0.0)))


def champion(project_id: int) -> ServedModel:
    """Give the bundle that serves now.

    Raises:
        NoChampionError: nothing has been promoted yet.
    """
    for _ in range(POINTER_TRIES):
        pointer = versions.pointer(project_id)
        if pointer is None:
            break
        before = _last.get(project_id)
        if before is not None and _is_slow_to_load(pointer.version, before):
            return _as_of_now(before, before.evidence)
        try:
            served = _as_of_now(_bundle(pointer.version), pointer.evidence)
        except VersionPrunedError:  # superseded and pruned since the pointer was read
            continue
        _last[project_id] = served
        return served
    raise NoChampionError(
        "This project has no classifier yet. It gets one by itself once enough images are "
        "labeled (at least two labels with answers); then ask again.",
        project_id=project_id,
    )


def pinned(project_id: int, number: int) -> ServedModel:
    """Give the bundle of version `number`, whatever serves now.

    Raises:
        NoSuchVersionError: the project has no version of that number.
        VersionPrunedError: its weights are gone.
    """
    found = versions.numbered(project_id, number)
    if found is None:
        raise NoSuchVersionError(
            f"There is no version {number} in this project; leave `version` out for the champion.",
            version=number,
        )
    return _as_of_now(_bundle(found.version), found.evidence)


def warm(project_ids: list[int]) -> dict[int, int]:
    """Load every champion and run its backbone once, so that the first request is not slow.

    Returns:
        Project id to the number of the version that is warm; projects without one are absent.
    """
    from PIL import Image  # noqa: PLC0415

    found: dict[int, int] = {}
    for project_id in project_ids:
        if versions.pointer(project_id) is None:
            continue
        served = champion(project_id)
        one = served.embedder.preprocess(Image.new("RGB", (64, 64)))
        served.probabilities(served.embedder.embed(one[None]))
        found[project_id] = served.number
    return found


def warm_backbone() -> str:
    """Load the configured backbone, so that the first champion on it answers at once.

    Returns:
        Its name.

    Raises:
        BackboneMissingError, BackboneCorruptError: the compiled file is not on this host.
    """
    from ml.inference.files import find_backbone  # noqa: PLC0415 (0.3 s of ONNX Runtime)

    backbone = find_backbone(settings.BACKBONE_DIR, settings.BACKBONE)
    _embedders.get(backbone.digest, lambda: _warmed(backbone))
    return backbone.name


def forget() -> None:
    """Drop everything loaded (tests, and a host short of memory)."""
    _last.clear()
    _loading.clear()
    _bundles.clear()
    _embedders.clear()


_bundles: Recent[UUID, ServedModel] = Recent(BUNDLES_KEPT)
_embedders: Recent[str, Embedder] = Recent(EMBEDDERS_KEPT)
_last: dict[int, ServedModel] = {}
"""By project, the champion that answered last in this process."""
_loading: dict[str, threading.Thread] = {}
"""By digest, who loads a backbone behind the requests."""
_loading_lock = threading.Lock()


def _is_slow_to_load(public_id: UUID, before: ServedModel) -> bool:
    """Tell whether a version's backbone is not loaded yet and `before` may answer until it is.

    The first to ask has it loaded by a thread. Where that has failed the request itself loads,
    and says what is wrong.
    """
    if public_id in _bundles:
        return False
    version = versions.stored(public_id)
    if version is None or version.head is None or version.digest in _embedders:
        return False
    if versions.is_withdrawn(before.public_id):
        return False
    with _loading_lock:
        thread = _loading.get(version.digest)
        if thread is None:
            thread = threading.Thread(target=_load_behind, args=(version,), daemon=True)
            _loading[version.digest] = thread
            thread.start()
    return thread.is_alive()


def _load_behind(version: versions.StoredVersion) -> None:
    """Load a backbone in a thread, which asks the database nothing.

    Its entry stays until a request has taken the backbone, or has found out itself why it cannot.
    """
    try:
        _embedders.get(version.digest, lambda: _open(version))
    except (MlError, OSError) as error:
        logger.warning("The backbone of v%s cannot be loaded: %s", version.number, error)


def _bundle(public_id: UUID) -> ServedModel:
    return _bundles.get(public_id, lambda: _load(public_id))


def _as_of_now(served: ServedModel, evidence: str) -> ServedModel:
    """Give a bundle what may change while its version stays: its evidence, and labels' names."""
    names = projects.label_names(served.project_id)
    return replace(
        served,
        evidence=evidence,
        names=tuple(names.get(code, code) for code in served.label_order),
        groups=() if served.is_several else _groups(served),
    )


def _groups(served: ServedModel) -> tuple[ServedGroup, ...]:
    """Give the groups of today's labels as far as the head knows their labels."""
    scheme = projects.current_scheme(served.project_id)
    place = {code: at for at, code in enumerate(served.label_order)}
    found = []
    for group in scheme.groups:
        codes = [scheme.codes[column] for column in group.columns]
        columns = tuple(place[code] for code in codes if code in place)
        if columns:
            found.append(ServedGroup(group.code, group.name, columns))
    return tuple(found)


def _load(public_id: UUID) -> ServedModel:
    version = versions.stored(public_id)
    if version is None or version.head is None:
        raise VersionPrunedError(
            "The weights of this version are no longer kept (the last 50 are); "
            "leave `version` out for the champion.",
            version=version.number if version else None,
        )
    head = replace(codec.from_bytes(version.head), temperature=version.temperature)
    embedder = _embedders.get(version.digest, lambda: _open(version))
    _loading.pop(version.digest, None)
    _check(version, head, embedder)
    return ServedModel(
        public_id=version.public_id,
        version_id=version.id,
        project_id=version.project_id,
        number=version.number,
        evidence=version.evidence,
        label_order=version.label_order,
        names=version.label_order,
        threshold=version.threshold,
        group_threshold=version.metrics.get("group_threshold"),
        grouped_as=frozenset(frozenset(each) for each in version.metrics.get("grouped_as", ())),
        head=head,
        embedder=embedder,
    )


def _open(version: versions.StoredVersion) -> Embedder:
    """Load the version's backbone; fetch the file first where this host does not have it yet."""
    return _warmed(
        embedding.backbone_on_host(
            name=version.backbone, digest=version.digest, storage_key=version.storage_key
        )
    )


def _warmed(backbone: BackboneFile) -> Embedder:
    from ml.inference.embedder import OnnxEmbedder  # noqa: PLC0415 (0.3 s of ONNX Runtime)

    embedder = OnnxEmbedder(backbone, threads=settings.ORT_THREADS)
    embedder.warm()
    return embedder


def _check(version: versions.StoredVersion, head: Head, embedder: Embedder) -> None:
    if (head.label_order, embedder.digest, embedder.dim, head.weights.shape[0]) != (
        version.label_order,
        version.digest,
        version.dim,
        version.dim,
    ):
        raise TornVersionError(
            f"Version {version.number} does not fit its backbone {version.digest[:12]} "
            f"({version.dim} values): head of {head.weights.shape[0]} values and "
            f"{len(head.label_order)} labels, backbone file {embedder.digest[:12]} of "
            f"{embedder.dim}. Roll back to another version in the staff room.",
            version=version.number,
        )
