"""The epoch loop of training, and what it tells its callbacks."""

from golmu.training.history import Callback, History, Progress
from golmu.training.loop import Training

__all__ = ["Callback", "History", "Progress", "Training"]
