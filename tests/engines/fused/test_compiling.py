"""Compiled code: with the same bits whether fresh or from disk, and without the import of scipy.linalg."""

import gc
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import engine_cases
import numpy as np
import pytest
from numba.core import config
from numba.core.compiler_lock import global_compiler_lock
from numba.core.event import trigger_event

from golmu import ConvolutionNetwork
from golmu.engines import load_ahead
from golmu.engines.fused import compiling
from golmu.engines.fused import engine as fused_engine
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
    assert "compiling a part of the engine" in first.stderr
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


class Compilation:
    """A kernel that takes until `may_end` to compile, for each thread that calls it the first time."""

    def __init__(self, caplog):
        self.begun, self.may_end, self._caplog = threading.Event(), threading.Event(), caplog
        self._threads = []
        self.call = compiling._announced(self._compile)

    def _compile(self, _):
        with trigger_event("numba:compile"):
            self.begun.set()
            self.may_end.wait(10)

    def start(self, target, *arguments):
        thread = threading.Thread(target=target, args=arguments)
        thread.start()
        self._threads.append(thread)
        return thread

    def end(self):
        self.may_end.set()
        for thread in self._threads:
            thread.join(10)

    @property
    def n_notices(self):
        return self._caplog.text.count("compiling a part of the engine")

    def has_notice(self):
        deadline = time.monotonic() + 10
        while not self.n_notices and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.n_notices == 1


@pytest.fixture
def compilation(caplog, monkeypatch):
    monkeypatch.setattr(compiling._notice, "_is_announced", False)
    compilation = Compilation(caplog)
    monkeypatch.setattr(fused_engine, "load_kernels", lambda *, is_deep: compilation.call(None))
    yield compilation
    compilation.end()


def test_what_is_compiled_ahead_is_announced_to_who_waits_for_it_and_not_before(compilation):
    loading = load_ahead("fused", 1)
    assert compilation.begun.wait(10)
    assert compilation.n_notices == 0
    waiting = compilation.start(loading.join)
    assert compilation.has_notice()
    assert waiting.is_alive()
    compilation.may_end.set()
    waiting.join(10)
    assert not loading.is_alive()


def test_who_waits_before_the_compilation_begins_is_told_too(compilation, monkeypatch):
    may_begin = threading.Event()
    monkeypatch.setattr(fused_engine, "load_kernels", lambda *, is_deep: may_begin.wait(10) and compilation.call(None))
    compilation.start(load_ahead("fused", 1).join)
    may_begin.set()
    assert compilation.has_notice()


def test_a_thread_that_needs_what_another_compiles_ahead_is_told(compilation):
    load_ahead("fused", 1)
    assert compilation.begun.wait(10)
    assert compilation.n_notices == 0
    compilation.start(compilation.call, None)
    assert compilation.has_notice()


def test_who_joins_a_loader_that_has_ended_is_not_told_of_what_another_compiles(compilation):
    ended = load_ahead("fused", None)
    threading.Thread.join(ended, 10)
    load_ahead("fused", 1)
    assert compilation.begun.wait(10)
    ended.join()
    assert compilation.n_notices == 0


def test_nobody_is_told_of_what_was_compiled_before_they_waited(compilation):
    compilation.may_end.set()
    loading = load_ahead("fused", 1)
    assert compilation.begun.wait(10)
    threading.Thread.join(loading, 10)
    loading.join()
    assert compilation.n_notices == 0


@pytest.fixture(params=[True, False], ids=["collects", "does not collect"])
def settings(request):
    """Numba's level, and whether Python collects garbage, as the user has set them."""
    was_enabled = gc.isenabled()
    gc.enable() if request.param else gc.disable()
    yield lambda: (int(config.OPT), gc.isenabled())
    gc.enable() if was_enabled else gc.disable()


QUICKER = (1, False)


def test_the_users_settings_are_as_before_after_a_compilation(compilation, settings):
    before = settings()
    thread = compilation.start(compilation.call, None)
    assert compilation.begun.wait(10)
    assert settings() == QUICKER != before
    compilation.may_end.set()
    thread.join(10)
    assert settings() == before


def test_settings_are_as_before_after_a_compilation_that_fails(settings):
    before = settings()

    def fail(_):
        with trigger_event("numba:compile"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compiling._announced(fail)(None)
    assert settings() == before
    assert not compiling._notice.is_compiling


def test_the_compilation_of_somebody_else_changes_no_settings_and_is_not_announced(compilation, settings):
    before, begun, may_end = settings(), threading.Event(), threading.Event()

    def compile_something_else():
        with global_compiler_lock, trigger_event("numba:compile"):
            begun.set()
            may_end.wait(10)
            with trigger_event("numba:compile"):
                pass

    other = compilation.start(compile_something_else)
    assert begun.wait(10)
    thread = compilation.start(compilation.call, None)  # waits for numba's lock
    time.sleep(0.1)
    assert settings() == before
    assert compilation.n_notices == 0
    may_end.set()
    other.join(10)
    assert compilation.begun.wait(10)
    assert settings() == QUICKER
    assert compilation.has_notice()
    compilation.may_end.set()
    thread.join(10)
    assert settings() == before


def test_what_an_interruption_left_is_restored_by_the_next_compilation(compilation, settings):
    before = settings()
    compiling._quicker_compilation.__enter__()  # as if Ctrl-C had come at its end
    compilation.may_end.set()
    compilation.call(None)
    assert settings() == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_child_forked_during_a_compilation_has_the_users_settings(compilation, settings):
    before = settings()
    compilation.start(compilation.call, None)
    assert compilation.begun.wait(10)
    child = os.fork()
    if child == 0:
        os._exit(settings() != before)
    assert os.waitpid(child, 0)[1] == 0
