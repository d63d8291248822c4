from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image as PillowImage
from rest_framework.test import APIClient

from labeling.models import (
    AnnotationKind,
    Annotator,
    Consensus,
    ConsensusState,
    Image,
    LabelExample,
    Project,
    User,
)
from labeling.selectors import images as image_selectors
from labeling.selectors import projects as project_selectors
from labeling.services import images, people
from labeling.tests.factories import NOW, make_annotator, make_image, make_images, picture_bytes
from labeling.tests.worlds import direct

pytestmark = pytest.mark.django_db
ClientFor = Callable[..., APIClient]
POLYGLOT = picture_bytes(1) + b"<html><script>alert(document.cookie)</script>"


def stored(project: Project, content: bytes | None = None) -> Image:
    ingested = images.ingest(
        project_id=project.pk,
        upload=io.BytesIO(content or picture_bytes()),
        original_name="evil.html",
        source="shop",
        licence="MIT",
        uploaded_by_id=None,
        now=NOW,
    )
    return Image.objects.get(pk=ingested.image_id)


def upload(
    client: APIClient, project: Project, *files: SimpleUploadedFile, **fields: str
) -> list[dict[str, str]]:
    response = client.post(
        f"/api/v1/staff/projects/{project.slug}/images",
        {"files": list(files), **fields},
        format="multipart",
    )
    assert response.status_code == 200, response.content
    results: list[dict[str, str]] = response.json()["results"]
    return results


def test_an_image_is_served_as_a_jpeg_and_as_nothing_else(
    project: Project, volunteer: Annotator, client_for: ClientFor
) -> None:
    image = stored(project, POLYGLOT)

    for size in ("full", "thumb"):
        response = client_for(volunteer).get(
            f"/api/v1/images/{image.public_id}/{size}", headers={"accept": "text/html"}
        )

        content = b"".join(response.streaming_content)  # type: ignore[attr-defined]
        assert response["Content-Type"] == "image/jpeg"
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert "html" not in response["Content-Disposition"]
        assert "private" in response["Cache-Control"]
        assert b"script" not in content
        assert PillowImage.open(io.BytesIO(content)).format == "JPEG"


def test_no_address_serves_the_files_themselves(
    project: Project, manager: User, client_for: ClientFor
) -> None:
    image = stored(project)

    for path in (f"/{image.storage_key}", f"/media/{image.storage_key}", "/media../settings.py"):
        assert client_for(manager).get(path).status_code == 404


def test_pixels_are_for_people_of_the_project_only(
    project: Project, volunteer: Annotator, expert: User, outsider: User, client_for: ClientFor
) -> None:
    path = f"/api/v1/images/{stored(project).public_id}/full"

    codes = [client_for(who).get(path).status_code for who in (volunteer, expert, outsider, None)]

    assert codes == [200, 200, 404, 401]


def test_a_token_reads_pixels(project: Project, manager: User, client_for: ClientFor) -> None:
    from django.utils import timezone

    path = f"/api/v1/images/{stored(project).public_id}/full"
    codes = []
    for scopes in (["read"], ["predict"]):
        _, secret = people.create_token(
            user_id=manager.pk, project_id=None, name="x", scopes=scopes, now=timezone.now()
        )
        client = client_for()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
        codes.append(client.get(path).status_code)

    assert codes == [200, 403]


def test_a_removed_image_is_for_managers_only(
    project: Project, volunteer: Annotator, manager: User, client_for: ClientFor
) -> None:
    image = stored(project)
    client_for(manager).post(
        f"/api/v1/staff/projects/{project.slug}/images/{image.public_id}/remove"
    )
    path = f"/api/v1/images/{image.public_id}/full"

    assert client_for(volunteer).get(path).status_code == 403
    assert client_for(manager).get(path).status_code == 200


def test_serving_an_image_takes_three_queries(
    project: Project,
    volunteer: Annotator,
    client_for: ClientFor,
    django_assert_num_queries: Callable[[int], object],
) -> None:
    image = stored(project)
    browser = client_for(volunteer)

    # The session, the image with its project, the annotator.
    with django_assert_num_queries(3):  # type: ignore[attr-defined]
        browser.get(f"/api/v1/images/{image.public_id}/thumb")


def test_one_bad_file_never_fails_the_rest(
    project: Project, manager: User, client_for: ClientFor
) -> None:
    good = picture_bytes(1)

    results = upload(
        client_for(manager),
        project,
        SimpleUploadedFile("a.jpg", good),
        SimpleUploadedFile("b.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        SimpleUploadedFile("c.jpg", b""),
        SimpleUploadedFile("d.jpg", good[:-300]),
        SimpleUploadedFile("e.jpg", good),
        SimpleUploadedFile("f.png", picture_bytes(2, kind="PNG")),
        source="kitchen",
        licence="MIT",
    )

    assert [(row["name"], row["status"], row.get("code")) for row in results] == [
        ("a.jpg", "stored", None),
        ("b.svg", "refused", "wrong_type"),
        ("c.jpg", "refused", "empty"),
        ("d.jpg", "refused", "truncated"),
        ("e.jpg", "duplicate", None),
        ("f.png", "stored", None),
    ]
    assert results[4]["image"] == results[0]["image"]
    image = Image.objects.get(public_id=results[0]["image"])
    assert (image.source, image.licence, image.uploaded_by) == ("kitchen", "MIT", manager)


def test_a_label_sent_with_an_upload_is_a_suggestion(
    project: Project, manager: User, client_for: ClientFor
) -> None:
    upload(
        client_for(manager), project, SimpleUploadedFile("a.jpg", picture_bytes(1)), label="milk"
    )

    image = Image.objects.get()
    assert image.suggested_label is not None
    assert image.suggested_label.code == "milk"
    assert image.licence == project.licence


def test_an_example_picture_replaces_the_one_before(
    project: Project, manager: User, volunteer: Annotator, client_for: ClientFor
) -> None:
    path = f"/api/v1/staff/projects/{project.slug}/labels/milk/example"
    staff = client_for(manager)

    urls = [
        staff.post(path, {"file": SimpleUploadedFile("a.jpg", content)}, format="multipart").json()[
            "example_url"
        ]
        for content in (picture_bytes(1), POLYGLOT)
    ]

    response = client_for(volunteer).get(urls[1])
    assert urls[0] != urls[1]
    assert LabelExample.objects.count() == 1
    assert response["Content-Type"] == "image/jpeg"
    assert b"script" not in b"".join(response.streaming_content)  # type: ignore[attr-defined]


def test_an_example_that_is_no_picture_is_refused(
    project: Project, manager: User, client_for: ClientFor
) -> None:
    response = client_for(manager).post(
        f"/api/v1/staff/projects/{project.slug}/labels/milk/example",
        {"file": SimpleUploadedFile("a.svg", b"<svg/>")},
        format="multipart",
    )

    assert (response.status_code, response.json()["code"]) == (415, "wrong_type")


def test_lists_hold_what_their_name_says(
    project: Project, manager: User, volunteer: Annotator, client_for: ClientFor
) -> None:
    plain, flagged, odd, disputed, gone = make_images(project, 5)
    Image.objects.filter(pk=flagged.pk).update(flagged_at=NOW)
    Image.objects.filter(pk=gone.pk).update(flagged_at=NOW, removed_at=NOW)
    scheme = project.schemes.get()
    scheme.annotation_set.create(
        project=project,
        image=flagged,
        annotator=volunteer,
        kind=AnnotationKind.FLAG,
        flag_reason="PERSON",
        key="00000000-0000-0000-0000-000000000001",
        request_hash="x",
        created_at=NOW,
    )
    for image, state in ((odd, "NONE_OF_THESE"), (disputed, "DISPUTED")):
        Consensus.objects.create(
            image=image,
            project=project,
            scheme=scheme,
            posterior=b"",
            state=ConsensusState(state),
            effective_votes=1,
            n_votes=1,
            updated_at=NOW,
        )
    staff = client_for(manager)

    def listed(which: str) -> list[dict[str, str]]:
        path = f"/api/v1/staff/projects/{project.slug}/images?filter={which}"
        rows: list[dict[str, str]] = staff.get(path).json()["results"]
        return rows

    assert [row["id"] for row in listed("flagged")] == [str(flagged.public_id)]
    assert listed("flagged")[0]["flag_reason"] == "PERSON"
    assert [row["id"] for row in listed("none_of_these")] == [str(odd.public_id)]
    assert [row["id"] for row in listed("disputed")] == [str(disputed.public_id)]
    assert str(gone.public_id) not in {row["id"] for row in listed("recent")}
    assert str(plain.public_id) in {row["id"] for row in listed("recent")}


def test_staff_look_at_labeled_images_and_at_those_of_one_label(
    project: Project, manager: User, client_for: ClientFor
) -> None:
    milk, juice, _open = make_images(project, 3)
    ada = make_annotator(project)
    direct(ada, milk, label="milk")
    direct(ada, juice, label="juice")
    staff = client_for(manager)

    def listed(query: str) -> list[str]:
        path = f"/api/v1/staff/projects/{project.slug}/images?filter=labeled{query}"
        return [row["id"] for row in staff.get(path).json()["results"]]

    assert listed("") == [str(juice.public_id), str(milk.public_id)]
    assert listed("&label=milk") == [str(milk.public_id)]
    unknown = staff.get(f"/api/v1/staff/projects/{project.slug}/images?label=gone")
    assert unknown.status_code == 404


def test_a_filter_is_one_of_a_list_and_never_a_field_name(
    project: Project, manager: User, client_for: ClientFor
) -> None:
    staff = client_for(manager)
    base = f"/api/v1/staff/projects/{project.slug}/images"

    for query in ("filter=uploaded_by__password__startswith", "cursor=0", "cursor=x"):
        assert staff.get(f"{base}?{query}").status_code == 400
    ignored = staff.get(f"{base}?uploaded_by__password__startswith=a&ordering=-password")
    assert ignored.status_code == 200
    with pytest.raises(image_selectors.UnknownFilterError):
        image_selectors.for_staff(project.pk, which="pk__gt")


def test_pages_follow_each_other_without_gap_or_overlap(
    project: Project,
    manager: User,
    client_for: ClientFor,
    django_assert_num_queries: Callable[[int], object],
) -> None:
    made = {str(image.public_id) for image in make_images(project, image_selectors.PAGE + 5)}
    staff = client_for(manager)
    path = f"/api/v1/staff/projects/{project.slug}/images"

    # The session, the user, the project, the role, the images.
    with django_assert_num_queries(5):  # type: ignore[attr-defined]
        first = staff.get(path).json()
    second = staff.get(f"{path}?cursor={first['next']}").json()

    ids = [row["id"] for page in (first, second) for row in page["results"]]
    assert len(ids) == len(set(ids))
    assert set(ids) == made
    assert second["next"] is None


def test_a_kept_image_may_be_labeled_again(
    project: Project, manager: User, client_for: ClientFor
) -> None:
    image = make_image(project, flagged_at=NOW)

    client_for(manager).post(f"/api/v1/staff/projects/{project.slug}/images/{image.public_id}/keep")

    image.refresh_from_db()
    assert image.flagged_at is None


def test_labels_are_added_changed_and_retired_in_the_staff_room(
    project: Project, manager: User, client_for: ClientFor
) -> None:
    staff = client_for(manager)
    base = f"/api/v1/staff/projects/{project.slug}/labels"

    added = staff.post(base, {"name": "Rice", "description": "Dry."})
    changed = staff.patch(f"{base}/milk", {"name": "Cow's milk", "colour": "#112233", "key": "m"})
    retired = staff.post(f"{base}/juice/retire")
    bad = staff.patch(f"{base}/milk", {"colour": "red;}"})
    scripted = staff.patch(f"{base}/milk", {"key": "<script>alert(1)</script>"})

    assert (added.status_code, changed.status_code, retired.status_code) == (201, 200, 200)
    assert (bad.status_code, scripted.status_code) == (400, 400)
    scheme = project_selectors.current_scheme(project.pk)
    assert scheme.names == ("Cow's milk", "Apple", "Bread", "Rice")
    listed = staff.get(base).json()
    assert [row["code"] for row in listed][-1] == "juice"
    assert listed[0]["key"] == "m"


def test_labels_are_merged_and_split_in_the_staff_room(
    project: Project, manager: User, client_for: ClientFor
) -> None:
    staff = client_for(manager)
    base = f"/api/v1/staff/projects/{project.slug}"
    volunteer = make_annotator(project)
    images = [make_image(project), make_image(project)]
    for image, label in zip(images, ("milk", "juice"), strict=True):
        direct(volunteer, image, label)

    used = {row["code"]: row for row in staff.get(f"{base}/label-use").json()}
    merged = staff.post(f"{base}/label-steps/merge", {"labels": ["milk", "juice"], "name": "Wet"})
    after_merge = staff.get(f"/api/v1/projects/{project.slug}/labeling").json()
    split = staff.post(f"{base}/labels/wet/split", {"names": ["White", "Clear"]})
    refused = staff.post(f"{base}/labels/wet/split", {"names": ["White", "Clear"]})

    grouped = staff.post(f"{base}/label-groups", {"groups": {"white": "Liquid", "clear": "Liquid"}})
    page = staff.get(f"/api/v1/projects/{project.slug}/labeling").json()

    assert page["labels"][0]["former_names"] == ["Milk", "Juice", "Wet"]
    group = {"code": "liquid", "name": "Liquid", "labels": ["white", "clear"]}
    assert grouped.json() == staff.get(f"{base}/label-groups").json() == page["groups"] == [group]
    assert staff.get(f"{base}/labels").json()[0]["group"] == "liquid"
    assert after_merge["labels"][0]["former_names"] == ["Milk", "Juice"]
    became = {row["code"]: row["became"] for row in staff.get(f"{base}/labels").json()}
    assert became["milk"] == became["wet"] == ["white", "clear"]
    assert became["apple"] == []
    assert used["milk"] == {"code": "milk", "images": 1, "audit_images": 0, "answers": 1, "gold": 0}
    assert (merged.status_code, split.status_code) == (200, 200)
    assert [row["code"] for row in merged.json()["labels"]] == ["wet"]
    assert merged.json()["images"] == 2
    assert split.json()["asked_again"] == 2
    assert (refused.status_code, refused.json()["code"]) == (409, "label_retired")
    assert project_selectors.current_scheme(project.pk).codes == (
        "white", "clear", "apple", "bread",
    )  # fmt: skip
