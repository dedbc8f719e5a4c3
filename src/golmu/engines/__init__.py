"""The engines, and how to choose one.

`"fused"`
    The CPU engine: training as compiled kernels that keep their work in the processor's caches; several times faster
    than a framework, and the bits do not depend on the number of threads. It covers every network that Golmu has.

`"tensorflow"`
    The chapter's way: `tf.nn` functions under a `tf.GradientTape`, compiled into one graph. It runs on any device
    that TensorFlow runs on, and the tests compare the other engine with it. It needs TensorFlow, which
    `pip install "golmu[tensorflow]"` installs.

`"auto"`
    `tensorflow` where TensorFlow is installed and has a GPU to run on, else `fused`.

`create_engine` and `load_ahead` alone know the engines by name; everything else speaks the contract
(`golmu.engines.contract.Engine`).
"""

from __future__ import annotations

import functools
import logging
import threading
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path

from golmu.architecture import Architecture
from golmu.checks import one_of
from golmu.engines.contract import Engine
from golmu.engines.tensorflow.quiet import INSTALL_COMMAND, is_installed
from golmu.preprocessing import SCALING_ONLY, Preprocessing

ENGINE_NAMES = ("auto", "fused", "tensorflow")
"""What the argument `engine` may be."""

GPU_DEVICE_FILES = ("/dev/nvidiactl", "/dev/kfd")
"""Files that a GPU's driver makes; where none of them exists, TensorFlow need not be imported to find no GPU."""

logger = logging.getLogger("golmu")


def create_engine(
    name: str, architecture: Architecture, n_threads: int | None = None, preprocessing: Preprocessing = SCALING_ONLY
) -> Engine:
    """Create the engine called `name`, without weights yet.

    Parameters
    ----------
    name
        One of `ENGINE_NAMES`.
    architecture
        The sizes of the network.
    n_threads
        Threads at most of the fused engine; by default one for each core that the process may use.
    preprocessing
        What the network does to images first.

    Raises
    ------
    InputTypeError, InputError
        If there is no engine of that name.
    EngineError
        If what the engine needs cannot be used here.
    """
    one_of(name, ENGINE_NAMES, "engine")
    chosen = _choose_engine() if name == "auto" else name
    logger.debug("engine %r runs as %r", name, chosen)
    if chosen == "tensorflow":
        from golmu.engines.tensorflow.engine import TensorFlowEngine  # noqa: PLC0415  TensorFlow takes seconds to import

        return TensorFlowEngine(architecture, preprocessing)
    from golmu.engines.fused.engine import FusedEngine  # noqa: PLC0415  numba takes half a second to import

    return FusedEngine(architecture, n_threads, preprocessing)


def load_ahead(name: str, n_blocks: int | None = None) -> threading.Thread:
    """Start to load the code of the engine called `name` in a thread, and return it, while the caller reads its data.

    Only the fused engine gains by it: a third of a second, and ten seconds where its code must be compiled. Errors are
    dropped, since `create_engine` raises them again.

    Parameters
    ----------
    name
        One of `ENGINE_NAMES`.
    n_blocks
        Blocks of the network to come: one block and several have kernels of their own. None: nobody knows yet, and only
        what all networks need is loaded; call this again once it is known.
    """
    is_fused = name == "fused" or (name != "tensorflow" and not (_has_gpu_driver() and is_installed()))
    thread = _FusedLoading(n_blocks) if is_fused else threading.Thread()
    thread.start()
    return thread


class _FusedLoading(threading.Thread):
    """A thread that loads the fused engine's code; only who joins it is told if that code has to be compiled.

    A notice before that would come between the lines about the data, whose reading would seem to last.
    """

    def __init__(self, n_blocks: int | None) -> None:
        super().__init__(daemon=True)
        self._n_blocks = n_blocks

    def run(self) -> None:
        with suppress(Exception):
            from golmu.engines.fused.compiling import unawaited  # noqa: PLC0415
            from golmu.engines.fused.engine import load_kernels  # noqa: PLC0415

            if self._n_blocks is not None:
                with unawaited():
                    load_kernels(is_deep=self._n_blocks > 1)

    def join(self, timeout: float | None = None) -> None:
        waiting: AbstractContextManager[None] = nullcontext()
        with suppress(Exception):  # `create_engine` raises it again
            if self.is_alive():
                from golmu.engines.fused.compiling import awaited  # noqa: PLC0415

                waiting = awaited()
        with waiting:
            super().join(timeout)


def _choose_engine() -> str:
    """Return the name of the engine that `"auto"` stands for here."""
    if not _has_gpu_driver():
        return "fused"
    if not is_installed():
        _say_that_the_gpu_is_idle()
        return "fused"
    from golmu.engines.tensorflow.engine import has_gpu  # noqa: PLC0415

    return "tensorflow" if has_gpu() else "fused"


def _has_gpu_driver() -> bool:
    return any(Path(device).exists() for device in GPU_DEVICE_FILES)


@functools.cache  # once per process
def _say_that_the_gpu_is_idle() -> None:
    logger.warning(
        "a GPU was found, but TensorFlow is not installed, so the fused CPU engine runs; to use the GPU: %s",
        INSTALL_COMMAND,
    )
