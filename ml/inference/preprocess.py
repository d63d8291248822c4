"""From encoded bytes to the backbone's input, with Pillow and NumPy."""

from __future__ import annotations

import functools
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from ml.errors import MlError
from ml.types import Preprocessing

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "HEIF")
# Pillow's word for "nearly indistinguishable": a box filter halves until three times the target
# is left, then bicubic. It only acts on pictures whose shorter side is six times the target.
REDUCING_GAP = 3.0


class PictureUnreadableError(MlError):
    """The bytes are no picture that can be decoded."""

    code = "picture_unreadable"
    status = 422


def open_rgb(stream: BinaryIO) -> Image.Image:
    """Decode a picture: upright by its EXIF orientation, RGB, transparency over white.

    The whole picture is decoded here (no lazy file handle leaves this function). Ingest has
    already bounded size and pixels of stored images; Pillow's own bomb limit holds for the rest.

    Raises:
        PictureUnreadableError: not a picture, truncated, or a decompression bomb.
    """
    try:
        with Image.open(stream, formats=_known_formats()) as encoded:
            return _as_rgb(ImageOps.exif_transpose(encoded))
    except (
        UnidentifiedImageError,
        OSError,
        SyntaxError,  # Pillow's PNG and TIFF readers raise it for broken chunks
        ValueError,
        Image.DecompressionBombError,
    ) as error:
        raise PictureUnreadableError(f"This picture cannot be read: {error}") from error


def to_input(
    picture: Image.Image, preprocessing: Preprocessing
) -> npt.NDArray[np.float32]:  # (3, c, c)
    """Give the backbone's input for one RGB picture.

    Resizing the shorter side to `resize_px` and cutting the centre `crop_px` square is done in one
    step: the centre square of side `shorter * crop_px / resize_px` is resampled straight to the
    crop (Pillow's kernel still sees the pixels around the box). It is the same map without the
    rounding of the intermediate size, and costs half as much.

    Args:
        picture: RGB, any size.
        preprocessing: the backbone's own.

    Returns:
        (3, c, c) float32, normalised by channel.
    """
    width, height = picture.size
    side = min(width, height) * preprocessing.crop_px / preprocessing.resize_px
    left, top = (width - side) / 2, (height - side) / 2
    square = picture.resize(
        (preprocessing.crop_px, preprocessing.crop_px),
        Image.Resampling.BICUBIC,
        box=(left, top, left + side, top + side),
        reducing_gap=REDUCING_GAP,
    )
    return normalise(np.asarray(square, dtype=np.uint8), preprocessing)


def normalise(
    pixels: npt.NDArray[np.uint8], preprocessing: Preprocessing
) -> npt.NDArray[np.float32]:
    """Scale (c, c, 3) bytes to `(x / 255 - mean) / std` in (3, c, c)."""
    std = np.asarray(preprocessing.std, dtype=np.float32)
    scale = (1 / (255 * std))[:, None, None]
    offset = (np.asarray(preprocessing.mean, dtype=np.float32) / std)[:, None, None]
    result = np.multiply(pixels.transpose(2, 0, 1), scale, dtype=np.float32, order="C")
    result -= offset
    return result


def _as_rgb(picture: Image.Image) -> Image.Image:
    """Convert any mode to RGB, decoded; what is see-through becomes white."""
    if picture.has_transparency_data:
        see_through = picture.convert("RGBA")
        white = Image.new("RGBA", see_through.size, "white")
        return Image.alpha_composite(white, see_through).convert("RGB")
    return picture.convert("RGB")


@functools.cache
def _known_formats() -> tuple[str, ...]:
    """Load Pillow's plug-ins once and give those of our formats that this build can open."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)
