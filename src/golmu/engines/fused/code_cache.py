"""The compiled kernels on disk: loaded by the next process, if nothing that made them has changed.

Numba has such a cache of its own, but knows a function's code by the file of that function alone. Here the name of the
folder is a digest of all that goes into the code: the engine's files, the versions, numba's settings, and the
processor that it compiles for. So code of another state, or of another computer that shares the folder, is never
found. A file carries the digest of its content, and a cache that cannot be read or written is no error: the kernels
are then compiled in memory.

The folder is made in `NUMBA_CACHE_DIR` if that is set, else beside the engine's files, else in the user's cache folder.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import pickle
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np
import platformdirs
from numba.core import config
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

from golmu import architecture
from golmu.engines import draws
from golmu.engines.fused.target import TARGET
from golmu.system import write_atomically

logger = logging.getLogger("golmu")

SOURCES = [*sorted(Path(__file__).parent.glob("*.py")), Path(draws.__file__), Path(architecture.__file__)]
"""The files whose functions and numbers become a part of the code."""

DIGEST_BYTES = hashlib.sha256().digest_size

STATE_LETTERS = 24
"""Letters of a digest in the names of folders and files."""

SUFFIX = ".code"

SETTINGS = [
    getattr(config, name, None)
    for name in ("OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE", "BOUNDSCHECK", "DEBUGINFO_DEFAULT", "LLVM_REFPRUNE_PASS")
]
"""Numba's settings that change the code, as they are at the start: `compiling` lowers one of them for a while."""

DAYS_KEPT = 30
"""Days after which the folder of another state of the engine is removed, when code is written beside it."""


class KernelCache:
    """The code of one kernel on disk, in the form that numba's dispatchers ask for (`numba.core.caching`)."""

    cache_path = None

    def __init__(self, function: Callable[..., Any]) -> None:
        self._name = f"{function.__module__}.{function.__qualname__}"

    def load_overload(self, signature: Any, target_context: Any) -> Any:
        """Return the code for the types `signature`, or None if there is none that is whole."""
        target_context.refresh()
        for folder in code_folders():
            # numba's own cache pickles too, for code has no other form; the folder is the user's, as `__pycache__` is.
            with contextlib.suppress(Exception):
                content = (folder / self._file_name(signature)).read_bytes()
                digest, code = content[:DIGEST_BYTES], content[DIGEST_BYTES:]
                if hashlib.sha256(code).digest() == digest:
                    return CompileResult._rebuild(target_context, *pickle.loads(code))
        return None

    def save_overload(self, signature: Any, result: Any) -> None:
        """Keep the code that was compiled for `signature`, in the first folder that can be written."""
        code = dumps(result._reduce())
        for folder in code_folders():
            try:
                folder.mkdir(parents=True, exist_ok=True)
                write_atomically(folder / self._file_name(signature), hashlib.sha256(code).digest() + code)
            except OSError as error:
                logger.debug("compiled code cannot be kept in %s: %s", folder, error)
            else:
                _remove_old_folders(folder)
                return

    def flush(self) -> None:
        """Do nothing: a file that is out of date is never found."""

    def _file_name(self, signature: Any) -> str:
        return f"{self._name}-{_digest([str(signature).encode()])}{SUFFIX}"


@functools.cache
def code_folders() -> tuple[Path, ...]:
    """Where code may lie, in the order in which the folders are tried; they need not exist."""
    if config.CACHE_DIR:
        parents = [Path(config.CACHE_DIR)]
    else:
        parents = [Path(__file__).parent / "__pycache__", platformdirs.user_cache_path("golmu")]
    versions = (sys.version, numba.__version__, llvmlite.__version__, np.__version__)
    state = _digest([*(path.read_bytes() for path in SOURCES), repr((versions, TARGET, SETTINGS)).encode()])
    return tuple(parent / f"golmu-{state}" for parent in parents)


def _digest(contents: Iterable[bytes]) -> str:
    """Return a short digest of several byte strings."""
    digests = (hashlib.sha256(content).digest() for content in contents)
    return hashlib.sha256(b"".join(digests)).hexdigest()[:STATE_LETTERS]


def _remove_old_folders(folder: Path) -> None:
    """Remove the folders beside `folder` of other states of the engine that have long not been written to.

    The folder around them may be a user's own: nothing goes but files of code, and the folders that this empties.
    """
    for other in folder.parent.glob(f"golmu-{'[0-9a-f]' * STATE_LETTERS}"):
        with contextlib.suppress(OSError):
            is_old = time.time() - other.stat().st_mtime > DAYS_KEPT * 86400
            if other != folder and is_old and not other.is_symlink():
                for file in other.glob(f"golmu.*{SUFFIX}"):
                    file.unlink()
                other.rmdir()
