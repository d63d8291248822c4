"""What a browser does, at the HTTP boundary: hold images, answer them, set references."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rest_framework.test import APIClient

    from labeling.models import Image

Json = dict[str, Any]


@dataclass
class Browser:
    """One tab of one person in one project."""

    client: APIClient
    slug: str
    tab: str = field(default_factory=lambda: uuid.uuid4().hex)

    def get(self, path: str, **query: Any) -> Any:
        response = self.client.get(f"/api/v1/{path}", query)
        assert response.status_code == 200, response.content
        return response.json()

    def post(self, path: str, body: Any = None, *, status: int = 200) -> Any:
        response = self.client.post(f"/api/v1/{path}", body or {}, format="json")
        assert response.status_code == status, response.content
        return response.json() if response.content else None

    def claim(self) -> Json:
        found: Json = self.post(f"projects/{self.slug}/assignments", {"client": self.tab})
        return found

    def answer(
        self,
        assignment: Json,
        label: str | None = "milk",
        *,
        kind: str = "LABEL",
        key: str | None = None,
        status: int = 201,
    ) -> Json:
        said: Json = self.post(
            f"projects/{self.slug}/annotations",
            {
                "assignment": assignment["id"],
                "key": key or str(uuid.uuid4()),
                "kind": kind,
                "labels": [label] if label and kind == "LABEL" else [],
                "client": self.tab,
            },
            status=status,
        )
        return said

    def undo(self, annotation: str) -> Json:
        undone: Json = self.post(
            f"projects/{self.slug}/annotations/{annotation}/undo",
            {"key": str(uuid.uuid4()), "client": self.tab},
        )
        return undone

    def set_gold(self, images: Sequence[Image], label: str = "milk", note: str = "") -> Json:
        references = [
            {"image": str(image.public_id), "label": label, "note": note} for image in images
        ]
        done: Json = self.post(f"projects/{self.slug}/gold", {"references": references})
        return done
