"""What the fused engine costs beside its arithmetic: start, first compilation, memory, and time against samples.

Each figure comes from a process of its own; run it alone on the computer: python benchmarks/limits.py
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from typing import Any

from speed import describe_machine, recording_path

NETWORKS = {
    "first_run_seconds": "28, 28, 1, 10, 100, 10",
    "first_run_of_several_blocks_seconds": "32, 32, 3, (16, 32, 64), 128, 10",
}
"""The arguments of `Architecture`, by what the result of its first batch is called."""

FIRST_BATCH = """
import time
started = time.perf_counter()
import golmu.cli.commands.train
import numpy as np
from golmu.architecture import Architecture
from golmu.engines.contract import Batches
from golmu.recipe import PLAIN
from golmu.training.loop import begin
architecture = Architecture(%s)
x, y = np.zeros((128, *architecture.image_shape), np.uint8), np.arange(128) %% 10
engine, _ = begin(architecture, "auto", None, 0)
engine.train(engine.prepare(x, y), Batches.at(0.01, np.arange(128)[None]), PLAIN)
print(time.perf_counter() - started)
"""

FIRST_BATCH_OF_THE_ESTIMATOR = """
import time
started = time.perf_counter()
import sklearn.base
imported = time.perf_counter()
import numpy as np
from golmu import ConvolutionNetwork
network = ConvolutionNetwork(10, 100, 128)
x, y = np.zeros((128, 28, 28, 1), np.uint8), np.arange(128) % 10
network.init_weights(x.shape, 10)
network.training(x, y)
print(time.perf_counter() - started, time.perf_counter() - imported)
"""

SCALING = """
import resource, time
import numpy as np
from golmu.architecture import Architecture
from golmu.engines.contract import Batches
from golmu.engines.fused.engine import FusedEngine
from golmu.recipe import PLAIN
architecture, rng, result = Architecture(28, 28, 1, 10, 100, 10), np.random.default_rng(0), []
engine = FusedEngine(architecture)
engine.set_weights(architecture.initial_weights(rng))
images = rng.integers(0, 256, (480_000, 28, 28, 1), np.uint8)
labels = rng.integers(0, 10, 480_000)
data = engine.prepare(images, labels)
for round in range(3):
    for n in (6_000, 24_000, 48_000, 120_000, 480_000):
        order = rng.permutation(n)[: n // 128 * 128].reshape(-1, 128)
        started = time.perf_counter()
        engine.train(data, Batches.at(0.01, order), PLAIN)
        result.append((n, time.perf_counter() - started))
order = rng.permutation(6_000)[: 46 * 128].reshape(-1, 128)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for epoch in range(50):
    engine.train(data, Batches.at(0.01, order), PLAIN)
growth = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(__import__("json").dumps([result, growth]))
"""


def python(code: str, **environment: str) -> str:
    """What a new process prints for `code`; Python keeps its modules compiled, as installers do."""
    environment = os.environ | environment | {"PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def first_batches() -> dict[str, Any]:
    """Seconds from the start of `import golmu` to the end of the first batch.

    First where kernels must be compiled; then with what `golmu train` imports; then with the estimator, whose base
    class is scikit-learn's, with and without the import of that.
    """
    result = {}
    python("import golmu.cli.commands.train, golmu.engines.fused.engine, sklearn.base")
    for name, network in NETWORKS.items():
        with tempfile.TemporaryDirectory() as cache:
            times = [float(python(FIRST_BATCH % network, NUMBA_CACHE_DIR=cache)) for _ in range(6)]
        result[name], result[name.replace("first", "later")] = times[0], statistics.median(times[1:])
    with tempfile.TemporaryDirectory() as cache:
        python(FIRST_BATCH % NETWORKS["first_run_seconds"], NUMBA_CACHE_DIR=cache)
        estimator = [python(FIRST_BATCH_OF_THE_ESTIMATOR, NUMBA_CACHE_DIR=cache).split() for _ in range(5)]
    with_sklearn, without = (statistics.median(float(row[i]) for row in estimator) for i in range(2))
    return {
        **result,
        "later_run_of_the_estimator_seconds": with_sklearn,
        "later_run_of_the_estimator_after_sklearn_seconds": without,
    }


def memory_of_training() -> dict[str, Any]:
    """Peak resident memory and time of `golmu train fashion-mnist`, and whether TensorFlow was imported."""
    code = (
        "import atexit, resource, sys\n"
        "from golmu.cli import main\n"
        "def report():\n"
        "    print('peak', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, 'tensorflow' in sys.modules)\n"
        "atexit.register(report)\n"
        "sys.argv = ['golmu', 'train', 'fashion-mnist', '--epochs', '3', '--record-loss', 'before']\n"
        "main()\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", code], cwd=folder, check=True, stdout=subprocess.PIPE, text=True)
        seconds = time.perf_counter() - started
    _, peak, imported = done.stdout.splitlines()[-1].split()
    return {"peak_megabytes": int(peak) / 1024, "tensorflow_imported": imported == "True", "seconds": seconds}


def scaling() -> dict[str, Any]:
    """Microseconds a sample for epochs of 6,000 to 480,000 samples, and growth of memory over 50 epochs."""
    timed, growth = json.loads(python(SCALING))
    sizes = sorted({n for n, _ in timed})
    per_sample = {n: statistics.median(seconds / n * 1e6 for m, seconds in timed if m == n) for n in sizes}
    return {"microseconds_per_sample": per_sample, "growth_over_50_epochs_kilobytes": growth}


def main() -> None:
    result = {
        "date": date.today().isoformat(),
        "machine": describe_machine(),
        **first_batches(),
        **memory_of_training(),
        **scaling(),
    }
    print(json.dumps({key: value for key, value in result.items() if key != "machine"}, indent=2))
    path = recording_path("limits", result["machine"]["processor"])
    path.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
