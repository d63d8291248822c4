from __future__ import annotations

import base64
import io
import struct
import zlib
from datetime import UTC, datetime

import numpy as np
import pytest
from django.conf import LazySettings
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from labeling.services import pictures
from labeling.tests.factories import picture_bytes

# 48 x 32: left half red, right half blue; written by heif-enc from our own pixels.
HEIC = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAa1tZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAA"
    "AAAAAAAAAAAAAAAAAA5waXRtAAAAAAACAAAAEGlkYXQAAAAAADAAIAAAADhpbG9jAQAAAERAAAIAAQAAAAAA"
    "AAHRAAEAAAAAAAAAKAACAAEAAAAAAAAAAQAAAAAAAAAIAAAAOGlpbmYAAAAAAAIAAAAVaW5mZQIAAAEAAQAA"
    "aHZjMQAAAAAVaW5mZQIAAAAAAgAAZ3JpZAAAAADYaXBycAAAALZpcGNvAAAAdmh2Y0MBA3AAAAAAAAAAAAAe"
    "8AD8/fj4AAAPAyAAAQAYQAEMAf//A3AAAAMAkAAAAwAAAwAeugJAIQABACpCAQEDcAAAAwCQAAADAAADAB6g"
    "IIEFlurkprm4EBAwIAAAAwAgAAADACEiAAEABkQBwXPAiQAAABRpc3BlAAAAAAAAAEAAAABAAAAAFGlzcGUA"
    "AAAAAAAAMAAAACAAAAAQcGl4aQAAAAADCAgIAAAAGmlwbWEAAAAAAAAAAgABAoECAAICA4QAAAAaaXJlZgAA"
    "AAAAAAAOZGltZwACAAEAAQAAADBtZGF0AAAAJCgBrxmA94RJf+Qy/VRflwa+1+T2sar6GT1yTHvjvcxvgDDh"
    "gA=="
)
GPS_IFD, EXIF_IFD, ORIENTATION = 0x8825, 0x8769, 0x0112


def read(content: bytes) -> pictures.Picture:
    return pictures.read_picture(io.BytesIO(content))


def halves(size: tuple[int, int] = (80, 40)) -> Image.Image:
    """Left half red, right half blue."""
    picture = Image.new("RGB", size, (220, 20, 20))
    ImageDraw.Draw(picture).rectangle((size[0] // 2, 0, *size), fill=(20, 20, 220))
    return picture


def encoded(picture: Image.Image, kind: str, **save: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **save)
    return buffer.getvalue()


def with_exif(taken: str | None = None, offset: str | None = None, turn: int = 1) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = turn
    details = exif.get_ifd(EXIF_IFD)
    if taken is not None:
        details[0x9003] = taken
    if offset is not None:
        details[0x9011] = offset
    exif.get_ifd(GPS_IFD).update({1: "N", 2: (47.0, 22.0, 0.0), 3: "E", 4: (8.0, 32.0, 0.0)})
    exif[0x010F] = "SECRETCAMERA"
    return encoded(halves(), "JPEG", exif=exif, comment=b"SECRETCOMMENT")


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds no pixels."""
    body = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + body
    crc = struct.pack(">I", zlib.crc32(chunk))
    data = struct.pack(">I", 100_000) + b"IDAT" + bytes(10)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + crc + data


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_takes_every_format_on_the_list(kind: str) -> None:
    stored = read(encoded(halves(), kind))

    assert (stored.width, stored.height) == (80, 40)
    picture = Image.open(io.BytesIO(stored.jpeg))
    assert picture.format == "JPEG"
    red, _, blue = picture.convert("RGB").getpixel((10, 20))  # type: ignore[misc]
    assert red > 150 > blue


def test_takes_a_heic_photograph() -> None:
    stored = read(HEIC)

    assert (stored.width, stored.height) == (48, 32)
    red, _, blue = Image.open(io.BytesIO(stored.jpeg)).getpixel((5, 16))  # type: ignore[misc]
    assert red > 150 > blue


def test_turns_the_picture_as_exif_says() -> None:
    stored = read(with_exif(turn=6))  # 6: the camera was turned a quarter

    assert (stored.width, stored.height) == (40, 80)
    red, _, blue = Image.open(io.BytesIO(stored.jpeg)).getpixel((20, 10))  # type: ignore[misc]
    assert red > 150 > blue


def test_stores_no_place_no_camera_and_no_comment() -> None:
    upload = with_exif("2026:03:01 10:00:00")
    assert b"SECRETCAMERA" in upload
    assert b"SECRETCOMMENT" in upload

    stored = read(upload)

    for content in (stored.jpeg, stored.thumbnail):
        assert b"SECRET" not in content
        assert b"Exif" not in content
        assert not dict(Image.open(io.BytesIO(content)).getexif())


def test_what_hides_behind_the_picture_is_not_stored() -> None:
    polyglot = picture_bytes(1) + b"<html><script>alert(1)</script></html>"

    stored = read(polyglot)

    assert b"script" not in stored.jpeg
    assert b"script" not in stored.thumbnail


@pytest.mark.parametrize(
    ("taken", "offset", "expected"),
    [
        ("2026:03:01 10:30:00", "+02:00", datetime(2026, 3, 1, 8, 30, tzinfo=UTC)),
        ("2026:03:01 10:30:00", "-05:30", datetime(2026, 3, 1, 16, 0, tzinfo=UTC)),
        ("2026:03:01 10:30:00", None, datetime(2026, 3, 1, 10, 30, tzinfo=UTC)),
        ("2026:03:01 10:30:00", "rubbish", datetime(2026, 3, 1, 10, 30, tzinfo=UTC)),
        ("0000:00:00 00:00:00", None, None),
        ("    :  :     :  :  ", "+01:00", None),
        (None, None, None),
    ],
)
def test_reads_when_it_was_taken(
    taken: str | None, offset: str | None, expected: datetime | None
) -> None:
    assert read(with_exif(taken, offset)).captured_at == expected


def test_transparent_parts_become_white() -> None:
    stored = read(encoded(Image.new("RGBA", (40, 40), (0, 0, 0, 0)), "PNG"))

    assert min(Image.open(io.BytesIO(stored.jpeg)).getpixel((20, 20))) > 250  # type: ignore[arg-type]


def test_grey_of_sixteen_bits_keeps_its_brightness() -> None:
    grey = Image.fromarray(np.full((40, 40), 32768, dtype=np.uint16))

    stored = read(encoded(grey, "PNG"))

    red, _, _ = Image.open(io.BytesIO(stored.jpeg)).getpixel((20, 20))  # type: ignore[misc]
    assert abs(red - 128) < 4


@pytest.mark.parametrize("mode", ["L", "CMYK", "P", "1", "LA"])
def test_every_colour_mode_becomes_rgb(mode: str) -> None:
    kind = "JPEG" if mode == "CMYK" else "PNG"

    stored = read(encoded(halves().convert(mode), kind))

    assert Image.open(io.BytesIO(stored.jpeg)).mode == "RGB"


def test_bounds_the_longer_side_and_never_enlarges(settings: LazySettings) -> None:
    settings.STORED_IMAGE_PX = 256
    settings.THUMBNAIL_PX = 64

    large = read(encoded(halves((1000, 500)), "JPEG"))
    small = read(encoded(halves((30, 20)), "JPEG"))

    assert (large.width, large.height) == (256, 128)
    assert Image.open(io.BytesIO(large.thumbnail)).size == (64, 32)
    assert (small.width, small.height) == (30, 20)
    assert small.thumbnail is small.jpeg


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"hello", "wrong_type"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", "wrong_type"),
        (b"<html><img></html>", "wrong_type"),
        (b"GIF89a" + bytes(100), "wrong_type"),
        (b"\x89PNG\r\n\x1a\n", "truncated"),
        (png_header(30_000, 30_000), "too_many_pixels"),
        (png_header(12_000, 9_000), "too_many_pixels"),
        (png_header(8_000, 5_001), "too_many_pixels"),
        (png_header(800, 500), "truncated"),
        (picture_bytes(3, (400, 300))[:-900], "truncated"),
        (picture_bytes(3, (400, 300), "PNG")[:-900], "truncated"),
        (picture_bytes(3, (400, 300), "WEBP")[:-500], "truncated"),
        (HEIC[:-60], "truncated"),
    ],
)
def test_refuses_with_the_reason(content: bytes, code: str) -> None:
    with pytest.raises(pictures.ImageRefusedError) as refused:
        read(content)

    assert refused.value.code == code


def test_a_large_progressive_photograph_is_refused_before_it_is_decoded(
    settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MAX_IMAGE_PIXELS = 40_000
    upload = encoded(halves((300, 200)), "JPEG", progressive=True)
    monkeypatch.setattr("PIL.JpegImagePlugin.JpegImageFile.load", lambda _: pytest.fail("decoded"))
    monkeypatch.setattr(
        "PIL.JpegImagePlugin.JpegImageFile.draft", lambda *_: pytest.fail("drafted")
    )

    with pytest.raises(pictures.TooManyPixelsError):
        read(upload)


def test_a_file_over_the_limit_is_not_read_to_its_end() -> None:
    stream = io.BytesIO(bytes(10_000))

    with pytest.raises(pictures.FileTooLargeError):
        pictures.read_picture(stream, max_bytes=1000)

    assert stream.tell() == 1001


def test_a_file_of_several_blocks_is_read_whole_up_to_the_limit() -> None:
    content = bytes(range(256)) * 4000

    assert pictures.read_bytes(io.BytesIO(content), max_bytes=len(content)) == content
    with pytest.raises(pictures.FileTooLargeError):
        pictures.read_bytes(io.BytesIO(content), max_bytes=len(content) - 1)


def test_predict_sees_what_ingest_stores() -> None:
    upload = encoded(halves((1500, 700)), "WEBP")

    stored = Image.open(io.BytesIO(read(upload).jpeg)).convert("RGB")

    seen = pictures.as_stored(io.BytesIO(upload))
    assert np.array_equal(np.asarray(seen), np.asarray(stored))


def test_the_difference_hash_is_what_we_compute_by_hand() -> None:
    # Brighter towards the right in every row but the last: seven rows of ones, one of zeros.
    grey = np.tile(np.arange(9, dtype=np.uint8) * 20, (8, 1))
    grey[7] = grey[7, ::-1]

    value = pictures.difference_hash(Image.fromarray(grey))

    assert value == -256  # 0xFFFFFFFFFFFFFF00 as a signed number


def test_the_hash_outlives_scaling_and_tells_pictures_apart() -> None:
    picture = Image.open(io.BytesIO(picture_bytes(5, (320, 240))))
    other = Image.open(io.BytesIO(picture_bytes(6, (320, 240))))

    def distance(a: Image.Image, b: Image.Image) -> int:
        mask = (1 << 64) - 1
        return ((pictures.difference_hash(a) ^ pictures.difference_hash(b)) & mask).bit_count()

    assert distance(picture, picture.resize((160, 120))) <= 4
    assert distance(picture, other) > 10


def test_one_minute_of_one_source_and_person_is_one_session() -> None:
    at = datetime(2026, 3, 1, 10, 30, 1, tzinfo=UTC)

    def session(source: str = "shop", uploader: str = "1", second: int = 1) -> str:
        return pictures.capture_session(
            source=source, uploader=uploader, captured_at=at.replace(second=second)
        )

    assert session() == session(second=59)
    assert len({session(), session(source="home"), session(uploader="2")}) == 3
    assert pictures.capture_session(source="shop", uploader="1", captured_at=None) == ""


@given(st.binary(max_size=400))
def test_no_bytes_whatever_raise_anything_but_a_refusal(content: bytes) -> None:
    with pytest.raises(pictures.ImageRefusedError):
        read(content)


@given(position=st.integers(0, 1500), value=st.integers(0, 255))
def test_a_damaged_photograph_is_read_or_refused(position: int, value: int) -> None:
    content = bytearray(picture_bytes(7, (64, 48)))
    content[position % len(content)] = value

    try:
        stored = read(bytes(content))
    except pictures.ImageRefusedError:
        return
    assert stored.jpeg.startswith(b"\xff\xd8")
