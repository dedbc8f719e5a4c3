"""One training from a data set's name to a whole run folder: what `golmu train` does."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import asdict
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from golmu import plots, runs
from golmu.console import make_console, print_table
from golmu.data import Dataset, load_dataset
from golmu.data.loading import DATASET_NAMES
from golmu.engines import ENGINE_NAMES
from golmu.network import ConvolutionNetwork
from golmu.progress import TrainingDisplay
from golmu.recipe import Recipe
from golmu.settings import one_of

VALIDATION_SHARE = 0.2
"""Share of the training images held out for validation, stratified by class."""

SPLIT_SEED = 42
"""Fixes the split, whatever the seed of the training, so that runs compare on the same images."""

VERSIONED = ("golmu", "numpy", "numba", "tensorflow", "keras", "scikit-learn")


def train_run(
    data: str,
    recipe_name: str,
    recipe: Recipe,
    *,
    engine: str = "auto",
    threads: int | None = None,
    seed: int = 42,
    run: Path | None = None,
    folder: Path | None = None,
) -> bool:
    """Trains on `data` and writes the run folder; shows progress and results on standard output.

    Parameters
    ----------
    data
        Name of a data set, or a folder of IDX files.
    recipe_name, recipe
        The settings, and the name they started from.
    engine, threads, seed
        `engine`, `n_threads` and `random_state` of `ConvolutionNetwork`.
    run
        Folder for the results, which must be empty; by default a new one under `runs/`.
    folder
        Folder to look in first for a named data set's files.

    Returns
    -------
    bool
        False if Ctrl-C ended the training early. What was trained until then is in the folder.

    Raises
    ------
    GolmuError
        If the data, the settings or the folder cannot be used, or the loss stops being finite.
    """
    console = make_console()
    one_of(engine, ENGINE_NAMES, "engine")
    dataset = load_dataset(data, folder=folder)
    training_set, validation_set = dataset.split(VALIDATION_SHARE, SPLIT_SEED)
    network = ConvolutionNetwork(
        recipe.n_kernels,
        recipe.units,
        recipe.batch_size,
        recipe.learning_rate,
        engine=engine,
        n_threads=threads,
        random_state=seed,
        record_loss=recipe.record_loss,
    )
    run_folder = runs.create_run(run, f"{dataset.name}-{recipe_name}")
    record: dict[str, Any] = {
        "format": 1,
        "status": "running",
        "started": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "data": _describe_data(data, dataset, len(training_set), len(validation_set)),
        "recipe": recipe_name,
        "settings": {**asdict(recipe), "engine": engine, "threads": threads, "seed": seed},
        "versions": _versions(),
        "machine": _machine(),
    }
    runs.write_run(run_folder, record)
    console.print(
        f"training on {len(training_set):,} images, validating on {len(validation_set):,}; results go to {run_folder}"
    )

    started = time.perf_counter()
    try:
        with TrainingDisplay(console) as display:
            network.fit(
                training_set.images,
                training_set.labels,
                recipe.epochs,
                validation_set.images,
                validation_set.labels,
                callback=display,
            )
        record["status"] = "finished"
    except KeyboardInterrupt:
        record["status"] = "interrupted"
    except Exception as error:
        runs.write_run(run_folder, {**record, "status": "failed", "error": str(error)})
        raise
    record["seconds"] = time.perf_counter() - started

    _write_results(run_folder, record, network, dataset.class_names)
    _show_results(console, run_folder, record)
    return bool(record["status"] == "finished")


def _write_results(
    run_folder: Path, record: dict[str, Any], network: ConvolutionNetwork, class_names: tuple[str, ...]
) -> None:
    """Adds the results to `record` and writes all files, run.json last: a run that says it ended is whole."""
    if not network.__sklearn_is_fitted__():  # interrupted before there were weights
        runs.write_run(run_folder, record)
        return
    history = network.history_
    record["engine"] = network.engine_
    record["results"] = {
        "epochs": len(history.losses),
        "n_parameters": network.architecture_.n_parameters,
        **{
            name: values[-1] if values else None
            for name, values in (
                ("train_loss", history.losses),
                ("val_loss", history.val_losses),
                ("val_accuracy", history.val_accuracies),
            )
        },
        "seconds_per_epoch": sum(history.seconds) / len(history.seconds) if history.seconds else None,
    }
    network.save(run_folder / runs.MODEL, class_names=tuple(class_names[label] for label in network.classes_))
    runs.write_history(run_folder, history)
    runs.write(run_folder, runs.CURVES, plots.png(plots.curves(history)))
    runs.write_run(run_folder, record)


def _show_results(console: Console, run_folder: Path, record: dict[str, Any]) -> None:
    if record["status"] == "interrupted":
        console.print("interrupted: what was trained until now is kept")
    if "results" not in record:
        return
    results = record["results"]
    table = Table(show_header=False, box=None, pad_edge=False)
    rows = {
        "validation accuracy": _figure(results["val_accuracy"], ".4f"),
        "validation loss": _figure(results["val_loss"], ".4f"),
        "training loss": _figure(results["train_loss"], ".4f"),
        "epochs": str(results["epochs"]),
        "time": f"{record['seconds']:.1f} s ({_figure(results['seconds_per_epoch'], '.2f')} s an epoch)",
        "engine": record["engine"],
        "parameters": f"{results['n_parameters']:,}",
        "curves": str(run_folder / runs.CURVES),
        "model": str(run_folder / runs.MODEL),
    }
    for row in rows.items():
        table.add_row(*row)
    print_table(table)


def _figure(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _describe_data(data: str, dataset: Dataset, n_train: int, n_validation: int) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "argument": data if data in DATASET_NAMES else str(Path(data).resolve()),
        "source": dataset.source,
        "train": n_train,
        "validation": n_validation,
        "split": {"validation": VALIDATION_SHARE, "random_state": SPLIT_SEED},
        "class_names": list(dataset.class_names),
    }


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in VERSIONED:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _machine() -> dict[str, Any]:
    return {"system": platform.platform(), "processor": platform.machine(), "cores": os.cpu_count()}
