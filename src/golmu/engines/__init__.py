"""The engines, and how to choose one.

`"fused"`
    The CPU engine: training as compiled kernels that keep their work in the processor's caches; several times faster
    than a framework, and the bits do not depend on the number of threads. It covers every network that Golmu has.

`"tensorflow"`
    The chapter's way: `tf.nn` functions under a `tf.GradientTape`, compiled into one graph. It runs on any device
    that TensorFlow runs on, and is what the other engine is held against.

`"auto"`
    `tensorflow` where TensorFlow has a GPU to run on, else `fused`.

`create_engine` is the only function that knows the engines by name; the network asks it, and speaks the contract
(`golmu.engines.contract.Engine`) from there on.
"""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from pathlib import Path

from golmu.architecture import Architecture
from golmu.checks import one_of
from golmu.engines.contract import Engine
from golmu.preprocessing import SCALING_ONLY, Preprocessing

ENGINE_NAMES = ("auto", "fused", "tensorflow")
"""What the argument `engine` may be."""

GPU_DEVICES = ("/dev/nvidiactl", "/dev/kfd")
"""What a system with a GPU's driver has; without one of them TensorFlow need not be imported to find no GPU."""

logger = logging.getLogger("golmu")


def create_engine(
    name: str, architecture: Architecture, n_threads: int | None = None, preprocessing: Preprocessing = SCALING_ONLY
) -> Engine:
    """The engine called `name`, without weights yet.

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
    chosen = name if name != "auto" else "tensorflow" if _has_gpu() else "fused"
    logger.debug("engine %r runs as %r", name, chosen)
    if chosen == "tensorflow":
        from golmu.engines.tensorflow.engine import TensorFlowEngine  # noqa: PLC0415  TensorFlow takes seconds to import

        return TensorFlowEngine(architecture, preprocessing)
    from golmu.engines.fused.engine import FusedEngine  # noqa: PLC0415  numba takes half a second to import

    return FusedEngine(architecture, n_threads, preprocessing)


def load_ahead(name: str) -> threading.Thread:
    """Loads the code of the engine called `name` in a thread, which is returned, while the caller reads its data.

    Only the fused engine's is worth it: a third of a second, and ten where it must be compiled. What goes wrong there,
    `create_engine` will say.
    """
    is_fused = name != "tensorflow" and not _may_have_gpu()
    thread = threading.Thread(target=_load_fused if is_fused else None, daemon=True)
    thread.start()
    return thread


def _load_fused() -> None:
    with suppress(Exception):
        from golmu.engines.fused.engine import load_kernels  # noqa: PLC0415

        load_kernels()


def _may_have_gpu() -> bool:
    return any(Path(device).exists() for device in GPU_DEVICES)


def _has_gpu() -> bool:
    if not _may_have_gpu():
        return False
    from golmu.engines.tensorflow.engine import has_gpu  # noqa: PLC0415

    return has_gpu()
