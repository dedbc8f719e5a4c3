"""Every error that Golmu raises, in one tree, and its warnings.

    GolmuError
    ├── InputError (also ValueError)        an argument or an array has a value that cannot be used
    │   └── InputTypeError (also TypeError)     or is not of the right type
    ├── DataError                           a data set or a file of it is missing, damaged or unknown
    ├── RunError                            a run folder cannot be read or used
    ├── CheckpointError                     a model or checkpoint file is damaged or does not fit
    ├── SaveError                           a file cannot be written: disk full, folder read-only or gone
    ├── NotFittedError                      the network has no weights yet (see `golmu.estimator.network`)
    ├── EngineError                         the engine asked for cannot run here
    └── TrainingError                       training went wrong (the loss is not finite)

A message says which argument, what was expected, what was received, and what to do. The command line prints it as
one line and exits with the class's `exit_code`: 2 for what the user can correct, 1 for a failure.

This module imports nothing of Golmu, so that anything may import it.
"""

import sys
import warnings


class GolmuError(Exception):
    """The root of the tree: `except GolmuError` catches everything that Golmu raises on purpose."""

    exit_code = 1


class InputError(GolmuError, ValueError):
    """An argument or an array has a value that cannot be used."""

    exit_code = 2


class InputTypeError(InputError, TypeError):
    """An argument has a type that cannot be used."""


class DataError(GolmuError):
    """A data set, or a file of it, is missing, damaged or unknown."""

    exit_code = 2


class RunError(GolmuError):
    """A run folder cannot be read or used."""

    exit_code = 2


class CheckpointError(GolmuError):
    """A model or checkpoint file is damaged, or does not fit what it is loaded into."""

    exit_code = 2


class SaveError(GolmuError):
    """A file cannot be written. What stood in its place is untouched."""


class EngineError(GolmuError):
    """The engine asked for cannot run here."""

    exit_code = 2


class TrainingError(GolmuError):
    """Training went wrong, as when the loss stops being a finite number."""


class GolmuWarning(UserWarning):
    """The root of Golmu's warnings."""


def warn(message: str) -> None:
    """Warn with `GolmuWarning`, at the line outside Golmu that led here."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "golmu":
        level, frame = level + 1, frame.f_back
    warnings.warn(message, GolmuWarning, stacklevel=level)
