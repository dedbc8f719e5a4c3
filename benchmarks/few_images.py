"""What `Predictor.logits` of 1 to 32 images takes: microseconds of processor time, on one thread.

The numbers of images take turns, and of each the least time counts, since other processes can only add to it. Run it
alone on the computer: python benchmarks/few_images.py
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from speed import describe_machine

from golmu.architecture import Architecture
from golmu.engines import create_engine
from golmu.model.model import Model
from golmu.model.predictor import Predictor
from golmu.preprocessing import SCALING_ONLY

NUMBERS = (1, 2, 4, 8, 32)
CALLS = 20  # timed together, warm
NETWORKS = {
    "the book's network": Architecture(28, 28, 1, 10, 100, 10),
    "blocks of 16, 32 and 64 kernels, images of 32x32x3": Architecture(32, 32, 3, (16, 32, 64), 100, 10),
}


def microseconds(architecture: Architecture, rounds: int) -> dict[int, float]:
    """Microseconds a call takes, for each number of images."""
    rng = np.random.default_rng(0)
    weights = architecture.initial_weights(rng)
    model = Model(architecture, weights, np.arange(10), tuple("0123456789"), SCALING_ONLY)
    engine = create_engine("fused", architecture, 1)
    engine.set_weights(weights)
    predictor = Predictor(model, engine)
    images = rng.integers(0, 256, (max(NUMBERS), *architecture.image_shape), np.uint8)
    least = dict.fromkeys(NUMBERS, float("inf"))
    for number in range(rounds + 1):
        for n in NUMBERS:
            started = time.process_time_ns()
            for _ in range(CALLS):
                predictor.logits(images[:n])
            if number > 0:  # the first round loads the kernels, or compiles them
                least[n] = min(least[n], (time.process_time_ns() - started) / CALLS / 1000)
    return least


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1000)
    args = parser.parse_args()
    print(describe_machine()["processor"])
    for name, architecture in NETWORKS.items():
        times = microseconds(architecture, args.rounds)
        print(f"\n| {name}: images | microseconds | relative to 32 |\n|---|---:|---:|")
        for n, time_taken in times.items():
            print(f"| {n} | {time_taken:.0f} | {time_taken / times[32]:.2f} |")


if __name__ == "__main__":
    main()
