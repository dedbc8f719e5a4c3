"""Compiled code: kept on disk where that is possible, with the same bits, and without the import of scipy.linalg."""

import os
import subprocess
import sys
from pathlib import Path

import engine_cases

from golmu.engines.fused.compiling import cached_njit


def test_where_no_compiled_code_can_be_kept_it_is_compiled_each_time(monkeypatch):
    def refuse(*_arguments):
        raise RuntimeError("cannot cache function 'f': no locator available for file 'f.py'")

    monkeypatch.setattr("numba.core.dispatcher.FunctionCache", refuse)
    add = cached_njit(nogil=True)(lambda a, b: a + b)
    assert add(2, 3) == 5


def test_code_that_was_compiled_before_gives_the_same_bits(tmp_path):
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import engine_cases as t\n"
        "a, images, labels, weights = t.make_case((9, 8, 1, 5, 20, 4, 128))\n"
        "engine = t.make_engine('fused', a, weights); order = t.np.arange(128).reshape(2, 64)\n"
        "losses = t.train(engine, engine.prepare(images, labels), order, 0.1, loss_after=True)\n"
        "print(losses.tobytes().hex(), *(value.tobytes().hex() for value in engine.get_weights().values()))"
    )
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", code, str(Path(engine_cases.__file__).parent)]
    first, later = (
        subprocess.run(command, env=environment, capture_output=True, text=True, check=True) for _ in range(2)
    )
    assert "compiling the kernels" in first.stderr
    assert "compiling" not in later.stderr
    assert first.stdout == later.stdout


def test_kernels_are_loaded_without_scipys_algebra_which_others_still_get():
    code = """
import sys
import numpy as np
from numba import njit
from golmu.engines.fused.engine import load_kernels
load_kernels()
print("scipy.linalg" in sys.modules)
print(*njit(lambda a, b: np.linalg.solve(np.dot(a, b), b))(2 * np.eye(2), np.ones((2, 2)) + np.eye(2)).ravel())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["False", "0.5 0.0 0.0 0.5"]
