"""What the package shows to the world: its names, what importing it costs, and its tree of errors."""

import pickle
import subprocess
import sys
from typing import get_type_hints

import pytest

import golmu
from golmu import errors

NAMES = [
    "ConvolutionNetwork", "Dataset", "ImageSet", "NotFittedError", "Prediction", "Predictor", "RECIPES", "Recipe",
    "Run", "explain", "export", "fit_image", "load", "load_dataset",
]  # fmt: skip
HEAVY = (
    "tensorflow",
    "keras",
    "matplotlib",
    "sklearn",
    "scipy",
    "numba",
    "PIL",
    "jinja2",
    "pyarrow",
    "pandas",
    "onnx",
    "fastapi",
    "uvicorn",
    "prometheus_client",
    "optuna",
    "psycopg",
)


def test_the_public_names_are_these_and_can_be_imported():
    assert golmu.__all__ == NAMES
    namespace = {}
    exec("from golmu import *", namespace)
    assert sorted(set(namespace) - {"__builtins__"}) == NAMES
    assert all(namespace[name] is getattr(golmu, name) for name in NAMES)


def test_the_public_names_are_listed():
    listed = dir(golmu)
    assert set(NAMES) | {"__version__"} <= set(listed)
    assert len(listed) == len(set(listed))


def test_public_objects_say_what_they_are():
    assert all(getattr(golmu, name).__doc__ for name in NAMES if name != "RECIPES")


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"^module 'golmu' has no attribute 'ConvolutionNetwrk'$"):
        _ = golmu.ConvolutionNetwrk
    with pytest.raises(ImportError, match="cannot import name 'ConvolutionNetwrk' from 'golmu'"):
        from golmu import ConvolutionNetwrk  # noqa: F401


@pytest.mark.parametrize(
    "code",
    [
        "import golmu",
        "import golmu.cli; sys.argv[1:] = ['--help']; golmu.cli.main()",
        "import golmu.cli; sys.argv[1:] = ['train', '--help']; golmu.cli.main()",
        "import golmu.cli; sys.argv[1:] = ['--version']; golmu.cli.main()",
        "import golmu.cli; sys.argv[1:] = ['traim']; golmu.cli.main()",
    ],
    ids=["import", "help", "help of a command", "version", "usage error"],
)
def test_what_needs_no_engine_imports_nothing_heavy(code):
    report = f"atexit.register(lambda: print('heavy:', *sorted(set({HEAVY}) & set(sys.modules))))"
    done = subprocess.run(
        [sys.executable, "-c", f"import atexit, sys; {report}; {code}"], capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines()[-1].strip() == "heavy:"
    assert "Traceback" not in done.stderr


def error_classes():
    return [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]


def test_every_error_is_in_one_tree_and_has_an_exit_status():
    found = [cls for cls in error_classes() if not issubclass(cls, Warning)]
    assert len(found) >= 8
    for cls in (*found, golmu.NotFittedError):
        assert issubclass(cls, errors.GolmuError)
        assert cls.exit_code in (1, 2)
        assert cls.__doc__
    assert all(issubclass(cls, errors.GolmuWarning) for cls in error_classes() if issubclass(cls, Warning))


def test_errors_are_also_what_python_programmers_catch():
    assert issubclass(errors.InputError, ValueError)
    assert issubclass(errors.InputTypeError, TypeError)
    assert issubclass(golmu.NotFittedError, (ValueError, AttributeError))


def test_the_errors_are_drawn_in_the_modules_docstring():
    assert all(cls.__name__ in errors.__doc__ for cls in error_classes() if cls is not errors.GolmuWarning)


def test_the_version_is_that_of_the_installed_package():
    from importlib.metadata import version

    assert golmu.__version__ == version("golmu")


def test_the_command_line_is_the_packages_main_program_too():
    command = [sys.executable, "-m", "golmu", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"golmu {golmu.__version__}\n"


def test_pickles_name_golmu_and_no_module_inside_it():
    network = golmu.ConvolutionNetwork(2, 3)
    for value in (network, golmu.RECIPES["best"], golmu.NotFittedError("x")):
        pickled = pickle.dumps(value)
        assert b"golmu.estimator" not in pickled
        assert b"golmu.recipe" not in pickled
        assert type(pickle.loads(pickled)) is type(value)
    assert repr(golmu.ConvolutionNetwork) == "<class 'golmu.ConvolutionNetwork'>"
    assert get_type_hints(golmu.ConvolutionNetwork.score)["return"] is float
    assert get_type_hints(golmu.Recipe)["patience"] == int | None
