"""`golmu pack`: a data set of any size written as shards, from which trainings read piece by piece."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from golmu.cli.console import make_console, shell_command
from golmu.cli.output import say
from golmu.cli.places import refuse_in_data
from golmu.cli.progress import ReadingDisplay
from golmu.data import Dataset
from golmu.data.loading import read_and_warn
from golmu.data.reading import ReadOptions
from golmu.data.shards.index import is_packed
from golmu.data.shards.packing import DEFAULT_SEED, pack
from golmu.data.storage import Disk
from golmu.errors import InputError


def pack_data(
    data: str, output: Path, *, seed: int | None = None, folder: Path | None = None,
    read_options: ReadOptions | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Write a data set as shards, or go on where an earlier process was interrupted.

    Parameters
    ----------
    data, folder
        What `golmu.load_dataset` takes.
    output
        A new or empty folder, or one in which the same data were being packed.
    seed
        Seed of the order of the images.
    read_options
        How image files are read.

    Returns
    -------
    dict
        `output`, the folder; `train` and `test`, numbers of images; `shards`, their number; `shape`, (h, w, c).

    Raises
    ------
    GolmuError
        If the data cannot be read, or the folder cannot be used or written.
    """
    if is_packed(data):
        raise InputError(f"{data} is packed already: train on it with {shell_command('train', data)}")
    refuse_in_data(output, data, "--output")
    options = read_options or ReadOptions()

    def read(storage: Disk) -> Dataset:
        options.storage = storage
        with ReadingDisplay() as options.progress:
            return read_and_warn(data, folder, options)

    progress = ReadingDisplay(doing="writing shards")
    try:
        index = pack(read, output, seed=DEFAULT_SEED if seed is None else seed, progress=progress)
    except KeyboardInterrupt:
        say("interrupted; the same command goes on from here", is_error=True)
        raise
    parts = [index.train] if index.test is None else [index.train, index.test]
    return {
        "output": str(output),
        "train": len(index.train),
        "test": 0 if index.test is None else len(index.test),
        "shards": sum(len(part.shards) for part in parts),
        "shape": list(index.image_shape),
        "class_names": list(index.class_names),
    }


def show_packed(result: dict[str, Any]) -> None:
    """Print the result of `pack_data`."""
    console = make_console()
    shape = "x".join(map(str, result["shape"]))
    n = len(result["class_names"])
    n_classes = "1 class" if n == 1 else f"{n:,} classes"
    test = f" and {result['test']:,} test images" if result["test"] else ""
    console.print(
        f"packed {result['train']:,} training images{test} of {shape}, {n_classes}, in "
        f"{result['shards']} {'shard' if result['shards'] == 1 else 'shards'}; they are in {result['output']}"
    )
    console.print(f"train on them: {shell_command('train', result['output'])}")
