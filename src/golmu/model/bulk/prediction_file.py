"""A file of predictions, .csv or .parquet: written part by part beside it, and put together at the end.

A process that was killed goes on with the part in which it stood.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from golmu.data.reading import Progress
from golmu.errors import DataError, InputError, RunError, SaveError
from golmu.metrics import softmax
from golmu.model.bulk.image_sources import ImageSource
from golmu.model.predictor import Predictor
from golmu.system import lock_file, read_file, write_atomically, write_file

SUFFIXES = (".csv", ".parquet")

IMAGES_PER_PART = 65_536
"""Images whose predictions are written at a time: as many may have to be predicted again after a kill."""

COLUMNS = ("image", "label", "probability")
"""The first columns: what the image is called, the most probable class, and its probability."""

MAX_BAD_NAMED = 3
"""Images that cannot be read that are named, at most."""


class Written(NamedTuple):
    """What came of predicting many images."""

    images: int
    """Rows of the file."""
    bad: int
    """Images that could not be read, and have no row."""
    reasons: list[str]
    """Why, for the first of them."""


class _Rows(NamedTuple):
    """Predictions for some images."""

    names: list[str]
    probabilities: NDArray[np.float32]
    """(n, C)"""


def write_predictions(
    predictor: Predictor, open_source: Callable[[Path], ImageSource], output: Path, *, share: tuple[int, int] = (1, 1),
    with_probabilities: bool = False, skip_bad: bool = False, progress: Progress | None = None,
) -> Written:  # fmt: skip
    """Predict many images, and write a file with a row for each, in their order.

    Parameters
    ----------
    predictor
        The network.
    open_source
        Opens the images, given a folder for what does not fit into memory.
    output
        A .csv or .parquet file, which is made or replaced at the end; a link is followed.
    share
        (i, n): predict the i-th of n equal parts of the images, counted from 1, as the jobs of a cluster do.
    with_probabilities
        Whether there is a column for the probability of each class, after the first three.
    skip_bad
        Whether images that cannot be read are left out, rather than refused.
    progress
        Called with the number of images that are done, and of all.

    Raises
    ------
    DataError
        If an image cannot be read.
    RunError
        If another process writes this file.
    SaveError
        If the file cannot be written.
    """
    output = Path(os.path.realpath(output))  # a link is followed
    folder = output.with_name(f".{output.name}.parts")
    try:
        folder.mkdir(exist_ok=True)
        with lock_file(folder / ".lock"):
            try:
                source = open_source(folder)
                first, last = (len(source) * part // share[1] for part in (share[0] - 1, share[0]))
                classes = [f"probability of {name}" for name in predictor.class_names] if with_probabilities else []
                work = _Work(predictor, source, folder, output.suffix, (*COLUMNS, *classes), skip_bad=skip_bad)
                work.forget_others(first, last)
                for start in range(first, last, IMAGES_PER_PART):
                    work.write(start, min(start + IMAGES_PER_PART, last), first, last, progress)
                return work.join(output)
            finally:
                if not any(folder.glob("part-*")):  # there is nothing to go on with
                    shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError as error:
        raise RunError(f"another process writes {output}: wait for it, or give another file") from error
    except OSError as error:
        raise SaveError(f"the predictions cannot be written to {output}: {error.strerror or error}") from error


def check_prediction_file(output: Path) -> None:
    """Raise unless predictions can be written to this file.

    Raises
    ------
    InputError
        If its name ends in something else than .csv or .parquet, or pyarrow is needed and not installed.
    SaveError
        If its folder does not exist, or it is a folder itself.
    """
    if output.suffix.lower() not in SUFFIXES:
        raise InputError(f"--output must name a .csv or a .parquet file, got {output}")
    if not output.parent.is_dir() or output.is_dir():
        what = "is a folder" if output.is_dir() else f"cannot be made: there is no folder {output.parent}"
        raise SaveError(f"{output} {what}")
    if output.suffix.lower() == ".parquet":
        try:
            import pyarrow.parquet  # noqa: F401, PLC0415  an extra
        except ImportError as error:
            raise InputError(
                "a .parquet file needs pyarrow, which is not installed: run pip install 'golmu[tables]', or write a "
                ".csv file"
            ) from error


class _Work:
    """Writes the parts of one file of predictions."""

    def __init__(
        self, predictor: Predictor, source: ImageSource, folder: Path, suffix: str, names: tuple[str, ...], *,
        skip_bad: bool,
    ) -> None:  # fmt: skip
        self._predictor, self._source, self._folder = predictor, source, folder
        self._suffix, self._names, self._skip_bad = suffix.lower(), names, skip_bad
        self._files: list[Path] = []
        self._written = Written(0, 0, [])

    def forget_others(self, first: int, last: int) -> None:
        """Remove the parts of a file with other images, another network or other columns."""
        digest = hashlib.sha256(self._source.digest.encode())
        for name, weight in sorted(self._predictor.model.weights.items()):
            digest.update(name.encode() + np.ascontiguousarray(weight).tobytes())
        said = [self._predictor.class_names, self._names, first, last, self._skip_bad, IMAGES_PER_PART]
        digest.update(json.dumps(said).encode())
        about = self._folder / "about"
        with suppress(OSError):
            if read_file(about).decode(errors="replace") == digest.hexdigest():
                return
        for path in self._folder.glob("part-*"):
            path.unlink()
        write_file(about, digest.hexdigest(), "the parts of the predictions")

    def write(self, start: int, stop: int, first: int, last: int, progress: Progress | None) -> None:
        """Predict the images of one part, unless an earlier process has done it."""
        path = self._folder / f"part-{start:012}{self._suffix}"
        note = path.with_name(f"{path.name}.json")
        self._files.append(path)
        with suppress(OSError, ValueError, TypeError):
            n, bad, reasons = json.loads(read_file(note))
            path.stat()  # raises if the part is gone
            self._written = Written(*self._sum(n, bad, reasons))
            if progress is not None:
                progress(stop - first, last - first)
            return
        names: list[str] = []
        probabilities, bad_ones = [], []
        done = start - first
        for batch in self._source.read(start, stop):
            if batch.bad and not self._skip_bad:
                raise DataError(
                    f"{batch.bad[0]}; fix or remove it, or leave out such images with --skip-bad: what is predicted "
                    "already is kept"
                )
            names += batch.names
            bad_ones += batch.bad
            if len(batch.images):
                probabilities.append(softmax(self._predictor.engine.logits(batch.images)))
            done += len(batch.names) + len(batch.bad)
            if progress is not None:
                progress(done, last - first)
        shape = (0, len(self._predictor.class_names))
        rows = _Rows(names, np.concatenate(probabilities) if probabilities else np.empty(shape, np.float32))
        reasons = list(map(str, bad_ones[:MAX_BAD_NAMED]))
        write_atomically(path, self._content(rows))
        write_file(note, json.dumps([len(names), len(bad_ones), reasons]), "the parts of the predictions")
        self._written = Written(*self._sum(len(names), len(bad_ones), reasons))

    def join(self, output: Path) -> Written:
        """Put the parts together, remove them, and return what was written.

        Raises
        ------
        DataError
            If no image could be read.
        """
        if not self._written.images:
            reasons = "; ".join(self._written.reasons)
            raise DataError(f"no image can be read: {reasons}" if reasons else "there is no image to predict")
        draft = self._folder / "whole"
        (_join_parquet if self._suffix == ".parquet" else self._join_csv)(self._files, draft)
        draft.replace(output)
        shutil.rmtree(self._folder, ignore_errors=True)
        return self._written

    def _sum(self, n: int, bad: int, reasons: list[str]) -> tuple[int, int, list[str]]:
        before = self._written
        return before.images + n, before.bad + bad, [*before.reasons, *reasons][:MAX_BAD_NAMED]

    def _content(self, rows: _Rows) -> bytes:
        """Return a part of the file, without the names of the columns where it is CSV."""
        chosen, most = rows.probabilities.argmax(axis=1), rows.probabilities.max(axis=1)
        labels = np.array(self._predictor.class_names, object)[chosen].tolist()
        names = [one if one.isascii() else one.encode("utf-8", "backslashreplace").decode() for one in rows.names]
        columns = list(rows.probabilities.T) if len(self._names) > len(COLUMNS) else []
        if self._suffix == ".parquet":
            return _parquet(self._names, [names, labels, most, *columns])
        text = io.StringIO()
        numbers = (map("{:.6f}".format, column.tolist()) for column in (most, *columns))
        csv.writer(text, lineterminator="\n").writerows(zip(names, labels, *numbers, strict=True))
        return text.getvalue().encode()

    def _join_csv(self, parts: list[Path], draft: Path) -> None:
        with draft.open("wb") as file:
            head = io.StringIO()
            csv.writer(head, lineterminator="\n").writerow(self._names)
            file.write(head.getvalue().encode())
            for path in parts:
                with path.open("rb") as part:
                    shutil.copyfileobj(part, file)
            file.flush()
            os.fsync(file.fileno())


def _parquet(names: tuple[str, ...], columns: list[Any]) -> bytes:
    import pyarrow  # noqa: PLC0415  an extra
    import pyarrow.parquet  # noqa: PLC0415

    content = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table([pyarrow.array(one) for one in columns], list(names)), content)
    return content.getvalue()


def _join_parquet(parts: list[Path], draft: Path) -> None:
    import pyarrow.parquet  # noqa: PLC0415

    def tables() -> Iterator[Any]:
        for path in parts:
            yield pyarrow.parquet.read_table(path)

    rest = tables()
    first = next(rest)
    with pyarrow.parquet.ParquetWriter(draft, first.schema) as writer:
        writer.write_table(first)
        for table in rest:
            if table.num_rows:
                writer.write_table(table)
