"""The hash behind the random draws (`golmu.engines.draws`) as compiled kernels."""

from __future__ import annotations

from typing import Any

import numpy as np

from golmu.engines.draws import GOLDEN_GAMMA
from golmu.engines.fused.compiling import kernel


@kernel
def mix(x: Any) -> Any:
    """Hash a uint32."""
    x = np.uint32(x ^ (x >> np.uint32(16)))
    x = np.uint32(x * np.uint32(0x7FEB352D))
    x = np.uint32(x ^ (x >> np.uint32(15)))
    x = np.uint32(x * np.uint32(0x846CA68B))
    return np.uint32(x ^ (x >> np.uint32(16)))


@kernel
def sample_key(seed: Any, batch: int, sample: int) -> Any:
    """Return the key of the sample at place `sample` of a batch."""
    return mix(np.uint32(mix(np.uint32(seed + np.uint32(batch) * GOLDEN_GAMMA)) + np.uint32(sample)))


@kernel
def salt(number: int) -> Any:
    """Return what the number of a draw adds to a key."""
    return np.uint32(np.uint32(number) * GOLDEN_GAMMA)


@kernel
def draw(key: Any, number: int) -> Any:
    """Draw a uint32 for the sample with this key."""
    return mix(np.uint32(key ^ salt(number)))


@kernel
def draw_below(key: Any, number: int, n: int) -> Any:
    """Draw an integer from 0 to n − 1 for the sample with this key."""
    return np.int64((np.uint64(draw(key, number)) * np.uint64(n)) >> np.uint64(32))
