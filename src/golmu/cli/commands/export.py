"""`golmu export`: a network written as a model of another framework."""

from __future__ import annotations

from pathlib import Path

from golmu.export.keras import KERAS_SUFFIX, export_keras
from golmu.runs.run import load


def export_network(network: Path, output: Path | None = None) -> Path:
    """Export a run or a model file as a Keras model, and return its path.

    Parameters
    ----------
    network
        A run folder, or a model file.
    output
        The file to write or replace; by default network.keras in the run folder, or beside the model file.

    Raises
    ------
    GolmuError
        If the network cannot be read, TensorFlow is not installed, or the file cannot be written.
    """
    folder = network.parent if network.is_file() else network
    output = folder / f"network{KERAS_SUFFIX}" if output is None else output
    export_keras(load(network), output)
    return output
