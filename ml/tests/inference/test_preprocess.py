from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ml.inference.preprocess import PictureUnreadableError, normalise, open_rgb, to_input
from ml.tests.inference.tiny import PREPROCESSING
from ml.types import Preprocessing

LITE0 = Preprocessing(256, 224, (127 / 255,) * 3, (128 / 255,) * 3)


def encoded(picture: Image.Image, kind: str, **options: object) -> io.BytesIO:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    stream.seek(0)
    return stream


def photograph(width: int, height: int) -> Image.Image:
    """Draw smooth waves with some grain: what a camera gives, more or less."""
    y, x = np.mgrid[:height, :width]
    waves = [127 + 100 * np.sin(x / a + y / b) for a, b in ((17, 31), (41, 13), (9, 23))]
    grain = np.random.default_rng(0).normal(0, 8, (height, width, 3))
    return Image.fromarray((np.stack(waves, 2) + grain).clip(0, 255).astype(np.uint8))


def test_scales_each_channel_by_its_own_mean_and_deviation() -> None:
    red = Image.new("RGB", (30, 20), (255, 51, 0))

    pixels = to_input(red, PREPROCESSING)

    assert pixels.shape == (3, 8, 8)
    assert pixels.dtype == np.float32
    assert pixels.flags.c_contiguous
    assert np.allclose(pixels[0], (1.0 - 0.5) / 0.2)
    assert np.allclose(pixels[1], (0.2 - 0.4) / 0.25)
    assert np.allclose(pixels[2], (0.0 - 0.3) / 0.5)


def test_takes_the_centre_of_a_wide_picture() -> None:
    wide = Image.new("RGB", (300, 100), "black")
    wide.paste("white", (100, 0, 200, 100))

    assert np.allclose(to_input(wide, LITE0), (255 - 127) / 128)


@pytest.mark.parametrize("size", [(348, 348), (768, 512), (320, 256), (100, 150), (1920, 1536)])
def test_equals_resizing_and_then_cutting_where_the_sizes_come_out_whole(
    size: tuple[int, int],
) -> None:
    picture = photograph(*size)
    scale = 256 / min(size)
    resized = picture.resize(
        (round(size[0] * scale), round(size[1] * scale)), Image.Resampling.BICUBIC
    )
    left, top = round((resized.width - 224) / 2), round((resized.height - 224) / 2)
    cut = resized.crop((left, top, left + 224, top + 224))

    difference = to_input(picture, LITE0) - normalise(np.asarray(cut), LITE0)

    # Two grey levels of 256 at most, and only where the picture is first halved (1536 pixels).
    assert np.abs(difference).max() < 2.1 / 128


@settings(max_examples=40, deadline=None)
@given(width=st.integers(1, 90), height=st.integers(1, 90))
def test_any_size_gives_the_one_shape_within_the_range_of_bytes(width: int, height: int) -> None:
    pixels = to_input(photograph(width, height), LITE0)

    assert pixels.shape == (3, 224, 224)
    assert pixels.min() >= -127 / 128 - 1e-6
    assert pixels.max() <= 1 + 1e-6


def test_turns_a_phone_picture_upright() -> None:
    picture = Image.new("RGB", (20, 10), "black")
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by 90 degrees

    assert open_rgb(encoded(picture, "JPEG", exif=exif)).size == (10, 20)


def test_what_is_see_through_becomes_white() -> None:
    picture = Image.new("RGBA", (4, 4), (0, 0, 0, 0))

    assert open_rgb(encoded(picture, "PNG")).getpixel((1, 1)) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "I;16", "1", "LA"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    kind = "TIFF" if mode == "CMYK" else "PNG"

    assert open_rgb(encoded(Image.new(mode, (5, 4)), kind)).mode == "RGB"


@pytest.mark.parametrize("cut", [0, 10, 300])
def test_refuses_what_cannot_be_decoded(cut: int) -> None:
    whole = encoded(photograph(64, 64), "JPEG").getvalue()

    with pytest.raises(PictureUnreadableError):
        open_rgb(io.BytesIO(whole[:cut]))


def test_refuses_formats_nobody_photographs_in() -> None:
    with pytest.raises(PictureUnreadableError):
        open_rgb(encoded(Image.new("RGB", (4, 4)), "PPM"))


def test_refuses_a_decompression_bomb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)

    with pytest.raises(PictureUnreadableError, match="bomb"):
        open_rgb(encoded(Image.new("RGB", (40, 40)), "PNG"))
