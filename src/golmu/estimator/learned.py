"""What a network has learned, an attribute each: the chapter's names, and scikit-learn's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from golmu.architecture import Weights
from golmu.training.loop import History


class Learned:
    """Weights and losses of a network that has them."""

    if TYPE_CHECKING:  # of the class that this is mixed into
        history_: History

        def _check_ready(self) -> None: ...
        def get_weights(self) -> Weights: ...

    @property
    def conv_w(self) -> NDArray[np.float32]:
        return self.get_weights()["conv_w"]

    @property
    def conv_b(self) -> NDArray[np.float32]:
        return self.get_weights()["conv_b"]

    @property
    def w1(self) -> NDArray[np.float32]:
        return self.get_weights()["w1"]

    @property
    def b1(self) -> NDArray[np.float32]:
        return self.get_weights()["b1"]

    @property
    def w2(self) -> NDArray[np.float32]:
        return self.get_weights()["w2"]

    @property
    def b2(self) -> NDArray[np.float32]:
        return self.get_weights()["b2"]

    @property
    def losses(self) -> list[float]:
        self._check_ready()
        return self.history_.losses

    @property
    def val_losses(self) -> list[float]:
        self._check_ready()
        return self.history_.val_losses

    @property
    def loss_curve_(self) -> list[float]:
        return self.losses

    @property
    def n_iter_(self) -> int:
        return len(self.losses)
