"""Which engine runs: by name, by what is installed and which devices there are; and its code loaded ahead."""

import logging
import os
import subprocess
import sys
import threading
import time

import pytest

from golmu import engines
from golmu.architecture import Architecture
from golmu.engines import create_engine, load_ahead
from golmu.engines.fused import engine as fused_module
from golmu.engines.tensorflow.quiet import import_tensorflow, is_installed
from golmu.errors import EngineError

SMALL = Architecture(4, 4, 1, 1, 1, 2)

NOT_INSTALLED = "engine 'tensorflow' needs TensorFlow, which is not installed: pip install \"golmu[tensorflow]\""

GPU_IS_IDLE = (
    "a GPU was found, but TensorFlow is not installed, so the fused CPU engine runs; to use the GPU: "
    'pip install "golmu[tensorflow]"'
)

REFUSE_TENSORFLOW = """
import sys
class Hook:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "keras"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hook())
"""


@pytest.fixture
def gpu(tmp_path, monkeypatch):
    """A GPU's device file exists, and a first notice about it is due."""
    device = tmp_path / "nvidiactl"
    device.touch()
    monkeypatch.setattr(engines, "GPU_DEVICE_FILES", (str(device),))
    engines._say_that_the_gpu_is_idle.cache_clear()


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(engines, "GPU_DEVICE_FILES", ())


@pytest.fixture
def no_tensorflow(monkeypatch):
    """No TensorFlow is installed, and the engine has not been imported."""
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    monkeypatch.delitem(sys.modules, "golmu.engines.tensorflow.engine", raising=False)


def process(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code], env=os.environ | environment, capture_output=True, text=True, check=False
    )


def test_auto_is_fused_without_a_gpu_whether_tensorflow_is_installed_or_not(no_gpu, no_tensorflow, caplog):
    assert create_engine("auto", SMALL).name == "fused"
    assert not caplog.messages


@pytest.mark.parametrize(("finds_gpu", "name"), [(True, "tensorflow"), (False, "fused")])
def test_auto_is_tensorflow_where_it_finds_a_gpu(gpu, monkeypatch, caplog, finds_gpu, name):
    monkeypatch.setattr("golmu.engines.tensorflow.engine.has_gpu", lambda: finds_gpu)
    assert create_engine("auto", SMALL).name == name
    assert not [record for record in caplog.records if record.name == "golmu"], "libraries may warn of each other"


def test_auto_is_fused_where_a_gpu_has_no_tensorflow_and_says_so_once(gpu, no_tensorflow, caplog):
    for _ in range(2):
        assert create_engine("auto", SMALL).name == "fused"
    assert [(record.name, record.levelno, record.getMessage()) for record in caplog.records] == [
        ("golmu", logging.WARNING, GPU_IS_IDLE)
    ]


def test_the_engine_tensorflow_without_tensorflow_says_how_to_install_it(no_tensorflow):
    assert not is_installed()
    with pytest.raises(EngineError) as raised:
        create_engine("tensorflow", SMALL)
    assert str(raised.value) == NOT_INSTALLED
    assert raised.value.exit_code == 2
    with pytest.raises(EngineError, match=r"^the export needs TensorFlow, which is not installed: pip install"):
        import_tensorflow("the export")


@pytest.mark.parametrize("error", ["ImportError", "AttributeError"])
def test_a_tensorflow_that_cannot_be_imported_says_why(tmp_path, error):
    (tmp_path / "tensorflow.py").write_text(f"raise {error}('libtensorflow_cc.so.2 is missing')")
    code = (
        "from golmu.engines import create_engine\n"
        "from golmu.engines.tensorflow.quiet import is_installed\n"
        "from golmu.architecture import Architecture\n"
        "from golmu.errors import EngineError\n"
        "assert is_installed()\n"
        "try:\n"
        "    create_engine('tensorflow', Architecture(4, 4, 1, 1, 1, 2))\n"
        "except EngineError as error:\n"
        "    print(error)"
    )
    done = process(code, PYTHONPATH=str(tmp_path))
    assert done.stdout == "TensorFlow cannot be imported: libtensorflow_cc.so.2 is missing\n", done.stderr


def test_import_tensorflow_returns_the_module():
    assert import_tensorflow() is sys.modules["tensorflow"]


def test_training_needs_no_tensorflow_where_none_can_be_imported():
    code = REFUSE_TENSORFLOW + (
        "import numpy as np\n"
        "from golmu import ConvolutionNetwork\n"
        "x, y = np.zeros((64, 8, 8), np.uint8), np.arange(64) % 2\n"
        "print(ConvolutionNetwork(engine='fused').fit(x, y, 1).engine_, ConvolutionNetwork().fit(x, y, 1).engine_)"
    )
    done = process(code)
    assert done.stdout.split() == ["fused", "fused"], done.stderr


def test_the_command_without_tensorflow_says_in_one_line_how_to_install_it(data, tmp_path):
    folder = tmp_path / "run"
    arguments = ["golmu", "train", str(data), "--engine", "tensorflow", "--epochs", "1", "--run", str(folder)]
    done = process(f"{REFUSE_TENSORFLOW}\nsys.argv = {arguments!r}\nfrom golmu.cli import main\nmain()")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == f"golmu: error: {NOT_INSTALLED}"
    assert "Traceback" not in done.stderr


def test_code_is_loaded_ahead_for_the_fused_engine_only(gpu, monkeypatch):
    loaded = []
    monkeypatch.setattr(fused_module, "load_kernels", lambda *, is_deep: loaded.append(is_deep))

    def is_loaded(name):
        loaded.clear()
        for n_blocks in (None, 1, 2, 4):
            load_ahead(name, n_blocks).join()
        assert loaded in ([], [False, True, True])
        return bool(loaded)

    assert is_loaded("fused")
    assert not is_loaded("tensorflow")
    assert not is_loaded("auto")
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    assert is_loaded("auto")
    monkeypatch.setattr(engines, "GPU_DEVICE_FILES", ())
    assert is_loaded("auto")


def test_auto_is_the_fused_engine_and_needs_no_tensorflow():
    code = (
        "import sys, numpy as np; from golmu import ConvolutionNetwork\n"
        "x, y = np.zeros((64, 8, 8), np.uint8), np.arange(64) % 2\n"
        "network = ConvolutionNetwork().fit(x, y, 1)\n"
        "print(network.engine_, 'tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["fused", "False"]


def test_kernels_are_loaded_ahead_in_a_thread_that_ends(no_gpu, monkeypatch):
    loaded = threading.Event()

    def load(*, is_deep):
        loaded.set()

    monkeypatch.setattr(fused_module, "load_kernels", load)
    before = threading.active_count()
    load_ahead("auto", 1)
    assert loaded.wait(10)
    deadline = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("is_deep", "names"), [(False, ["train", "evaluate"]), (True, ["train_deep", "evaluate_deep"])]
)
def test_loading_ahead_calls_every_kernel_of_the_network_and_no_other(monkeypatch, is_deep, names):
    called, kernels, bands = [], fused_module.kernels, fused_module.bands
    for name, module in (("train", bands), ("evaluate", kernels), ("train_deep", kernels), ("evaluate_deep", kernels)):
        monkeypatch.setattr(module, name, lambda *_, name=name: called.append(name))
    fused_module.load_kernels(is_deep=is_deep)
    assert called == names


def test_loading_ahead_keeps_its_errors(monkeypatch):
    def broken(*, is_deep):
        raise EngineError("no kernels here")

    monkeypatch.setattr(fused_module, "load_kernels", broken)
    load_ahead("fused", 1)
