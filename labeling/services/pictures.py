"""Picture work without the database: check, decode, turn, strip, bound, hash and encode.

No uploaded byte is ever stored or served: every picture is decoded and encoded anew, which
drops EXIF (where it was taken), colour profiles, comments and whatever hid behind the picture.
"""

from __future__ import annotations

import hashlib
import io
import uuid
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import BinaryIO

import numpy as np
import pi_heif
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from labeling.errors import LabelingError
from labeling.services import core_time

pi_heif.register_heif_opener()
# Beyond its own limit Pillow only warns; a warning in a log stops no bomb.
warnings.simplefilter("error", Image.DecompressionBombWarning)

FORMATS = ("JPEG", "PNG", "WEBP", "HEIF", "AVIF")
# How files of these formats begin; one that does and cannot be read is damaged.
STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF")
HEIF_STARTS = (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypavif")
BLOCK_BYTES = 256 * 1024
JPEG_QUALITY = 90
THUMBNAIL_QUALITY = 80
# A picture hardly larger than a thumbnail is its own: no second encoding, no second file.
THUMBNAIL_SLACK = 1.25
EXIF_TIME = "%Y:%m:%d %H:%M:%S"
# What decoders raise on a damaged file: Pillow's plug-ins promise no common class.
DECODER_FAULTS = (OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError, KeyError)


class ImageRefusedError(LabelingError):
    """A file that cannot become an image of a project."""

    code = "refused"


class EmptyFileError(ImageRefusedError):
    """Nothing in it."""

    code = "empty"


class FileTooLargeError(ImageRefusedError):
    """More bytes than `LARDER_MAX_UPLOAD_MB` allows."""

    code = "too_large"
    status = 413


class TooManyPixelsError(ImageRefusedError):
    """More pixels than `LARDER_MAX_MEGAPIXELS` allows: decoding it could fill the memory."""

    code = "too_many_pixels"
    status = 413


class WrongTypeError(ImageRefusedError):
    """Not a picture, or of a format that is not on the list (SVG can carry scripts)."""

    code = "wrong_type"
    status = 415


class TruncatedFileError(ImageRefusedError):
    """Begins like a picture and cannot be decoded to its end."""

    code = "truncated"


@dataclass(frozen=True, slots=True)
class Picture:
    """What ingest keeps of an upload."""

    sha256: str  # of the uploaded bytes
    jpeg: bytes
    thumbnail: bytes
    width: int
    height: int
    captured_at: datetime | None
    perceptual_hash: int  # signed 64 bits


def read_bytes(stream: BinaryIO, *, max_bytes: int | None = None) -> bytes:
    """Read an upload, never more than one byte beyond the limit.

    Raises:
        EmptyFileError: nothing to read.
        FileTooLargeError: more than `max_bytes`, `settings.MAX_UPLOAD_BYTES` by default.
    """
    limit = max_bytes or settings.MAX_UPLOAD_BYTES
    blocks: list[bytes] = []
    size = 0
    # Not all that is allowed at once: Python would set aside 25 MB for each small file.
    while block := stream.read(min(BLOCK_BYTES, limit + 1 - size)):
        blocks.append(block)
        size += len(block)
    if not blocks:
        raise EmptyFileError("The file is empty.")
    if size > limit:
        raise FileTooLargeError(
            f"The file is larger than {limit / 1024**2:.0f} MB; make it smaller first."
        )
    return b"".join(blocks)


def read_picture(
    stream: BinaryIO, *, max_bytes: int | None = None, max_pixels: int | None = None
) -> Picture:
    """Read an upload into what is stored of it.

    Raises:
        ImageRefusedError: empty, too large, of a wrong type, with too many pixels, or damaged.
    """
    return picture_of(read_bytes(stream, max_bytes=max_bytes), max_pixels=max_pixels)


def picture_of(content: bytes, *, max_pixels: int | None = None) -> Picture:
    """Make of uploaded bytes what is stored of them; raises as `read_picture`."""
    with core_time.stage(core_time.DECODE):
        picture, captured_at = decode(content, max_pixels=max_pixels)
    with core_time.stage(core_time.ENCODE):
        jpeg, thumbnail = encode_both(picture)
    return Picture(
        sha256=sha256_of(content),
        jpeg=jpeg,
        thumbnail=thumbnail,
        width=picture.width,
        height=picture.height,
        captured_at=captured_at,
        perceptual_hash=difference_hash(picture),
    )


def encode_both(picture: Image.Image) -> tuple[bytes, bytes]:
    """Encode a picture and its thumbnail: the same bytes where it is hardly larger than one."""
    jpeg = encode(picture, JPEG_QUALITY)
    if max(picture.size) <= THUMBNAIL_SLACK * settings.THUMBNAIL_PX:
        return jpeg, jpeg
    return jpeg, encode(_thumbnail(picture), THUMBNAIL_QUALITY)


def sha256_of(content: bytes) -> str:
    """Give the hexadecimal SHA-256 by which the same upload is recognised."""
    return hashlib.sha256(content).hexdigest()


def as_stored(stream: BinaryIO) -> Image.Image:
    """Give an upload as it would look after ingest, so that predict sees what training saw.

    Raises:
        ImageRefusedError: as `read_picture`.
    """
    picture, _ = decode(read_bytes(stream))
    with Image.open(io.BytesIO(encode(picture, JPEG_QUALITY)), formats=("JPEG",)) as stored:
        stored.load()
        return stored


def open_stored(storage_key: str) -> Image.Image:
    """Decode a stored picture: RGB, fully loaded."""
    with default_storage.open(storage_key, "rb") as file:
        content = io.BytesIO(file.read())
    with (
        core_time.stage(core_time.STORED_DECODE),
        Image.open(content, formats=("JPEG",)) as stored,
    ):
        return stored.convert("RGB")


def decode(content: bytes, *, max_pixels: int | None = None) -> tuple[Image.Image, datetime | None]:
    """Decode bytes to an upright RGB picture of at most `STORED_IMAGE_PX` a side.

    The number of pixels is checked before anything is decoded: `draft` changes what
    `size` says, and a progressive JPEG is held in memory whole whatever its draft.

    Returns:
        The picture, and when it was taken if EXIF says so (UTC; with no offset in it, the
        camera's clock read as UTC, which is good enough to tell sessions apart).
    """
    bound = settings.STORED_IMAGE_PX
    try:
        with _opened(content) as opened:
            _check_pixels(opened, max_pixels or settings.MAX_IMAGE_PIXELS)
            captured_at = _captured_at(opened.getexif())
            opened.draft("RGB", (bound, bound))
            opened.load()
            picture = _as_rgb(ImageOps.exif_transpose(opened))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many(max_pixels or settings.MAX_IMAGE_PIXELS) from None
    except DECODER_FAULTS as fault:
        raise TruncatedFileError(
            f"The file is damaged or incomplete ({type(fault).__name__}); send it again."
        ) from None
    return _bounded(picture, bound, Image.Resampling.LANCZOS), captured_at


def encode(picture: Image.Image, quality: int) -> bytes:
    """Encode as JPEG with nothing but the pixels: no EXIF, no profile, no comment."""
    buffer = io.BytesIO()
    # Pillow would carry the source's comment and profile over from `info`.
    picture.info.clear()
    picture.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def difference_hash(picture: Image.Image) -> int:
    """Give the 64-bit difference hash: one bit for each of 8 x 8 left-right brightness steps.

    Returns:
        A signed 64-bit number, as a BIGINT column holds it.

    Source: N. Krawetz 2013, "Kind of Like That" (dHash).
    """
    small = picture.convert("L").resize((9, 8), Image.Resampling.BOX)
    grey = np.asarray(small, dtype=np.int16)  # (8, 9)
    bits = (grey[:, 1:] > grey[:, :-1]).ravel()
    return int(np.packbits(bits).view(">i8")[0])


def store(content: bytes, kind: str = "images") -> str:
    """Store JPEG bytes under a random key that tells nothing about where they came from."""
    name = uuid.uuid4().hex
    return default_storage.save(f"{kind}/{name[:2]}/{name}.jpg", ContentFile(content))


def store_picture(picture: Picture) -> tuple[str, str]:
    """Store a picture and its thumbnail; gives both keys, the same one where they are one."""
    key = store(picture.jpeg)
    return key, key if picture.thumbnail is picture.jpeg else store(picture.thumbnail)


def store_example(upload: BinaryIO) -> str:
    """Store a guide's example picture, bounded like a thumbnail; gives its key."""
    picture, _ = decode(read_bytes(upload))
    return store(encode(_thumbnail(picture), JPEG_QUALITY), "examples")


def discard(*storage_keys: str) -> None:
    """Delete stored files."""
    for key in set(storage_keys):
        default_storage.delete(key)


def capture_session(*, source: str, uploader: str, captured_at: datetime | None) -> str:
    """Name the capture session of an image, or give "" where EXIF has no time.

    Rule: images of one source and one uploader whose EXIF times fall into the same minute
    were taken in one go. A fixed minute (not a gap between neighbours) keeps the answer the
    same in whatever order and in however many batches the images arrive; who photographs
    across the minute's edge is caught by hash and cosine.
    """
    if captured_at is None:
        return ""
    minute = captured_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M")
    return hashlib.sha256(f"{source}\n{uploader}\n{minute}".encode()).hexdigest()


def _opened(content: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(content), formats=FORMATS)
    except UnidentifiedImageError:
        if content.startswith(STARTS) or content[4:12] in HEIF_STARTS:
            raise TruncatedFileError("The picture is damaged; send it again.") from None
        raise WrongTypeError(
            "Not a picture that can be read; JPEG, PNG, WebP, HEIC and AVIF are taken."
        ) from None


def _check_pixels(opened: Image.Image, limit: int) -> None:
    if opened.width * opened.height > limit:
        raise _too_many(limit)


def _too_many(limit: int) -> TooManyPixelsError:
    return TooManyPixelsError(
        f"The picture has more than {limit / 1e6:.0f} megapixels; make it smaller first."
    )


def _as_rgb(picture: Image.Image) -> Image.Image:
    if picture.mode == "RGB":
        return picture
    if "A" in picture.getbands() or "transparency" in picture.info:
        layered = picture.convert("RGBA")
        white = Image.new("RGBA", layered.size, "white")
        return Image.alpha_composite(white, layered).convert("RGB")
    if picture.mode.startswith("I;16"):
        # Pillow cuts 16-bit grey off at 255; scale it instead.
        grey = np.asarray(picture, dtype=np.float32) / 257.0
        return Image.fromarray(grey.round().astype(np.uint8)).convert("RGB")
    return picture.convert("RGB")


def _thumbnail(picture: Image.Image) -> Image.Image:
    return _bounded(picture, settings.THUMBNAIL_PX, Image.Resampling.BICUBIC)


def _bounded(picture: Image.Image, side: int, resample: Image.Resampling) -> Image.Image:
    """Make the longer side at most `side`, keeping the proportions; never enlarge."""
    longest = max(picture.size)
    if longest <= side:
        return picture
    width, height = (max(1, round(length * side / longest)) for length in picture.size)
    return picture.resize((width, height), resample, reducing_gap=2.0)


def _captured_at(exif: Image.Exif) -> datetime | None:
    details = exif.get_ifd(ExifTags.IFD.Exif)
    raw = details.get(ExifTags.Base.DateTimeOriginal)
    if not isinstance(raw, str):
        return None
    try:
        taken = datetime.strptime(raw.strip("\0 "), EXIF_TIME).replace(tzinfo=UTC)
        return taken - _offset(details.get(ExifTags.Base.OffsetTimeOriginal))
    except (ValueError, OverflowError):
        return None  # cameras without a clock write zeros or spaces


def _offset(raw: object) -> timedelta:
    """Read `+02:00`; what is missing or strange counts as none."""
    text = raw.strip("\0 ") if isinstance(raw, str) else ""
    if len(text) != len("+00:00") or text[0] not in "+-" or text[3] != ":":
        return timedelta(0)
    if not (text[1:3] + text[4:]).isdigit():
        return timedelta(0)
    size = timedelta(hours=int(text[1:3]), minutes=int(text[4:]))
    return -size if text[0] == "-" else size
