"""What the peers of the race to an accuracy have in common: arguments, data, the two clocks, and the answer.

A racing peer trains by a recipe of `golmu.recipe`, validates after every epoch, and stops as soon as the validation
accuracy reaches the target, or after the recipe's epochs. Then it prints one JSON line and ends::

    python -m benchmarks.peers.torch_race quick 0.8807 0

`process_seconds` go from the start of the process, which the driver says by `--started`, to the validation that shows
the target: everything is in them. `training_seconds` are those of the steps alone, until the last one is done: drawing
the order, gathering and augmenting batches, passes, updates and averaging. Imports, data, building the network,
compiling it (ahead, or by a few steps whose effect is undone) and validation are not in them.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from golmu.data import load_dataset
from golmu.preprocessing import Preprocessing
from golmu.recipe import RECIPES, get_recipe
from golmu.schedule import Schedule

from .setting import Data, Weights, initial_weights, shuffled_batches

Array = npt.NDArray[np.float32]

BEGUN = time.time()
VALIDATION_BATCH = 125
"""Images in a forward pass outside training: their maps stay in the caches, which is faster than 1000 everywhere."""
ALIKE = {
    "optimizer": "nesterov",
    "record_loss": "before",
    "final_batch_size": None,
    "average_epochs": 0,
    "patience": None,
}
"""What a recipe must say to be one that all the peers can train by."""


class Race:
    """One training against the clock.

    Parameters
    ----------
    tool
        What the answer calls the peer.
    description
        The peer's docstring, for its `--help`.
    variants
        Its variants; the first is the default.
    required
        Fields that its recipe must have, and their values.
    """

    def __init__(
        self, tool: str, description: str | None, variants: Sequence[str] = (), required: dict[str, object] = ALIKE
    ) -> None:
        parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("recipe", choices=RECIPES)
        parser.add_argument("target", type=float, help="validation accuracy to reach")
        parser.add_argument("seed", type=int)
        if variants:
            parser.add_argument("--variant", choices=variants, default=variants[0])
        parser.add_argument("--epochs", type=int, help="in place of the recipe's")
        parser.add_argument("--threads", type=int, default=2)
        parser.add_argument("--started", type=float, default=BEGUN, help="time.time() of the start of the process")
        self.args = parser.parse_args()
        self.tool = tool
        self.recipe = get_recipe(self.args.recipe).override({"epochs": self.args.epochs}).settled()
        for name, value in required.items():
            if getattr(self.recipe, name) != value:
                raise SystemExit(f"{tool} trains with {name} {value!r} only, not {getattr(self.recipe, name)!r}")

        train, validation = load_dataset("fashion-mnist").split()
        self.data = Data(train.images, train.labels, validation.images, validation.labels)
        self.image_shape = train.images.shape[1:]
        self.preprocessing = Preprocessing.of(
            train.images, standardize=self.recipe.standardize, test_flip=self.recipe.test_flip
        )
        self.schedule = Schedule(self.recipe, len(train.images))
        self.steps_per_epoch = self.schedule.first_step(1)
        self.rng = np.random.default_rng(self.args.seed)
        self._epochs, self._training_seconds, self._accuracy, self._process_seconds = 0, 0.0, 0.0, 0.0

    def seen(self, images: npt.NDArray[np.uint8]) -> Array:
        """Images as the convolution sees them; zero is then what shifts and erasing leave."""
        scale, offset = self.preprocessing.factors(images.dtype, images.shape[-1])
        return images.astype(np.float32) * scale + offset

    def initial_weights(self) -> Weights:
        """The weights that every peer starts from."""
        recipe = self.recipe
        return initial_weights(self.image_shape, recipe.n_kernels, recipe.units, self.data.classes, self.args.seed)

    def plan(self, epoch: int) -> tuple[npt.NDArray[np.int64], Array, Array]:
        """Of an epoch's steps: the samples (m, b), the learning rates (m,), and how far the average moves (m,)."""
        batches = shuffled_batches(self.rng, len(self.data.x_train), self.schedule.batch_size(epoch))
        steps = self.schedule.first_step(epoch) + np.arange(len(batches))
        return batches, self.schedule.learning_rates(steps), self.schedule.averaging(steps)

    def run(self, train: Callable[[int], float], validate: Callable[[], float]) -> None:
        """Races with `train(epoch)`, which gives the mean loss, and `validate()`, which gives the accuracy."""
        for epoch in range(self.recipe.epochs):
            start = time.perf_counter()
            loss = train(epoch)
            seconds = time.perf_counter() - start
            if self.note(seconds, loss, validate()):
                break
        self.finish()

    def note(self, seconds: float, loss: float, accuracy: float) -> bool:
        """Takes down an epoch, `seconds` being those of its steps; says whether the target is reached."""
        self._process_seconds = time.time() - self.args.started
        self._epochs += 1
        self._training_seconds += seconds
        self._accuracy = accuracy
        print(f"epoch {self._epochs}: loss {loss:.4f}, accuracy {accuracy:.4f}, {seconds:.2f} s", file=sys.stderr)
        return self._is_reached

    @property
    def _is_reached(self) -> bool:
        return self._accuracy >= self.args.target

    def finish(self) -> None:
        """Prints the answer."""
        answer = {
            "tool": self.tool,
            "recipe": self.args.recipe,
            "target": self.args.target,
            "seed": self.args.seed,
            "reached": self._is_reached,
            "epochs": self._epochs,
            "accuracy": self._accuracy,
            "training_seconds": self._training_seconds,
            "process_seconds": self._process_seconds,
        }
        print(json.dumps(answer), flush=True)
