"""TensorFlow greets on standard error about missing GPUs at every start; here it is asked not to."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LEVEL = "TF_CPP_MIN_LOG_LEVEL"
"""TensorFlow's own variable: a user who sets it, to any level, hears what TensorFlow says."""


@contextmanager
def hushed() -> Iterator[None]:
    """While TensorFlow is imported, nothing that it writes to standard error is shown.

    The lines come from native code, before the log level is heeded, so the file descriptor itself is turned aside.
    An error of the import is an exception, and is not lost.
    """
    if LEVEL in os.environ:
        yield
        return
    os.environ[LEVEL] = "3"
    try:
        sys.stderr.flush()
        kept = os.dup(2)
    except (OSError, AttributeError):  # no standard error, as under pythonw
        yield
        return
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
