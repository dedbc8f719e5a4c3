"""A data set looked at before it is trained on: what `golmu data` does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.table import Table

from golmu import plots
from golmu.cli.console import make_console, print_table
from golmu.cli.progress import ReadingDisplay
from golmu.data import Dataset
from golmu.data.loading import read_dataset
from golmu.data.quality import class_counts, notices
from golmu.data.reading import Reading
from golmu.errors import InputError, SaveError
from golmu.system import write_atomically


def inspect_data(data: str, folder: Path | None, reading: Reading, sheet: Path | None = None) -> dict[str, Any]:
    """Name, source, shapes, classes and notices of a data set, what was left out, and a contact sheet of its images.

    Parameters
    ----------
    data, folder
        What `golmu.load_dataset` takes.
    reading
        How image files are read.
    sheet
        PNG file for the sheet, which is replaced if it is there; by default NAME-samples.png in the current folder.

    Raises
    ------
    GolmuError
        If the data cannot be loaded, or the sheet cannot be written.
    """
    if sheet is not None and sheet.suffix.lower() != ".png":
        raise InputError(f"sheet must name a .png file, got {sheet}")
    if sheet is not None and not sheet.parent.is_dir():  # better said before the data are read than after it
        raise SaveError(f"the sheet cannot be written to {sheet}: there is no folder {sheet.parent}")
    with ReadingDisplay() as reading.progress:
        dataset = read_dataset(data, folder, reading)
    sheet = Path(f"{dataset.name}-samples.png") if sheet is None else sheet
    figure = plots.samples(dataset.train.images, dataset.train.labels, dataset.class_names, title=dataset.name)
    try:
        write_atomically(sheet, plots.png(figure))
    except OSError as error:
        raise SaveError(f"the sheet cannot be written to {sheet}: {error.strerror or error}") from error
    return {
        "name": dataset.name,
        "source": dataset.source,
        "train": _part(dataset.train.images),
        "test": None if dataset.test is None else _part(dataset.test.images),
        "classes": _classes(dataset),
        "notices": list(dict.fromkeys([*reading.notes, *notices(dataset)])),
        "left_out": reading.left_out,
        "sheet": str(sheet),
    }


def _part(images: Any) -> dict[str, Any]:
    return {"images": len(images), "shape": list(images.shape[1:])}


def _classes(dataset: Dataset) -> list[dict[str, Any]]:
    """The classes that have images, with the number of these."""
    train, test = (counts.tolist() for counts in class_counts(dataset))
    rows = zip(dataset.class_names, train, test, strict=True)
    return [{"class": name, "train": n, "test": n_test} for name, n, n_test in rows if n or n_test]


def show_data(found: dict[str, Any]) -> None:
    """Prints what `inspect_data` gives."""
    console = make_console()
    console.print(f"{found['name']}: {found['source']}")
    for part in ("train", "test"):
        if found[part] is not None:
            shape = "x".join(str(side) for side in found[part]["shape"])
            console.print(f"{part:5}  {found[part]['images']:,} images of {shape}")
    table = Table(box=None, pad_edge=False)
    table.add_column(f"{len(found['classes'])} classes")
    for column in ("train", "test"):
        table.add_column(column, justify="right")
    for row in found["classes"]:
        test = "" if found["test"] is None else f"{row['test']:,}"
        table.add_row(row["class"], f"{row['train']:,}", test)
    print_table(table)
    for notice in found["notices"]:
        console.print(f"notice: {notice}")
    console.print(f"samples: {found['sheet']}")
