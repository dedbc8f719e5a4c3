"""held-out.csv: which images a run held out for validation, so that they are found again in data that have changed.

There is one line per validation image, in the order in which the report numbers them: the digest of its pixels, the
name of its class, and the name of its file, if it has one of its own.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golmu.errors import RunError
from golmu.runs.folder import HELD_OUT
from golmu.system import read_file, write_file
from golmu.types import Images

COLUMNS = ["digest", "class", "file"]

DIGEST_BYTES = 8
"""Among ten million images, two that differ have one digest with a probability of three in a million."""

ROWS_AT_A_TIME = 1024
"""Images of floats that are converted at a time."""


@dataclass(frozen=True)
class HeldOut:
    """The images that a run held out, n of them."""

    digests: tuple[str, ...]
    classes: tuple[str, ...]
    files: tuple[str, ...]
    """Empty text where an image comes from no file of its own."""

    @classmethod
    def of(cls, images: Images, classes: Iterable[str], files: Sequence[str] | None) -> HeldOut:
        """The list of these images (n, h, w, c), with the class of each, and its file if there are files."""
        names = ("",) * len(images) if files is None else tuple(map(_as_written, files))
        return cls(tuple(digests(images)), tuple(map(_as_written, classes)), names)

    def __len__(self) -> int:
        return len(self.digests)

    def find(self, digests: Iterable[str], classes: Iterable[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Find the list's images among those of today, by the digest and the class of each.

        Returns
        -------
        (numbers, places), two arrays (m,): which of the list's images are found, ascending, and where each is. No
        place occurs twice.
        """
        places: defaultdict[tuple[str, str], deque[int]] = defaultdict(deque)
        for place, key in enumerate(zip(digests, map(_as_written, classes), strict=True)):
            places[key].append(place)
        pairs = [
            (number, places[key].popleft())
            for number, key in enumerate(zip(self.digests, self.classes, strict=True))
            if places[key]
        ]
        found = np.array(pairs, np.int64).reshape(-1, 2)
        return found[:, 0], found[:, 1]


def digests(images: Images) -> list[str]:
    """Return the digest of the pixels of each image (n, h, w, c); floats in [0, 1] are rounded to bytes first."""
    found = []
    for start in range(0, len(images), ROWS_AT_A_TIME):
        part = images[start : start + ROWS_AT_A_TIME]
        pixels = part if part.dtype == np.uint8 else np.rint(np.clip(part, 0, 1) * 255).astype(np.uint8)
        rows = np.ascontiguousarray(pixels).reshape(len(pixels), -1)
        found += [blake2b(row.data, digest_size=DIGEST_BYTES).hexdigest() for row in rows]
    return found


def count_copies(held_out: Images, training: Images) -> int:
    """Count the images held out (n, h, w, c) that have an identical copy among those of the training (m, h, w, c)."""
    held_sums, sums = _sums(held_out), _sums(training)
    trained = {hash(image.tobytes()) for image in training[np.isin(sums, held_sums)]}
    return sum(hash(image.tobytes()) in trained for image in held_out[np.isin(held_sums, sums)])


def _sums(images: Images) -> NDArray[Any]:
    """The sum of each image's pixels, (n,): quick, and copies have the same."""
    kind = np.uint32 if images.dtype == np.uint8 else np.float64
    sums: NDArray[Any] = images.reshape(len(images), -1).sum(axis=1, dtype=kind)
    return sums


def write_held_out(folder: Path, held_out: HeldOut) -> None:
    """Write held-out.csv.

    Raises
    ------
    SaveError
        If it cannot be written.
    """
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(COLUMNS)
    table.writerows(zip(held_out.digests, held_out.classes, held_out.files, strict=True))
    write_file(folder / HELD_OUT, text.getvalue(), "the list of validation images")


def read_held_out(folder: Path) -> HeldOut | None:
    """Read held-out.csv; None if there is none, as in runs of earlier versions.

    Raises
    ------
    RunError
        If it is damaged.
    """
    path = folder / HELD_OUT
    try:
        header, *rows = csv.reader(io.StringIO(read_file(path).decode("utf-8-sig"), newline=""), strict=True)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, csv.Error) as error:
        raise RunError(f"{path} is damaged: {error}") from error
    if header != COLUMNS or any(len(row) != len(COLUMNS) for row in rows) or not rows:
        raise RunError(f"{path} is damaged: it must have the columns {', '.join(COLUMNS)} and a line per image")
    return HeldOut(*(tuple(column) for column in zip(*rows, strict=True)))


def _as_written(text: str) -> str:
    """A name as the file holds it: what is no Unicode is an escape."""
    return text.encode(errors="backslashreplace").decode()
