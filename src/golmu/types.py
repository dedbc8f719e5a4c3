"""The arrays that every part of Golmu speaks of, under one name each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ImageShape = tuple[int, int, int]
"""(h, w, c): height and width in pixels, and channels."""

Images = NDArray[np.uint8] | NDArray[np.float32]
"""(n, h, w, c): uint8, scaled by 1/255 inside the network, or float32, taken as they are."""

Labels = NDArray[np.int64]
"""(n,): the index of each image's class."""

Importance = NDArray[np.float32]
"""(n,): how much each sample counts, 1 on average: its loss, and so its gradient, is multiplied by it."""

Weights = dict[str, NDArray[np.float32]]
"""Weights or gradients by name, float32, in the canonical shapes (`golmu.architecture`)."""
