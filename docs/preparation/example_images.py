"""Image files for the pages that need some: drawn shapes, and scikit-learn's digits as PNG files.

The cells of a page find this module because docs/build.py names its folder in PYTHONPATH.
"""

import math
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from sklearn.datasets import load_digits

SHAPES = {"circle": 0, "square": 4, "triangle": 3}
"""The classes, with the number of their corners."""


def draw_shape(corners: int, rng: np.random.Generator, *, is_grey: bool = False) -> Image.Image:
    """Return a light shape on a dark ground, of a random size and near the centre, as a small photograph has it."""
    side = int(rng.integers(40, 80))
    levels = [rng.integers(0, 70, 3), rng.integers(150, 256, 3)]
    ground, ink = [tuple([int(one[0])] * 3 if is_grey else one.tolist()) for one in levels]
    image = Image.new("RGB", (side, side), ground)
    centre, radius = side / 2 + rng.uniform(-0.06, 0.06, 2) * side, side * rng.uniform(0.28, 0.4)
    pencil = ImageDraw.Draw(image)
    if corners == 0:
        pencil.ellipse([*(centre - radius), *(centre + radius)], fill=ink)
    else:
        turn = rng.uniform(-0.2, 0.2) + (math.pi / 4 if corners == 4 else -math.pi / 2)
        angles = turn + np.arange(corners) * 2 * math.pi / corners
        points = np.stack([np.cos(angles), np.sin(angles)], axis=1) * radius + centre
        pencil.polygon([tuple(point) for point in points.tolist()], fill=ink)
    noisy = np.asarray(image) + rng.normal(0, 6, (side, side, 1))
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).convert("L" if is_grey else "RGB")


def write_shapes(folder: str | Path, numbers: dict[str, int], *, seed: int = 0, is_grey: bool = False) -> None:
    """Write so many images of each shape into a folder per class: `{"circle": 60}` makes circle/01.png to 60.png."""
    rng = np.random.default_rng(seed)
    for name, number in numbers.items():
        place = Path(folder, name)
        place.mkdir(parents=True, exist_ok=True)
        for i in range(1, number + 1):
            draw_shape(SHAPES[name], rng, is_grey=is_grey).save(place / f"{i:02}.png")


def write_digits(folder: str | Path, number: int | None = None) -> None:
    """Write the first digits of scikit-learn's, or all of them, into one folder per class, as images of 8×8 pixels."""
    digits = load_digits()
    for i, (image, label) in enumerate(zip(digits.images[:number], digits.target[:number], strict=True)):
        place = Path(folder, str(label))
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray((image * 255 / 16).astype(np.uint8)).save(place / f"{i:04}.png")
