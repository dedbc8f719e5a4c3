"""The engines, and how to choose one.

`"tensorflow"`
    The chapter's way: `tf.nn` functions under a `tf.GradientTape`, compiled into one graph. It runs on any device
    that TensorFlow runs on, and defines what is right.

`"auto"`
    The fastest engine that covers the case.

`create_engine` is the only function that knows the engines by name; the network asks it, and speaks the contract
(`golmu.engines.contract.Engine`) from there on.
"""

from __future__ import annotations

from golmu.architecture import Architecture
from golmu.engines.contract import Engine
from golmu.settings import one_of

ENGINE_NAMES = ("auto", "fused", "tensorflow")
"""What the argument `engine` may be."""


def create_engine(name: str, architecture: Architecture) -> Engine:
    """The engine called `name`, without weights yet.

    Raises
    ------
    InputTypeError, InputError
        If there is no engine of that name.
    EngineError
        If what the engine needs cannot be used here.
    """
    one_of(name, ENGINE_NAMES, "engine")
    if name != "tensorflow":
        from golmu.engines.fused import FusedEngine  # noqa: PLC0415  numba takes half a second to import

        return FusedEngine(architecture)
    from golmu.engines.tensorflow import TensorFlowEngine  # noqa: PLC0415  TensorFlow takes seconds to import

    return TensorFlowEngine(architecture)
