"""The curve of a run's batch losses, thinned so that it never has more points than a screen shows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MAX_POINTS = 2000
"""Points of a curve, at most."""


class Curve:
    """The means of successive batches' losses; when there are too many points, each two become one.

    Attributes
    ----------
    n_merges
        How often points were merged: each time their numbers change.
    """

    def __init__(self) -> None:
        self.n_merges = 0
        self._points = np.empty(MAX_POINTS, np.float32)
        self._n = 0
        self._rest = np.empty(0, np.float32)  # losses that do not make a point yet

    def __len__(self) -> int:
        """Return the number of points."""
        return self._n

    @property
    def last(self) -> float | None:
        """The last point; None where there is none."""
        return float(self._points[self._n - 1]) if self._n else None

    @property
    def stride(self) -> int:
        """Batches in a point."""
        return 1 << self.n_merges

    def add(self, losses: NDArray[np.float32]) -> None:
        """Add the losses (m,) of the next batches."""
        rest = np.concatenate([self._rest, losses])
        while True:
            n = min(len(rest) // self.stride, MAX_POINTS - self._n)
            taken = rest[: n * self.stride].reshape(n, self.stride)
            self._points[self._n : self._n + n] = taken.mean(axis=1)
            self._n += n
            rest = rest[n * self.stride :]
            if self._n < MAX_POINTS:
                self._rest = rest.copy()
                return
            self._points[: self._n // 2] = self._points[: self._n].reshape(-1, 2).mean(axis=1)
            self._n //= 2
            self.n_merges += 1

    def points(self, first: int = 0) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Return how many batches were trained at the end of each point from `first` on, and the points, (m,) each."""
        steps = np.arange(first + 1, self._n + 1, dtype=np.int32) * np.int32(self.stride)
        return steps, self._points[first : self._n].copy()
