"""A small set of drawn pictures, for a demo without a network and for tests.

Eight kinds of food, each a plain shape of its own colour, drawn with changing size, place, turn,
light, background and clutter. The same seed draws the same pictures.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIZE = 256
Colour = tuple[int, int, int]
Painter = Callable[[ImageDraw.ImageDraw, float, Colour], None]
C = SIZE / 2


def _circle(draw: ImageDraw.ImageDraw, radius: float, colour: Colour) -> None:
    draw.ellipse((C - radius, C - radius, C + radius, C + radius), fill=colour)


def _apple(draw: ImageDraw.ImageDraw, radius: float, colour: Colour) -> None:
    _circle(draw, radius, colour)
    draw.line((C, C - radius * 0.8, C + radius * 0.2, C - radius * 1.4), (90, 60, 30), 6)
    draw.ellipse((C, C - radius * 1.4, C + radius * 0.7, C - radius), fill=(60, 140, 50))


def _orange(draw: ImageDraw.ImageDraw, radius: float, colour: Colour) -> None:
    _circle(draw, radius, colour)
    dark = (200, 110, 20)
    for step in range(14):
        angle, distance = step * 2.4, radius * 0.85 * math.sqrt(step / 14)
        x, y = C + distance * math.cos(angle), C + distance * math.sin(angle)
        draw.ellipse((x - 2, y - 2, x + 2, y + 2), fill=dark)


def _banana(draw: ImageDraw.ImageDraw, radius: float, colour: Colour) -> None:
    box = (C - radius * 1.3, C - radius * 1.6, C + radius * 1.3, C + radius)
    draw.arc(box, 20, 160, fill=colour, width=int(radius * 0.55))


def _carrot(draw: ImageDraw.ImageDraw, radius: float, colour: Colour) -> None:
    points = [(C - radius * 0.5, C - radius), (C + radius * 0.5, C - radius), (C, C + radius * 1.4)]
    draw.polygon(points, fill=colour)
    for shift in (-0.4, 0.0, 0.4):
        end = (C + radius * shift * 1.6, C - radius * 1.6)
        draw.line((C, C - radius, *end), (50, 130, 40), 8)


def _tomato(draw: ImageDraw.ImageDraw, radius: float, colour: Colour) -> None:
    draw.ellipse(
        (C - radius * 1.2, C - radius * 0.9, C + radius * 1.2, C + radius * 0.9), fill=colour
    )
    for step in range(5):
        angle = step * math.tau / 5
        tip = (
            C + radius * 0.6 * math.cos(angle),
            C - radius * 0.3 + radius * 0.3 * math.sin(angle),
        )
        draw.line((C, C - radius * 0.3, *tip), (40, 110, 40), 7)


def _milk(draw: ImageDraw.ImageDraw, radius: float, colour: Colour) -> None:
    left, right = C - radius * 0.7, C + radius * 0.7
    draw.rectangle((left, C - radius * 0.7, right, C + radius * 1.4), fill=colour)
    draw.polygon(
        [(left, C - radius * 0.7), (right, C - radius * 0.7), (C, C - radius * 1.4)], colour
    )
    draw.rectangle((left, C, right, C + radius * 0.5), fill=(40, 90, 190))


def _bottle(draw: ImageDraw.ImageDraw, radius: float, colour: Colour) -> None:
    draw.rounded_rectangle(
        (C - radius * 0.5, C - radius * 0.5, C + radius * 0.5, C + radius * 1.5), 12, fill=colour
    )
    neck = (C - radius * 0.2, C - radius * 1.4, C + radius * 0.2, C - radius * 0.4)
    draw.rectangle(neck, fill=colour)


def _cheese(draw: ImageDraw.ImageDraw, radius: float, colour: Colour) -> None:
    points = [
        (C - radius * 1.3, C + radius * 0.7),
        (C + radius * 1.3, C + radius * 0.7),
        (C + radius * 1.3, C - radius * 0.3),
    ]
    draw.polygon(points, fill=colour)
    for x, y, size in ((0.7, 0.35, 0.16), (0.1, 0.45, 0.12), (1.05, 0.1, 0.1)):
        spot = (C + radius * (x - size), C + radius * (y - size))
        draw.ellipse(
            (*spot, spot[0] + 2 * radius * size, spot[1] + 2 * radius * size), (190, 140, 30)
        )


KINDS: dict[str, tuple[Painter, Colour]] = {
    "Apple": (_apple, (190, 40, 45)),
    "Banana": (_banana, (240, 210, 60)),
    "Carrot": (_carrot, (235, 125, 30)),
    "Cheese": (_cheese, (245, 200, 80)),
    "Green bottle": (_bottle, (40, 120, 70)),
    "Milk": (_milk, (240, 240, 235)),
    "Orange": (_orange, (245, 150, 35)),
    "Tomato": (_tomato, (215, 50, 35)),
}


def draw(kind: str, rng: np.random.Generator) -> Image.Image:
    """Draw one picture of a kind, SIZE by SIZE, RGB."""
    painter, colour = KINDS[kind]
    canvas = _background(rng)
    layer = Image.new("RGBA", (SIZE, SIZE))
    shade = tuple(int(np.clip(part + rng.normal(0, 12), 0, 255)) for part in colour)
    painter(ImageDraw.Draw(layer), float(rng.uniform(38, 62)), (shade[0], shade[1], shade[2]))
    layer = layer.rotate(float(rng.normal(0, 25)), resample=Image.Resampling.BICUBIC)
    place = (int(rng.normal(0, 22)), int(rng.normal(0, 18)))
    canvas.paste(layer, place, layer)
    canvas = canvas.filter(ImageFilter.GaussianBlur(float(rng.uniform(0, 1.2))))
    pixels = np.asarray(canvas, np.float32) * rng.uniform(0.7, 1.15)
    pixels += rng.normal(0, 6, pixels.shape)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _background(rng: np.random.Generator) -> Image.Image:
    corners = rng.integers(60, 225, size=(2, 2, 3)).astype(np.uint8)
    canvas = Image.fromarray(corners).resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(canvas)
    for _ in range(int(rng.integers(2, 7))):
        x, y = rng.integers(0, SIZE, 2)
        width, height = rng.integers(10, 70, 2)
        fill = tuple(int(part) for part in rng.integers(60, 225, 3))
        pen.rectangle((int(x), int(y), int(x + width), int(y + height)), fill=fill)
    return canvas


def write(folder: Path, *, per_kind: int = 30, seed: int = 7) -> None:
    """Draw the set into `folder`, with a labels.csv as the photographs have one."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    rows = []
    for kind in KINDS:
        name = kind.lower().replace(" ", "-")
        for number in range(per_kind):
            path = Path(name) / f"{name}-{number:03}.jpg"
            (folder / name).mkdir(exist_ok=True)
            draw(kind, rng).save(folder / path, quality=88)
            rows.append((path.as_posix(), kind, kind, "train"))
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "fine_label", "coarse_label", "split"))
        writer.writerows(rows)
