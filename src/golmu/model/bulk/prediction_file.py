"""A file of predictions, .csv or .parquet: written part by part beside it, and put together at the end.

A process that was killed goes on with the part in which it stood. A thread writes a part while the images of the next
one are predicted.
"""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from golmu.data.reading import Progress
from golmu.errors import DataError, InputError, RunError, SaveError
from golmu.metrics import softmax
from golmu.model.bulk.image_sources import Batch, ImageSource
from golmu.model.predictor import Predictor
from golmu.system import lock_file, read_file, write_atomically, write_file

SUFFIXES = (".csv", ".parquet")

IMAGES_PER_PART = 65_536
"""Images whose predictions are written at a time, at most; those of two parts may have to be predicted after a kill."""

PROBABILITIES_PER_PART = 2**22
"""Probabilities of all classes for these images, at most."""

COLUMNS = ("image", "label", "probability")
"""The first columns: what the image is called, the most probable class, and its probability."""

MUST_BE_QUOTED = re.compile(r'[",\r\n]')
"""What a field of a CSV file may hold between quotation marks alone."""

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


class _Part(NamedTuple):
    """Predictions for the images of one part of the file."""

    names: Iterable[str]
    logits: NDArray[np.float32]
    """(n, C)"""
    bad: int
    """Images that could not be read."""
    reasons: list[str]
    """Why, for the first of them."""


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
                work.write(first, last, progress)
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
                'a .parquet file needs pyarrow, which is not installed: run pip install "golmu[tables]", or write a '
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
        n_classes = len(predictor.class_names)
        self._images_per_part = max(1, min(IMAGES_PER_PART, PROBABILITIES_PER_PART // n_classes))
        self._files: list[Path] = []
        self._written = Written(0, 0, [])

    def forget_others(self, first: int, last: int) -> None:
        """Remove the parts of a file with other images, another network or other columns."""
        digest = hashlib.sha256(self._source.digest.encode())
        for name, weight in sorted(self._predictor.model.weights.items()):
            digest.update(name.encode() + np.ascontiguousarray(weight).tobytes())
        said = [self._predictor.class_names, self._names, first, last, self._skip_bad, self._images_per_part]
        digest.update(json.dumps(said).encode())
        about = self._folder / "about"
        with suppress(OSError):
            if read_file(about).decode(errors="replace") == digest.hexdigest():
                return
        for path in self._folder.glob("part-*"):
            path.unlink()
        write_file(about, digest.hexdigest(), "the parts of the predictions")

    def write(self, first: int, last: int, progress: Progress | None) -> None:
        """Predict the images from number `first` to before `last`, but those of parts that an earlier process wrote."""
        parts = [
            (start, min(start + self._images_per_part, last)) for start in range(first, last, self._images_per_part)
        ]
        self._files = [self._folder / f"part-{start:012}{self._suffix}" for start, _ in parts]
        missing = [(path, *part) for path, part in zip(self._files, parts, strict=True) if not self._is_written(path)]
        done = last - first - sum(stop - start for _, start, stop in missing)
        written: Future[None] | None = None
        with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer:
            batches = _read_ahead(
                itertools.chain.from_iterable(self._source.read(start, stop) for _, start, stop in missing), reader
            )
            for path, start, stop in missing:
                part = self._predict(batches, stop - start, progress, done, last - first)
                done += stop - start
                if written is not None:
                    written.result()  # raises what went wrong; and so two parts are in memory at most
                written = writer.submit(self._keep, path, part)
            if written is not None:
                written.result()
        if not self._files:  # a share of no image, as where there are more jobs than images
            self._files = [self._folder / f"part-{first:012}{self._suffix}"]
            self._keep(self._files[0], _Part((), self._no_logits(), 0, []))

    def _no_logits(self) -> NDArray[np.float32]:
        return np.empty((0, len(self._predictor.class_names)), np.float32)

    def _is_written(self, path: Path) -> bool:
        """Tell whether an earlier process wrote this part; if so, it is counted."""
        try:
            n, bad, reasons = json.loads(read_file(_note(path)))
            path.stat()
            self._count(n, bad, reasons)
        except (OSError, ValueError, TypeError):
            return False
        return True

    def _predict(self, batches: Iterator[Batch], n: int, progress: Progress | None, done: int, n_all: int) -> _Part:
        """Predict the next `n` images, of which some may be unreadable, after `done` of `n_all`."""
        names: list[Iterable[str]] = []
        logits, bad = [self._no_logits()], []
        end = done + n
        while done < end:
            batch = next(batches, None)
            if batch is None:
                raise DataError("the images have become fewer while they were read: run the command again")
            if batch.bad and not self._skip_bad:
                raise DataError(
                    f"{batch.bad[0]}; fix or remove it, or leave out such images with --skip-bad: what is predicted "
                    "already is kept"
                )
            names.append(batch.names)
            bad += batch.bad
            if len(batch.images):
                logits.append(self._predictor.engine.logits(batch.images))
            done += len(batch.images) + len(batch.bad)
            if progress is not None:
                progress(done, n_all)
        reasons = list(map(str, bad[:MAX_BAD_NAMED]))
        return _Part(itertools.chain.from_iterable(names), np.concatenate(logits), len(bad), reasons)

    def _keep(self, path: Path, part: _Part) -> None:
        """Write a part, then a note that it is whole."""
        n = len(part.logits)
        write_atomically(path, self._content(part))
        write_file(_note(path), json.dumps([n, part.bad, part.reasons]), "the parts of the predictions")
        self._count(n, part.bad, part.reasons)

    def join(self, output: Path) -> Written:
        """Put the parts together, remove them, and return what was written.

        Raises
        ------
        DataError
            If no image could be read.
        """
        if not self._written.images and (self._written.bad or not len(self._source)):
            reasons = "; ".join(self._written.reasons)
            raise DataError(f"no image can be read: {reasons}" if reasons else "there is no image to predict")
        draft = self._folder / "whole"
        (_join_parquet if self._suffix == ".parquet" else self._join_csv)(self._files, draft)
        draft.replace(output)
        shutil.rmtree(self._folder, ignore_errors=True)
        return self._written

    def _count(self, n: int, bad: int, reasons: list[str]) -> None:
        before = self._written
        self._written = Written(before.images + n, before.bad + bad, [*before.reasons, *reasons][:MAX_BAD_NAMED])

    def _content(self, part: _Part) -> bytes:
        """Return a part of the file, without the names of the columns where it is CSV."""
        probabilities = softmax(part.logits)
        chosen, most = probabilities.argmax(axis=1), probabilities.max(axis=1)
        names, columns = list(part.names), list(probabilities.T) if len(self._names) > len(COLUMNS) else []
        if not "".join(names).isascii():
            names = [one.encode("utf-8", "backslashreplace").decode() for one in names]
        class_names = self._predictor.class_names
        if self._suffix == ".parquet":
            return _parquet(self._names, names, chosen, class_names, [most, *columns])
        labels = np.array([_quoted(name) for name in class_names], object)[chosen].tolist()
        return _csv(names, labels, most, columns)

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


def _read_ahead(batches: Iterator[Batch], reader: ThreadPoolExecutor) -> Iterator[Batch]:
    """Give the batches, while the next one is read."""
    ahead = reader.submit(next, batches, None)
    while (batch := ahead.result()) is not None:
        ahead = reader.submit(next, batches, None)
        yield batch


def _note(path: Path) -> Path:
    """Return the file that says that a part is whole."""
    return path.with_name(f"{path.name}.json")


def _csv(names: list[str], labels: list[str], most: NDArray[np.float32], columns: list[NDArray[np.float32]]) -> bytes:
    """Return rows as the module `csv` writes them, in a third of its time; `labels` are quoted already."""
    if MUST_BE_QUOTED.search("".join(names)):
        names = list(map(_quoted, names))
    others: Iterable[str] = itertools.repeat("", len(names))
    if columns:
        others = map((",%.6f" * len(columns)).__mod__, zip(*(column.tolist() for column in columns), strict=True))
    rows = zip(names, labels, most.tolist(), others, strict=True)
    return "".join([f"{name},{label},{one:.6f}{rest}\n" for name, label, one, rest in rows]).encode()


def _quoted(name: str) -> str:
    """Return a name as a field of a CSV file (RFC 4180)."""
    return '"' + name.replace('"', '""') + '"' if MUST_BE_QUOTED.search(name) else name


def _parquet(
    titles: tuple[str, ...], names: list[str], chosen: NDArray[np.int64], class_names: Sequence[str],
    columns: list[NDArray[np.float32]],
) -> bytes:  # fmt: skip
    import pyarrow  # noqa: PLC0415  an extra
    import pyarrow.parquet  # noqa: PLC0415

    labels = pyarrow.array(class_names, pyarrow.string()).take(pyarrow.array(chosen))
    content = io.BytesIO()
    arrays = [pyarrow.array(names, pyarrow.string()), labels, *map(pyarrow.array, columns)]
    pyarrow.parquet.write_table(pyarrow.table(arrays, list(titles)), content)
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
