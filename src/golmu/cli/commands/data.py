"""`golmu data`: a data set inspected before it is trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.table import Table

from golmu import plots
from golmu.cli.console import make_console, print_table, shell_command
from golmu.cli.places import default_place, refuse_in_data
from golmu.cli.progress import ReadingDisplay
from golmu.data import Dataset
from golmu.data.loading import read_dataset
from golmu.data.quality import Finding, class_counts, findings
from golmu.data.reading import ReadOptions
from golmu.data.sample_weight import BALANCED
from golmu.errors import InputError
from golmu.names import file_stem
from golmu.system import check_writable, write_file

SAMPLES = "-samples"
"""How the name of the contact sheet ends, unless the user gives another."""

UNTRAINABLE = {"one_class", "single_images"}
"""Findings with which no training begins."""


def inspect_data(
    data: str, folder: Path | None, read_options: ReadOptions, sheet: Path | None = None, *, with_labels: bool = False
) -> dict[str, Any]:
    """Return name, source, shapes, classes and notices of a data set, and which files are not read; draw samples.

    Files that cannot be read are skipped, and listed.

    Parameters
    ----------
    data, folder
        What `golmu.load_dataset` takes.
    read_options
        How image files are read.
    sheet
        PNG file for the contact sheet, written or replaced; by default NAME-samples.png in the current folder, or
        beside the data where that lies in them.
    with_labels
        Whether the labels are checked too (`golmu.cli.label_check`), with a contact sheet of its own beside the other.

    Raises
    ------
    GolmuError
        If the data cannot be loaded, or the sheet cannot be written.
    """
    if sheet is not None and sheet.suffix.lower() != ".png":
        raise InputError(f"sheet must name a .png file, got {sheet}")
    refuse_in_data(sheet, data, "--sheet")
    if sheet is not None:
        check_writable(sheet, "the sheet")
    is_skipping, read_options.skip_bad = read_options.skip_bad, True  # what cannot be read is a finding here
    with ReadingDisplay() as read_options.progress:
        dataset = read_dataset(data, folder, read_options)
    sheet = default_place(Path(f"{file_stem(dataset.name)}{SAMPLES}.png"), data) if sheet is None else sheet
    figure = plots.samples(dataset.train.images, dataset.train.labels, dataset.class_names, title=dataset.name)
    write_file(sheet, plots.png(figure), "the sheet")
    found = findings(dataset)
    kinds = {one.kind for one in found}
    if "unbalanced" in kinds and not kinds & UNTRAINABLE:
        command = _command_to_balance(data, folder, read_options)
        found.append(Finding("class_weight", f"to count each class alike, train with: {command}"))
    if (n := len(read_options.left_out)) and not is_skipping:
        some, them = ("a file", "the file") if n == 1 else (f"{n:,} files", "the files")
        text = f"golmu train stops at {some} that it cannot read. Repair or remove {them}, or add --skip-bad."
        found.append(Finding("unreadable", text))
    result = {
        "name": dataset.name,
        "source": dataset.source,
        "train": _describe(dataset.train.images),
        "test": None if dataset.test is None else _describe(dataset.test.images),
        "classes": _count_classes(dataset),
        "notices": list(dict.fromkeys([*read_options.notes, *(one.text for one in found)])),
        "findings": [one._asdict() for one in found],
        "passed_over": dict(read_options.passed_over),
        "left_out": read_options.left_out,
        "sheet": str(sheet),
    }
    if with_labels:
        from golmu.cli.label_check import find_doubtful_labels  # noqa: PLC0415  it imports all of training

        stem = sheet.stem.removesuffix(SAMPLES)
        result["labels"] = find_doubtful_labels(dataset, data, sheet.with_name(f"{stem}-doubtful.png"))
    return result


def _command_to_balance(data: str, folder: Path | None, options: ReadOptions) -> str:
    """The command that trains on the data, read in the same way, with each class counting alike."""
    words: list[object] = ["train", data, "--class-weight", BALANCED]
    words += [] if folder is None else ["--folder", folder]
    words += [] if options.size is None else ["--size", "x".join(map(str, options.size))]
    words += [] if options.channels is None else ["--channels", options.channels]
    words += [] if options.label is None else ["--label", options.label]
    words += ["--skip-bad"] if options.left_out else []
    return shell_command(*words)


def _describe(images: Any) -> dict[str, Any]:
    return {"images": len(images), "shape": list(images.shape[1:])}


def _count_classes(dataset: Dataset) -> list[dict[str, Any]]:
    """The classes that have images, with the number of their images."""
    train, test = (counts.tolist() for counts in class_counts(dataset))
    rows = zip(dataset.class_names, train, test, strict=True)
    return [{"class": name, "train": n, "test": n_test} for name, n, n_test in rows if n or n_test]


def show_data(result: dict[str, Any]) -> None:
    """Print the result of `inspect_data`."""
    console = make_console()
    console.print(result["name"] if result["name"] == result["source"] else f"{result['name']}: {result['source']}")
    for part in ("train", "test"):
        if result[part] is not None:
            shape = "x".join(str(side) for side in result[part]["shape"])
            console.print(f"{part:5}  {result[part]['images']:,} images of {shape}")
    table = Table(box=None, pad_edge=False)
    table.add_column(f"{len(result['classes'])} classes")
    for column in ("train", "test"):
        table.add_column(column, justify="right")
    for row in result["classes"]:
        test = "" if result["test"] is None else f"{row['test']:,}"
        table.add_row(row["class"], f"{row['train']:,}", test)
    print_table(table)
    for notice in result["notices"]:
        console.print(f"notice: {notice}")
    console.print(f"samples: {result['sheet']}")
    if "labels" in result:
        from golmu.cli.label_check import show_doubtful_labels  # noqa: PLC0415

        show_doubtful_labels(result["labels"], result["train"]["images"])
