"""Golmu itself, by the same loop that `ConvolutionNetwork.fit` runs."""

import numpy as np

from golmu.architecture import Architecture
from golmu.engines import create_engine
from golmu.recipe import Recipe
from golmu.training.loop import Training

from .serve import Answer, serve
from .setting import Data, initial_weights, parser

VARIANTS = ("fused", "tensorflow")


def main() -> None:
    """Serve training."""
    arguments = parser(__doc__, VARIANTS)
    arguments.add_argument("--record", choices=("after", "before"), default="before")
    args = arguments.parse_args()

    data = Data.load(args.data)
    image_shape = data.x_train.shape[1:]
    architecture = Architecture(*image_shape, args.kernels, args.units, data.classes)
    engine = create_engine(args.variant, architecture, args.threads)
    engine.set_weights(initial_weights(image_shape, args.kernels, args.units, data.classes, args.seed))
    training, validation = engine.prepare(data.x_train, data.y_train), engine.prepare(data.x_val, data.y_val)
    rng = np.random.default_rng(args.seed)

    recipe = Recipe(
        n_kernels=args.kernels, units=args.units, batch_size=args.batch_size, learning_rate=args.learning_rate,
        epochs=1, record_loss=args.record,
    )  # fmt: skip

    def epochs(number: int) -> Answer:
        running = Training(engine, recipe, rng)
        running.run(training, validation, number)
        history = running.history
        return {
            "seconds": history.seconds,
            "loss": history.losses,
            "val_loss": history.val_losses,
            "val_accuracy": history.val_accuracies,
        }

    serve("epoch", epochs)


if __name__ == "__main__":
    main()
