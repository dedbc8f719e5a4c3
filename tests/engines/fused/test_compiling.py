"""Compiled code: with the same bits whether fresh or from disk, and without the import of scipy.linalg."""

import os
import subprocess
import sys
from pathlib import Path

import engine_cases
import numpy as np
import pytest

from golmu import ConvolutionNetwork
from golmu.errors import EngineError


def test_without_numbas_compiler_there_is_one_error(monkeypatch):
    monkeypatch.setattr("golmu.engines.fused.compiling.config.DISABLE_JIT", 1)
    with pytest.raises(EngineError, match="NUMBA_DISABLE_JIT has switched off: unset it, or choose the engine"):
        ConvolutionNetwork(random_state=0).fit(np.zeros((64, 4, 4)), np.arange(64) % 2, 1)


def test_code_that_was_compiled_before_gives_the_same_bits(tmp_path):
    code = """
import sys; sys.path.insert(0, sys.argv[1])
import numpy as np
from engine_cases import make_case, make_engine
from golmu.engines.contract import Batches
from golmu.recipe import OPTIMIZERS, Method
a, images, labels, weights = make_case((9, 8, 1, 5, 20, 4, 128))
order = np.tile(np.arange(128).reshape(2, 64), (5, 1))
for optimizer in OPTIMIZERS:
    for settings in ({}, {"flip": True, "shift": 1, "erase": 3, "feature_dropout": 0.2, "hidden_dropout": 0.2}):
        for averaging in (None, np.linspace(1, 0.1, 10, dtype=np.float32)):
            engine = make_engine("fused", a, weights)
            decay = 0 if optimizer == "adam" else 0.01
            method = Method(optimizer=optimizer, weight_decay=decay, label_smoothing=0.1, **settings)
            rates = np.full(10, 0.05, np.float32)
            data = engine.prepare(images, labels)
            losses = engine.train(data, Batches(order, rates, averaging, seed=3), method)
            values = [losses, engine.logits(images), engine.logits(images[:3]), *engine.get_weights().values()]
            values += [value for slot in engine.get_slots().values() for value in slot.values()]
            print(optimizer, settings, averaging is None, *(value.tobytes().hex() for value in values))
"""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", code, str(Path(engine_cases.__file__).parent)]
    first, later = (
        subprocess.run(command, env=environment, capture_output=True, text=True, check=True) for _ in range(2)
    )
    assert "compiling the engine" in first.stderr
    assert "compiling" not in later.stderr
    for fresh, loaded in zip(first.stdout.splitlines(), later.stdout.splitlines(), strict=True):
        assert fresh == loaded, fresh[:100]


def test_kernels_are_loaded_without_scipys_algebra_which_others_still_get():
    code = """
import sys
import numpy as np
from numba import njit
from golmu.engines.fused.engine import load_kernels
load_kernels(is_deep=False)
print("scipy.linalg" in sys.modules)
print(*njit(lambda a, b: np.linalg.solve(np.dot(a, b), b))(2 * np.eye(2), np.ones((2, 2)) + np.eye(2)).ravel())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["False", "0.5 0.0 0.0 0.5"]
