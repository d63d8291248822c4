"""The documents: every path they name is there, and every example is what the schema says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from django.core.management import call_command
from django.urls import Resolver404, resolve

from ml.api import shapes
from ml.api.predict import ANSWER_EXAMPLE, FEEDBACK_EXAMPLE
from ml.tests.serving.kitchen import Kitchen, ask, client_with, picture

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "api.md"
SAMPLES = {"slug": "pantry", "size": "thumb", "code": "milk", "token": "abc"}
A_UUID = "2b0c7e0e-64f1-4b6c-9b55-0d3f1f9f6d51"


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The schema as the command writes it; any warning fails."""
    out = tmp_path_factory.mktemp("schema") / "schema.json"
    call_command(
        "spectacular", "--validate", "--fail-on-warn", "--format=openapi-json", f"--file={out}"
    )
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found


def test_the_schema_is_openapi_3_1(schema: dict[str, Any]) -> None:
    assert schema["openapi"].startswith("3.1")


def test_every_documented_path_resolves(schema: dict[str, Any]) -> None:
    assert len(schema["paths"]) > 30
    for path, methods in schema["paths"].items():
        filled = re.sub(r"\{(\w+)\}", lambda found: SAMPLES.get(found[1], A_UUID), path)
        try:
            match = resolve(filled)
        except Resolver404:
            match = resolve(re.sub(r"\{\w+\}", "1", path))
        view: Any = vars(match.func)["view_class"]
        for method in methods.keys() & {"get", "post", "patch", "put", "delete"}:
            assert hasattr(view, method), f"{method} {path}"


def test_every_address_in_the_document_is_in_the_schema(schema: dict[str, Any]) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    named = set(re.findall(r"`(?:GET |POST )(projects/[^\s`?]+|predictions/[^\s`?]+)`", text))
    known = {re.sub(r"\{\w+\}", "<>", path).strip("/") for path in schema["paths"]}
    assert len(named) >= 5  # the pattern still finds them
    for path in named:
        assert f"api/v1/{re.sub('<[^>]*>', '<>', path)}" in known


def test_pictures_are_described_as_files(schema: dict[str, Any]) -> None:
    fields = schema["components"]["schemas"]["PredictRequest"]["properties"]
    assert fields["image"]["format"] == fields["images"]["items"]["format"] == "binary"


def check(schema: dict[str, Any], name: str, value: Any) -> None:
    whole = {"$ref": f"#/components/schemas/{name}", "components": schema["components"]}
    jsonschema.Draft202012Validator(whole).validate(value)


def test_the_examples_are_what_the_schema_says(schema: dict[str, Any]) -> None:
    check(schema, "PredictReply", ANSWER_EXAMPLE.value)
    check(schema, "FeedbackRequest", FEEDBACK_EXAMPLE.value)
    asked = shapes.FeedbackRequest(data=FEEDBACK_EXAMPLE.value)
    assert asked.is_valid()


def test_the_documents_example_is_what_the_schema_says(schema: dict[str, Any]) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    whole, *parts = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    check(schema, "PredictReply", json.loads(whole))
    shapes_ = schema["components"]["schemas"]
    item = shapes_["PredictReply"]["properties"]["results"]["items"]["$ref"].rpartition("/")[2]
    for part in parts:  # one result, not all of its fields
        assert json.loads(part).keys() <= shapes_[item]["properties"].keys()


@pytest.mark.django_db
def test_real_replies_are_what_the_schema_says(schema: dict[str, Any], served: Kitchen) -> None:
    client = client_with(served.project, "predict")
    reply = ask(client, served.project, picture(), b"nothing").json()
    check(schema, "PredictReply", reply)
    public_id = reply["results"][0]["id"]
    given = client.post(
        f"/api/v1/predictions/{public_id}/feedback", FEEDBACK_EXAMPLE.value | {"label": "leek"},
        format="json",
    )  # fmt: skip
    check(schema, "FeedbackReply", given.json())
    check(schema, "PredictionShape", client.get(f"/api/v1/predictions/{public_id}").json())
    listed = client.get(f"/api/v1/projects/{served.project.slug}/labels").json()
    check(schema, "LabelListShape", listed)
