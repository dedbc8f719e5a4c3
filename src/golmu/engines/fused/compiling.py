"""How the kernels are compiled: the flags in one place, and a notice to who waits for it."""

from __future__ import annotations

import gc
import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import wraps
from typing import Any

from numba import njit
from numba.core import config
from numba.core.compiler_lock import global_compiler_lock
from numba.core.event import Listener, install_listener
from numba.np import linalg

from golmu.engines.fused.code_cache import KernelCache
from golmu.errors import EngineError

logger = logging.getLogger("golmu")

FASTMATH_FLAGS = {"contract", "reassoc", "nsz"}
"""What LLVM may assume of floats: a·b + c may be fused into one rounding, sums may be taken lane by lane, and the
sign of zero does not matter. It may not assume that numbers are finite: NaN and infinity must surface."""


OPTIONS = {
    "nogil": True, "error_model": "numpy", "fastmath": FASTMATH_FLAGS, "no_cfunc_wrapper": True, "_nrt": False,
}  # fmt: skip
"""Options of all kernels. Without `_nrt` they can make no arrays, and numba counts no references to those they get."""


def _import_arraymath_without_scipy() -> None:
    """Import numba's array functions, but not scipy.linalg, whose import they ask for and which takes 0.1 seconds.

    Numba imports scipy.linalg here only to warn early if `np.dot` would find no BLAS. No kernel calls `np.dot`, and
    code of the user that does makes numba check again when it is compiled. So `ensure_blas` does nothing meanwhile.
    """
    ensure_blas, linalg.ensure_blas = linalg.ensure_blas, lambda: None
    try:
        import numba.np.arraymath  # noqa: F401, PLC0415
    finally:
        linalg.ensure_blas = ensure_blas


_import_arraymath_without_scipy()


def entry(function: Any) -> Any:
    """Compile a kernel that Python calls: it runs without the GIL, and its code is kept on disk under its name.

    It is compiled, or loaded, by the first call with arguments of new types.

    Raises
    ------
    EngineError
        If numba has been told not to compile.
    """
    check_compiler()
    dispatcher = njit(**OPTIONS)(function)
    dispatcher._cache = KernelCache(function)
    dispatcher.compile = _announced(dispatcher.compile)
    return dispatcher


def kernel(function: Any) -> Any:
    """Compile a kernel that only kernels call: without a wrapper for Python, which saves a fifth of the compilation.

    Its code always becomes a part of its caller's. If it were called, the process that compiles would call the copy
    that was optimised on its own, and a process that loads the caller from disk the copy in there, which may round
    otherwise.
    """
    return njit(**OPTIONS, no_cpython_wrapper=True, forceinline=True)(function)


def inlined_kernel(function: Any) -> Any:
    """Compile a large kernel only as a part of its callers, each of which calls it in one place.

    Numba copies it there before it finds types, so that LLVM sees it once, and not on its own and again in its caller.
    """
    return njit(**OPTIONS, inline="always")(function)


class _Notice(Listener):  # type: ignore[misc]  # numba has no types
    """Announces the first compilation of the engine that a thread waits for."""

    def __init__(self) -> None:
        self.is_compiling = False
        self._is_announced = False
        self._waiting: set[int] = set()

    @contextmanager
    def awaited(self) -> Iterator[None]:
        """Announce a compilation of any thread, one under way or to come, while this thread is in the block."""
        thread = threading.get_ident()
        self._waiting.add(thread)
        self._announce()
        try:
            yield
        finally:
            self._waiting.discard(thread)

    def _announce(self) -> None:
        if self.is_compiling and self._waiting and not self._is_announced:
            self._is_announced = True
            logger.warning(
                "compiling a part of the engine that this processor has not used before; this may take half a minute"
            )

    def on_start(self, event: Any) -> None:
        self.is_compiling = True
        self._announce()

    def on_end(self, event: Any) -> None:
        """Do nothing: this may be the end of a part, and more may follow."""


_notice = _Notice()
awaited = _notice.awaited


class _QuickerCompilation:
    """While a thread is in the block, numba's optimisation level is lowered, and Python does not search for garbage.

    What is fast in the kernels is written out (`golmu.engines.fused.vectors`), and at level 1 they take as long as at
    level 3, with the same bits. A search for garbage in circles goes through numba's many objects again and again.

    Both belong to the process: the block is entered with numba's lock held, so by one thread at a time. What Ctrl-C
    leaves undone while the block begins or ends, the end of the next one does.
    """

    _before: tuple[Any, bool] | None = None

    def __enter__(self) -> None:
        self._before = self._before or (config.OPT, gc.isenabled())
        config.OPT = type(config.OPT)(1)
        gc.disable()

    def __exit__(self, *_: object) -> None:
        self.restore()

    def restore(self) -> None:
        """Leave both as they were before the block; outside it, do nothing."""
        if self._before is not None:
            config.OPT, collects_garbage = self._before
            if collects_garbage:
                gc.enable()
            self._before = None


_quicker_compilation = _QuickerCompilation()
if hasattr(os, "register_at_fork"):
    # A child that is forked meanwhile lacks the thread in the block.
    os.register_at_fork(after_in_child=_quicker_compilation.restore)


@contextmanager
def unawaited() -> Iterator[None]:
    """Do not announce what this thread compiles in the block, until another thread waits for it."""
    _this_thread.is_awaited = False
    try:
        yield
    finally:
        _this_thread.is_awaited = True


class _ThisThread(threading.local):
    is_awaited = True


_this_thread = _ThisThread()


def check_compiler() -> None:
    """Raise `EngineError` if numba has been told not to compile."""
    if config.DISABLE_JIT:
        raise EngineError(
            "the engine 'fused' needs numba's compiler, which NUMBA_DISABLE_JIT has switched off: unset it, or choose "
            "the engine 'tensorflow'"
        )


def _announced(compile_types: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a dispatcher's method `compile` with a notice, and quicker."""

    @wraps(compile_types)
    def compile_and_announce(types: Any) -> Any:
        waiting = awaited() if _this_thread.is_awaited else nullcontext()
        listening = install_listener("numba:compile", _notice)
        # With numba's lock no other compilation runs, so that the notice and the settings are for this one.
        with waiting, global_compiler_lock, listening, _quicker_compilation:
            try:
                return compile_types(types)
            finally:
                _notice.is_compiling = False

    return compile_and_announce
