"""A network as JSON for the JavaScript that runs it in a page: `static/network.js`."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golmu.model.model import Model
from golmu.names import printable

MAX_BYTES = 2_000_000
"""Bytes of weights in a page, at most, before base64 makes them a third longer."""

TYPES: dict[str, tuple[str, float, int]] = {"float16": ("<f2", 1.0, 2), "int8": ("<i1", 127.0, 1)}
"""How matrices may be stored: the type of the values, the largest value of a column, and bytes for each."""


def stored_type(model: Model) -> str | None:
    """Return the best of `TYPES` in which the weights take no more than `MAX_BYTES`; None if there is none."""
    n = model.architecture.n_parameters
    return next((name for name, (_, _, size) in TYPES.items() if n * size <= MAX_BYTES), None)


def describe_network(model: Model, kind: str) -> dict[str, Any]:
    """Describe a network for `static/network.js`, its matrices stored as `kind`, one of `TYPES`."""
    a, preprocessing = model.architecture, model.preprocessing
    scale, offset = preprocessing.factors(np.uint8, a.channels)
    return {
        "height": a.height,
        "width": a.width,
        "channels": a.channels,
        "kernels": list(a.kernels),
        "names": [printable(name) for name in model.class_names],
        "scale": scale.tolist(),
        "offset": offset.tolist(),
        "mirror": preprocessing.test_flip,
        "weights": {name: _pack(weights, kind) for name, weights in model.weights.items()},
    }


def _pack(weights: NDArray[np.float32], kind: str) -> dict[str, str]:
    """Store weights: biases as they are, and a matrix with its columns, along the last axis, scaled each on its own."""
    if weights.ndim == 1:
        return {"type": "float32", "values": as_base64(weights.astype("<f4"))}
    values, scale = quantize(weights, kind)
    return {"type": kind, "values": as_base64(values), "scale": as_base64(scale)}


def quantize(weights: NDArray[np.float32], kind: str) -> tuple[NDArray[Any], NDArray[np.float32]]:
    """Return weights (..., n) as values of `kind` and the scales of the columns, (n,): their product is the weights."""
    dtype, largest, _ = TYPES[kind]
    scale = np.abs(weights).reshape(-1, weights.shape[-1]).max(axis=0) / np.float32(largest)
    scale[scale == 0] = 1  # a column of zeros
    values = weights / scale
    return (np.rint(values) if kind == "int8" else values).astype(dtype), scale.astype("<f4")


def as_base64(array: NDArray[Any]) -> str:
    """Return the bytes of an array as base64."""
    return b64encode(np.ascontiguousarray(array).tobytes()).decode()
