"""The import of TensorFlow and Keras, which are optional: with a clear error, and without their start-up messages."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from golmu.errors import EngineError

INSTALL_COMMAND = 'pip install "golmu[tensorflow]"'

LOG_LEVEL_VARIABLE = "TF_CPP_MIN_LOG_LEVEL"
"""TensorFlow's own environment variable: a user who sets it, to any level, sees what TensorFlow writes."""

ONEDNN_VARIABLE = "TF_ENABLE_ONEDNN_OPTS"
"""TensorFlow's own environment variable, which it reads when it is imported."""

KERAS_VARIABLE = "KERAS_BACKEND"
"""Keras's own environment variable, which it reads when it is imported."""


def is_installed() -> bool:
    """Whether there is a TensorFlow to import; it is not imported, so the answer takes no time."""
    try:
        return importlib.util.find_spec("tensorflow") is not None
    except (ImportError, ValueError):  # an import hook refuses it, or it has been replaced by something without a spec
        return False


def import_tensorflow(what: str = "engine 'tensorflow'") -> Any:
    """Import TensorFlow, and Keras on it, quietly, and return TensorFlow's module.

    The user's `keras.json` or `KERAS_BACKEND` may name another backend, which need not be installed. It is heeded only
    where the user has imported Keras already.

    Parameters
    ----------
    what
        What needs TensorFlow, as the error calls it.

    Raises
    ------
    EngineError
        If TensorFlow is not installed, or its import fails.
    """
    if not is_installed():
        raise EngineError(f"{what} needs TensorFlow, which is not installed: {INSTALL_COMMAND}")
    # On some processors TensorFlow leaves oneDNN off, although convolutions are three times faster with it.
    os.environ.setdefault(ONEDNN_VARIABLE, "1")
    try:
        with quiet_import(), _keras_on_tensorflow():
            tensorflow = importlib.import_module("tensorflow")
            importlib.import_module("keras")
            return tensorflow
    except Exception as error:  # what a broken installation raises depends on what is broken
        # An assertion of TensorFlow's says nothing; its name is better than that.
        raise EngineError(f"TensorFlow cannot be imported: {str(error) or type(error).__name__}") from error


@contextmanager
def _keras_on_tensorflow() -> Iterator[None]:
    """Set Keras's environment variable inside the `with` block; Keras reads it when it is imported."""
    chosen = os.environ.get(KERAS_VARIABLE)
    os.environ[KERAS_VARIABLE] = "tensorflow"
    try:
        yield
    finally:
        if chosen is None:
            del os.environ[KERAS_VARIABLE]
        else:
            os.environ[KERAS_VARIABLE] = chosen


@contextmanager
def quiet_import() -> Iterator[None]:
    """Hide what is written to standard error while TensorFlow is imported, unless the user asks for it.

    At every start TensorFlow writes lines about missing GPUs. They come from native code, before it heeds its log
    level, so the file descriptor itself is redirected. An error of the import is an exception, and is not lost.
    """
    if LOG_LEVEL_VARIABLE in os.environ:
        yield
        return
    os.environ[LOG_LEVEL_VARIABLE] = "3"
    with silent_stderr():
        yield


@contextmanager
def silent_stderr() -> Iterator[None]:
    """Hide what any code, native code included, writes to standard error inside the `with` block."""
    try:
        sys.stderr.flush()
        saved = os.dup(2)
    except (OSError, AttributeError):  # there is no standard error, as under pythonw
        yield
        return
    try:
        with Path(os.devnull).open("wb") as devnull:
            os.dup2(devnull.fileno(), 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
