"""The epoch loop of training, and what it tells its callbacks."""

from golmu.training.loop import Callback, History, Progress, Training

__all__ = ["Callback", "History", "Progress", "Training"]
