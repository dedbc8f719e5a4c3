"""The chapter's loop as it is printed, in the race to an accuracy, with the recipe `chapter`."""

import numpy as np
import tensorflow as tf

from .eager_loop import ConvolutionNetwork
from .race import Race

REQUIRED = {
    "optimizer": "sgd", "weight_decay": 0, "label_smoothing": 0, "draws": False, "schedule": "constant", "warmup": 0,
    "ema": 0, "test_flip": False, "record_loss": "after", "final_batch_size": None, "average_epochs": 0,
    "patience": None,
}  # fmt: skip


def main() -> None:
    """Race."""
    race = Race("chapter", __doc__, required=REQUIRED)
    tf.config.threading.set_intra_op_parallelism_threads(race.args.threads)
    data = race.data
    x, x_val = race.seen(data.x_train), race.seen(data.x_val)
    y = np.eye(data.classes, dtype=np.float32)[data.y_train]
    network = ConvolutionNetwork(race.initial_weights(), race.recipe.learning_rate)

    def train(epoch: int) -> float:
        losses = []
        for batch in race.plan(epoch)[0]:
            x_batch, y_batch = x[batch], y[batch]
            network.training(x_batch, y_batch)
            losses.append(network.get_loss(x_batch, y_batch))
        return float(np.mean(losses))

    def validate() -> float:
        return float(np.mean(np.argmax(network.forpass(x_val), axis=1) == data.y_val))

    race.run(train, validate)


if __name__ == "__main__":
    main()
