"""What a training came to, and the trainings of its folds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from golmu.data.dataset import MAX_FOLDS
from golmu.json_values import COUNT, Json, Kind, integer, number, take
from golmu.metrics import Spread, spread
from golmu.recipe import Recipe
from golmu.training.history import History

ACCURACIES_OF_FOLDS = Kind(
    f"a list of 2 to {MAX_FOLDS} numbers from 0 to 1",
    lambda v: number(0, 1).list.includes(v) and 2 <= len(v) <= MAX_FOLDS,
)


@dataclass(frozen=True)
class Results:
    """What a training came to."""

    epochs: int
    """Epochs trained."""
    model_epoch: int
    """The epoch whose weights the model holds, counted from 1."""
    n_parameters: int
    train_loss: float | None
    val_loss: float | None
    val_accuracy: float | None
    """Accuracy after the model's epoch; None without validation images."""
    seconds_per_epoch: float | None

    @classmethod
    def of(cls, history: History, model_epoch: int, n_parameters: int) -> Results:
        """The results of a training with this history, whose model is of epoch `model_epoch`."""
        at = model_epoch - 1
        losses, val_losses, accuracies = history.losses, history.val_losses, history.val_accuracies
        return cls(
            epochs=len(losses),
            model_epoch=model_epoch,
            n_parameters=n_parameters,
            train_loss=losses[at] if losses else None,
            val_loss=val_losses[at] if val_losses else None,
            val_accuracy=accuracies[at] if accuracies else None,
            seconds_per_epoch=sum(history.seconds) / len(history.seconds) if history.seconds else None,
        )

    @classmethod
    def from_json(cls, said: Json) -> Results:
        """The results that `asdict` wrote; see `RunRecord.from_json` for errors."""
        return cls(
            take(said, "epochs", COUNT), take(said, "model_epoch", COUNT), take(said, "n_parameters", COUNT),
            _figure(said, "train_loss", number()), _figure(said, "val_loss", number()),
            _figure(said, "val_accuracy", number(0, 1)), _figure(said, "seconds_per_epoch", number(0)),
        )  # fmt: skip


@dataclass(frozen=True)
class FoldResults:
    """What the trainings of the folds came to, before the one on all images, and what was asked of them."""

    accuracies: tuple[float, ...]
    """Of each fold."""
    epochs: int
    """The epochs of their recipe."""
    patience: int | None = None
    """The patience of their recipe; the training on all images can have none, since it holds no images out."""

    @classmethod
    def of(cls, results: Sequence[Results], recipe: Recipe) -> FoldResults:
        """The results of folds that were trained with this recipe."""
        return cls(tuple(one.val_accuracy or 0.0 for one in results), recipe.epochs, recipe.patience)

    @property
    def spread(self) -> Spread:
        """Mean, standard deviation and interval of the accuracies."""
        return spread(self.accuracies)

    @classmethod
    def from_json(cls, said: Json) -> FoldResults:
        """The results that `to_json` wrote; see `RunRecord.from_json` for errors."""
        accuracies = take(said, "accuracies", ACCURACIES_OF_FOLDS)
        return cls(
            tuple(map(float, accuracies)), take(said, "epochs", integer(1)), take(said, "patience", integer(1), None)
        )

    def to_json(self) -> Json:
        """The results as run.json holds them."""
        found = self.spread
        return {
            "accuracies": list(self.accuracies), "mean": found.mean, "standard_deviation": found.deviation,
            "interval": list(found.interval), "epochs": self.epochs, "patience": self.patience,
        }  # fmt: skip


def _figure(said: Json, name: str, kind: Kind) -> float | None:
    """A number that may be null, but not missing."""
    return None if said[name] is None else float(kind.check(said[name], name))
