"""Golmu's `predict` on 10,000 images, as its user calls it."""

import time

import numpy as np

from golmu import ConvolutionNetwork

from .serve import Answer, serve
from .setting import Data, initial_weights, parser


def main() -> None:
    """Serve prediction."""
    arguments = parser(__doc__)
    arguments.add_argument("--images", type=int, default=10_000, help="predict that many validation images")
    args = arguments.parse_args()

    data = Data.load(args.data)
    image_shape = data.x_val.shape[1:]
    network = ConvolutionNetwork(args.kernels, args.units, n_threads=args.threads)
    network.init_weights(image_shape, data.classes)
    network.set_weights(initial_weights(image_shape, args.kernels, args.units, data.classes, args.seed))
    images, labels = data.x_val[: args.images], data.y_val[: args.images]

    def predictions(number: int) -> Answer:
        seconds, accuracy = [], []
        for _ in range(number):
            start = time.perf_counter()
            predicted = network.predict(images)
            seconds.append(time.perf_counter() - start)
            accuracy.append(float(np.mean(predicted == labels)))
        return {"seconds": seconds, "accuracy": accuracy}

    serve("predict", predictions)


if __name__ == "__main__":
    main()
