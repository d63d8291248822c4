"""`manage.py bench saved`: is what the page says of answers saved true?

Six people answer over HTTP on the real processes, audit slice and all, and an expert decides what
waits. Now and then the staff API is read. What random labels would really have taken is known here:
heads on labels of pictures drawn at random from the same pool, with as many errors, held against
the head on the chosen ones on the true labels of the whole audit slice.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from labeling.selectors import consensus
from labeling.selectors import images as image_selectors
from labeling.selectors import projects as project_selectors
from labeling.services import people
from ml.bench import http, pictures, sandbox
from ml.evaluation import splits
from ml.heads import ridge
from ml.selectors import embeddings, ground
from ml.simulation.rounds import SPLIT_COSINE
from ml.types import LabeledSet

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    import numpy.typing as npt

    from ml.services.labeled_folder import LabeledPicture
    from ml.types import Labels

    Say = Callable[[str], None]

SLUG = "bench-saved"
SEED = 0
WRONG = {"Ada": 0.01, "Bea": 0.02, "Cay": 0.03, "Dee": 0.04, "Eve": 0.05, "Fay": 0.08}
"""How often each of them names another label."""

STEP = 200
"""Answers between two looks at the staff room."""

PACE_S = 0.4
"""Between two answers: slow enough for the refits to follow."""

FIGURES_S = 120.0
"""How long to wait for figures that know the last answer."""

DRAWS = 6
SIZES = 10


class CannotMeasureError(RuntimeError):
    """The play ended too early; there is nothing to report."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What is played."""

    pictures: Sequence[LabeledPicture]
    answers: int
    work: Path


def measure(setup: Setup, *, now: datetime, say: Say) -> dict[str, Any]:
    """Store and embed the pictures, play, and give what was said beside what was true."""
    say(f"storing and embedding {len(setup.pictures)} images")
    stored = pictures.store(setup.pictures, slug=SLUG, now=now, seed=SEED)
    pictures.embed(stored.project_id, now=now)
    _, invitation = people.invite(
        project_id=stored.project_id, role="VOLUNTEER", use_limit=len(WRONG), now=now
    )
    _, password = people.create_owner(username="bench")
    with sandbox.processes(setup.work) as address:
        staff = _Staff(address, password, stored)
        crowd = _Crowd(address, invitation, stored)
        looks = []
        for answers in [*range(STEP, setup.answers, STEP), setup.answers]:
            crowd.answer(answers)
            looks.append(staff.look())
            say(looks[-1]["sentence"])
    say("asking random labels of the same photographs")
    return {"looks": _beside_truth(stored, looks)}


class _Crowd:
    """Six people who answer in turn."""

    def __init__(self, address: str, invitation: str, stored: pictures.Stored) -> None:
        self.people = {
            name: http.Volunteer(address, slug=SLUG, invitation=invitation, name=name)
            for name in WRONG
        }
        self.code_of, self.given = stored.code_of, 0
        self.codes = sorted(set(stored.code_of.values()))
        self.turns = itertools.cycle(WRONG)
        self.rng = np.random.default_rng(SEED)

    def answer(self, until: int) -> None:
        """Answer until so many answers were given in all."""
        idle = 0
        while self.given < until:
            name = next(self.turns)
            assignment = self.people[name].next_assignment()
            if assignment is None:
                idle += 1
                if idle > 50 * len(WRONG):
                    raise CannotMeasureError(f"The queue ended after {self.given} answers.")
            else:
                idle = 0
                code = self._said(name, self.code_of[assignment["image"]["id"]])
                self.people[name].answer(assignment, code)
                self.given += 1
            time.sleep(PACE_S)

    def _said(self, name: str, code: str) -> str:
        if self.rng.random() >= WRONG[name]:
            return code
        return str(self.rng.choice([other for other in self.codes if other != code]))


class _Staff:
    """The owner: decides what waits for an expert, and reads the staff room."""

    def __init__(self, address: str, password: str, stored: pictures.Stored) -> None:
        self.browser, self.code_of = http.Browser(address), stored.code_of
        self.browser.get("session")
        self.browser.post("session/login", {"username": "bench", "password": password})

    def look(self) -> dict[str, Any]:
        """Give what the page says once it knows every answer."""
        self._decide()
        since, deadline = timezone.now(), time.monotonic() + FIGURES_S
        while True:
            page = self.browser.get(f"staff/projects/{SLUG}/forecast")
            at = parse_datetime(page["computed_at"] or "")
            if (at is not None and at >= since) or time.monotonic() > deadline:
                break
            time.sleep(1.0)
        if page["figures"] is None:
            raise CannotMeasureError("No figures were computed.")
        found: dict[str, Any] = page["figures"]["savings"]
        return found | {
            "answers": self.browser.get(f"staff/projects/{SLUG}/overview")["labels"]["answers"],
            "answers_then": found["answers"],
            "labels": page["figures"]["labels"],
            "audit_images": page["figures"]["audit_images"],
            "gain": page["figures"]["gain"],
            "fallback": page["fallback"],
        }

    def _decide(self) -> None:
        while items := self.browser.get(f"projects/{SLUG}/expert?count=20")["items"]:
            for item in items:
                image = item["image"]["id"]
                decision = {"kind": "LABEL", "label": self.code_of[image]}
                self.browser.post(f"projects/{SLUG}/expert/{image}", decision)


def _beside_truth(stored: pictures.Stored, looks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = ground.of_project(stored.project_id, rng=np.random.default_rng(SEED))
    if found is None:
        raise CannotMeasureError("There is no classifier to compare.")
    world = _World.of(stored, found)
    sizes, shares = world.at_random(_noise(found, world))
    for look in looks:
        rows = np.arange(look["labels"])
        if not found.is_fit(rows):
            continue
        share = float(world.right(found.head(rows)))
        at = np.interp(share, shares + 1e-9 * np.arange(len(shares)), np.log(sizes))
        look["really_needed"] = round(float(np.exp(at)))
        look["accuracy"] = round(share, 4)
        if look["refusal"] is None:
            a_label = (look["saved"] + look["answers_then"]) / (look["ratio"] * look["labels"])
            look["really_saved"] = round(look["really_needed"] * a_label - look["answers_then"])
    return looks


def _noise(found: ground.Ground, world: _World) -> float:
    """Give the share of the chosen labels that are wrong: random ones get as many."""
    true = np.array([world.truth_of[int(key)] for key in found.labeled.image_ids])
    return float((found.labeled.targets.argmax(axis=1) != true).mean())


@dataclass(frozen=True, slots=True)
class _World:
    """The pool and the audit slice with their true labels (columns by image id)."""

    pool: npt.NDArray[np.int64]
    audit: npt.NDArray[np.int64]
    truth_of: dict[int, int]
    codes: tuple[str, ...]
    set_id: int

    @classmethod
    def of(cls, stored: pictures.Stored, found: ground.Ground) -> _World:
        scheme = project_selectors.current_scheme(stored.project_id)
        code_of = dict(zip(scheme.label_ids, scheme.codes, strict=True))
        column_of = {code: at for at, code in enumerate(found.labeled.label_order)}
        truth = {key: column_of[code_of[label]] for key, label in stored.label_of.items()}
        return cls(
            image_selectors.pool_ids(stored.project_id),
            consensus.audit_rows(stored.project_id).image_ids,
            truth,
            found.labeled.label_order,
            found.version.embedding_set_id,
        )

    def truth(self, image_ids: npt.NDArray[np.int64]) -> Labels:
        return np.array([self.truth_of[int(key)] for key in image_ids], dtype=np.int64)

    def right(self, head: Any) -> float:
        """Give the share of the whole audit slice that a head has right."""
        vectors = embeddings.load_matrix(self.set_id, self.audit)
        return float((ground.said(head, vectors) == self.truth(self.audit)).mean())

    def at_random(self, noise: float) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Give sizes up to the whole pool, and what random labels reach there, never falling."""
        vectors = embeddings.load_matrix(self.set_id, self.pool)
        groups, _ = splits.near_duplicate_groups(vectors, cosine=SPLIT_COSINE)
        sizes = np.geomspace(50, len(self.pool), SIZES).astype(np.int64)
        reached = np.zeros((DRAWS, len(sizes)))
        for draw in range(DRAWS):
            rng = np.random.default_rng([SEED, draw])
            order, said = rng.permutation(len(self.pool)), self.truth(self.pool)
            is_wrong = rng.random(len(said)) < noise
            said[is_wrong] = rng.integers(0, len(self.codes), int(is_wrong.sum()))
            targets = np.eye(len(self.codes))[said]
            for place, size in enumerate(sizes):
                at = order[:size]
                rows = LabeledSet(
                    image_ids=self.pool[at],
                    embeddings=vectors[at],
                    targets=targets[at],
                    weights=np.ones(size),
                    groups=groups[at],
                    label_order=self.codes,
                )
                reached[draw, place] = self.right(ridge.fit_ridge(rows).head)
        return sizes, np.maximum.accumulate(reached.mean(axis=0))
