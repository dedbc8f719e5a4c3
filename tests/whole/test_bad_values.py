"""Every argument of the estimator, of `fit` and of every command, with values that it must refuse, word by word."""

import inspect
import re

import numpy as np
import pytest
import typer.main
from small_network import N, X, Y, network
from wrong_commands import WRONG

from golmu import ConvolutionNetwork
from golmu.cli import app
from golmu.engines import ENGINE_NAMES
from golmu.errors import InputError, InputTypeError

AT_LEAST_1 = "must be an integer of at least 1, got"
OR_TUPLE = "must be an integer of at least 1, or a tuple of up to 4, got"
SHARE = "must be a number of at least 0 and below 1, got"
RANDOM_STATE = "random_state must be None, an integer, a RandomState or a Generator, got"
TOGETHER = "x_val and y_val must be given together, or not at all"
CONTINUOUS = "(Unknown label type: continuous): use integers or strings"
MISSING = "y is missing: the network requires y to be passed, but the target y is None; give one label for each image"
ENGINES = ", ".join(ENGINE_NAMES)

SETTINGS = [
    ({"n_kernels": 0}, InputError, f"n_kernels {AT_LEAST_1} 0"),
    ({"n_kernels": 2.5}, InputTypeError, f"n_kernels {OR_TUPLE} 2.5"),
    ({"units": -1}, InputError, f"units {AT_LEAST_1} -1"),
    ({"units": "10"}, InputTypeError, f"units {AT_LEAST_1} '10'"),
    ({"batch_size": 0}, InputError, f"batch_size {AT_LEAST_1} 0"),
    ({"batch_size": 8.0}, InputTypeError, f"batch_size {AT_LEAST_1} 8.0"),
    ({"batch_size": True}, InputTypeError, f"batch_size {AT_LEAST_1} True"),
    ({"learning_rate": 0}, InputError, "learning_rate must be a finite number above 0, got 0.0"),
    ({"learning_rate": -0.1}, InputError, "learning_rate must be a finite number above 0, got -0.1"),
    ({"learning_rate": np.nan}, InputError, "learning_rate must be a finite number above 0, got nan"),
    ({"learning_rate": np.inf}, InputError, "learning_rate must be a finite number above 0, got inf"),
    ({"learning_rate": 10**400}, InputError, "learning_rate must be a finite number above 0, got inf"),
    ({"learning_rate": "0.1"}, InputTypeError, "learning_rate must be a number above 0, got '0.1'"),
    ({"learning_rate": None}, InputTypeError, "learning_rate must be a number above 0, got None"),
    ({"engine": "torch"}, InputError, f"engine must be one of {', '.join(ENGINE_NAMES)}, got 'torch'"),
    ({"engine": "tensorflw"}, InputError,
     f"engine must be one of {', '.join(ENGINE_NAMES)}, got 'tensorflw'; did you mean 'tensorflow'?"),
    ({"engine": None}, InputTypeError, f"engine must be one of {', '.join(ENGINE_NAMES)}, got None"),
    ({"record_loss": "during"}, InputError, "record_loss must be one of after, before, got 'during'"),
    ({"record_loss": True}, InputTypeError, "record_loss must be one of after, before, got True"),
    ({"random_state": -1}, InputError, "random_state must be at least 0, got -1"),
    ({"random_state": 1.5}, InputTypeError,
     "random_state must be None, an integer, a RandomState or a Generator, got 1.5"),
    ({"random_state": "seed"}, InputTypeError,
     "random_state must be None, an integer, a RandomState or a Generator, got 'seed'"),
    ({"n_kernels": None}, InputTypeError, f"n_kernels {OR_TUPLE} None"),
    ({"n_kernels": "3"}, InputTypeError, f"n_kernels {OR_TUPLE} '3'"),
    ({"n_kernels": True}, InputTypeError, f"n_kernels {OR_TUPLE} True"),
    ({"n_kernels": {3: 4}}, InputTypeError, f"n_kernels {OR_TUPLE} {{3: 4}}"),
    ({"n_kernels": np.array(2.5)}, InputTypeError, f"n_kernels {OR_TUPLE} array(2.5)"),
    ({"n_kernels": {3, 4}}, InputTypeError, f"n_kernels {OR_TUPLE} {{3, 4}}"),
    ({"n_kernels": (3, 0)}, InputError, f"each of n_kernels {AT_LEAST_1} 0"),
    ({"n_kernels": [3, 2.5]}, InputTypeError, f"each of n_kernels {AT_LEAST_1} 2.5"),
    ({"n_kernels": ()}, InputError, "n_kernels must have one number for each of 1 to 4 blocks, got 0"),
    ({"n_kernels": range(1, 10**9)}, InputError,
     "n_kernels must have one number for each of 1 to 4 blocks, got 999999999"),
    ({"n_kernels": (2, 3, 4)}, InputError,
     "height must be at least 8 for the 3 blocks of n_kernels=(2, 3, 4), each of which halves it, got 7: use fewer "
     "blocks (--n-kernels), or larger images (--size 32, in load_dataset size=32)"),
    ({"n_kernels": 10**12}, InputError,
     "n_kernels=1000000000000 and units=5 on images of shape (7, 6, 2) make 64,000,000,000,023 parameters, and at "
     "most 1,073,741,824 are supported: lower them"),
    ({"n_kernels": 10**5000}, InputError, "n_kernels must have at most 1,000 digits, got about 5,001"),
    ({"n_kernels": (2, -(10**4300))}, InputError, "each of n_kernels must have at most 1,000 digits, got about 4,301"),
    ({"n_kernels": np.int64}, InputTypeError, f"n_kernels {OR_TUPLE} {np.int64}"),
    ({"n_kernels": np.ndarray}, InputTypeError, f"n_kernels {OR_TUPLE} {np.ndarray}"),
    ({"batch_size": 10**5000}, InputError, "batch_size must have at most 1,000 digits, got about 5,001"),
    ({"random_state": 10**5000}, InputError, "random_state must have at most 1,000 digits, got about 5,001"),
    ({"units": np.nan}, InputTypeError, f"units {AT_LEAST_1} nan"),
    ({"units": ""}, InputTypeError, f"units {AT_LEAST_1} ''"),
    ({"learning_rate": True}, InputTypeError, "learning_rate must be a number above 0, got True"),
    ({"image_shape": 8}, InputTypeError,
     "image_shape must be (height, width), (height, width, channels) or None, got 8"),
    ({"image_shape": (8,)}, InputError,
     "image_shape must be (height, width), (height, width, channels) or None, got (8,)"),
    ({"image_shape": (8, 2.5)}, InputTypeError, "image_shape must be an integer of at least 1, got 2.5"),
    ({"image_shape": (8, 0)}, InputError, "image_shape must be an integer of at least 1, got 0"),
    ({"image_shape": (8, 9)}, InputError, "x must hold images of shape (8, 9, 1), got (7, 6, 2)"),
    ({"class_weight": "even"}, InputTypeError,
     "class_weight must be None, 'balanced' or a dict from labels to numbers, got 'even'"),
    ({"warm_start": 1}, InputTypeError, "warm_start must be True or False, got 1"),
    ({"engine": ""}, InputError, f"engine must be one of {ENGINES}, got ''"),
    ({"record_loss": "befor"}, InputError,
     "record_loss must be one of after, before, got 'befor'; did you mean 'before'?"),
    ({"random_state": np.nan}, InputTypeError, f"{RANDOM_STATE} nan"),
    ({"random_state": True}, InputTypeError, f"{RANDOM_STATE} True"),
    ({"n_threads": 0}, InputError, "n_threads must be an integer from 1 to 1024, got 0"),
    ({"n_threads": 1.5}, InputTypeError, "n_threads must be an integer from 1 to 1024, got 1.5"),
    ({"n_threads": "two"}, InputTypeError, "n_threads must be an integer from 1 to 1024, got 'two'"),
    ({"patience": 0}, InputError, f"patience {AT_LEAST_1} 0"),
    ({"patience": np.nan}, InputTypeError, f"patience {AT_LEAST_1} nan"),
    ({"patience": False}, InputTypeError, f"patience {AT_LEAST_1} False"),
    ({"patience": 3}, InputError,
     "patience needs validation images: pass x_val and y_val, or leave patience out"),
    ({"epochs": 0}, InputError, "epochs must be an integer from 1 to 10000000, got 0"),
    ({"epochs": None}, InputTypeError, "epochs must be an integer from 1 to 10000000, got None"),
    ({"optimizer": "adm"}, InputError,
     "optimizer must be one of sgd, nesterov, adam, adamw, got 'adm'; did you mean 'adam'?"),
    ({"momentum": 1}, InputError, f"momentum {SHARE} 1.0"),
    ({"momentum": "0.9"}, InputTypeError, f"momentum {SHARE} '0.9'"),
    ({"weight_decay": -1}, InputError, "weight_decay must be a number of at least 0, got -1.0"),
    ({"weight_decay": np.inf}, InputError, "weight_decay must be a number of at least 0, got inf"),
    ({"weight_decay": None}, InputTypeError, "weight_decay must be a number of at least 0, got None"),
    ({"weight_decay": 0.1, "optimizer": "adam"}, InputError,
     "weight_decay is 0.1, but optimizer 'adam' has none: use 'adamw', or leave it out"),
    ({"schedule": "step"}, InputError, "schedule must be one of constant, triangular, cosine, got 'step'"),
    ({"warmup": 1.5}, InputError, f"warmup {SHARE} 1.5"),
    ({"final_rate": -0.5}, InputError, f"final_rate {SHARE} -0.5"),
    ({"final_batch_size": 0}, InputError, f"final_batch_size {AT_LEAST_1} 0"),
    ({"label_smoothing": np.nan}, InputError, f"label_smoothing {SHARE} nan"),
    ({"feature_dropout": 1}, InputError, f"feature_dropout {SHARE} 1.0"),
    ({"hidden_dropout": True}, InputTypeError, f"hidden_dropout {SHARE} True"),
    ({"flip": 1}, InputTypeError, "flip must be True or False, got 1"),
    ({"shift": -1}, InputError, "shift must be an integer from 0 to 32768, got -1"),
    ({"shift": 10**20}, InputError, "shift must be an integer from 0 to 32768, got 100000000000000000000"),
    ({"shift": 1.5}, InputTypeError, "shift must be an integer from 0 to 32768, got 1.5"),
    ({"erase": "8"}, InputTypeError, "erase must be an integer from 0 to 32768, got '8'"),
    ({"momentum": 0, "optimizer": "nesterov"}, InputError,
     "momentum is 0, but optimizer 'nesterov' needs momentum: use 'sgd'"),
    ({"final_rate": 0.1}, InputError,
     "final_rate is 0.1, but schedule 'constant' keeps the whole rate: use 'triangular' or 'cosine', or leave it out"),
    ({"average_epochs": 2, "patience": 3}, InputError,
     "average_epochs averages over the last epochs, and patience may stop before them: give one of them, or use ema"),
    ({"ema": 1.0}, InputError, f"ema {SHARE} 1.0"),
    ({"average_epochs": -1}, InputError, "average_epochs must be an integer of at least 0, got -1"),
    ({"average_epochs": 101}, InputError, "average_epochs is 101, but there are only 100 epochs"),
    ({"average_epochs": 1, "ema": 0.9}, InputError,
     "ema and average_epochs are two ways to average the weights: give one of them"),
    ({"test_flip": "yes"}, InputTypeError, "test_flip must be True or False, got 'yes'"),
    ({"standardize": None}, InputTypeError, "standardize must be True or False, got None"),
]  # fmt: skip

ARGUMENTS = [
    ({"epochs": 0}, InputError, "epochs must be an integer from 1 to 10000000, got 0"),
    ({"epochs": 1.0}, InputTypeError, "epochs must be an integer from 1 to 10000000, got 1.0"),
    ({"x": X[:0], "y": Y[:0]}, InputError, "x holds no images: its shape is (0, 7, 6, 2)"),
    ({"x": X.reshape(N, -1)}, InputError,
     "x is flattened to 84 values per image, which must be a square number: "
     "reshape it to (n, h, w, c), or one image to (1, h, w, c), "
     "or set the network's image_shape"),
    ({"x": np.full(X.shape, np.nan)}, InputError,
     "x holds pixels that are NaN or infinite in float32, the first in image 0: replace them"),
    ({"x": X.astype(int) + 1}, InputError, "x holds integer pixels from 1 to 256: they must lie in 0–255"),
    ({"y": Y[:-1]}, InputError, "y has 49 labels for 50 images: give one label for each image"),
    ({"y": None}, InputTypeError, MISSING),
    ({"y": Y * 0 + 3}, InputError, "y must hold at least 2 classes, got one class only: 3"),
    ({"y": Y / 2}, InputError, f"y must hold class labels, got 0.5 {CONTINUOUS}"),
    ({"x_val": X}, InputTypeError, TOGETHER),
    ({"y_val": Y}, InputTypeError, TOGETHER),
    ({"x_val": X[:, :5], "y_val": Y}, InputError, "x_val must hold images of shape (7, 6, 2), got (5, 6, 2)"),
    ({"x_val": X, "y_val": Y[1:]}, InputError, "y_val has 49 labels for 50 images: give one label for each image"),
    ({"x_val": X, "y_val": Y + 1}, InputError, "y_val holds the label 3, which is not one of the classes: 0, 1, 2"),
    ({"x_val": X, "y_val": np.eye(4)[Y]}, InputError, "y_val is one-hot over 4 classes, but the network has 3"),
    ({"callback": 3}, InputTypeError,
     "callback must be a function of a golmu.training.Progress, or None, got 3"),
    ({"epochs": True}, InputTypeError, "epochs must be an integer from 1 to 10000000, got True"),
    ({"epochs": np.nan}, InputTypeError, "epochs must be an integer from 1 to 10000000, got nan"),
    ({"epochs": "ten"}, InputTypeError, "epochs must be an integer from 1 to 10000000, got 'ten'"),
    ({"x": None}, InputTypeError, "x must be an array of images, got None"),
    ({"x": "images"}, InputTypeError, "x must be an array of real numbers, got dtype <U6"),
    ({"sample_weight": [1]}, InputError,
     f"sample_weight.shape == (1,), expected ({len(X)},): give one number for each image"),
    ({"x": 3}, InputError, "x must have shape (n, h, w, c), (n, h, w) or flattened (n, h·w), got (): "
     "Reshape your data, one image to (1, h, w, c)"),
    ({"x": X[..., :0]}, InputError,
     "x must hold images of at least 2x2 pixels and one channel, got (7, 6, 0)"),
    ({"y": []}, InputError, "y has 0 labels for 50 images: give one label for each image"),
    ({"y": 3}, InputError, "y must have shape (n,), or one-hot (n, classes), got ()"),
    ({"y": np.where(Y, Y, np.nan)}, InputError,
     "y has missing labels (None or NaN), the first for image 0: remove these images, or label them"),
    ({"y": np.ones((N, 3))}, InputError,
     "y of shape (50, 3) must be one-hot: one 1 in each row, and 0 elsewhere"),
    ({"x_val": X[:0], "y_val": Y[:0]}, InputError, "x_val holds no images: its shape is (0, 7, 6, 2)"),
    ({"callback": "print"}, InputTypeError,
     "callback must be a function of a golmu.training.Progress, or None, got 'print'"),
    ({"run": 3}, InputTypeError, "run must be a folder's path, got 3"),
    ({"run": ""}, InputTypeError, "run must be a folder's path, got ''"),
    ({"resume": np.nan}, InputTypeError, "resume must be a folder's path, got nan"),
    ({"run": "a", "resume": "b"}, InputTypeError,
     "run is for a new folder, and resume for a run to continue: give one of them"),
    ({"allow_inexact": "yes"}, InputTypeError, "allow_inexact must be True or False, got 'yes'"),
    ({"allow_inexact": None}, InputTypeError, "allow_inexact must be True or False, got None"),
]  # fmt: skip


def named(table):
    """The arguments that a table speaks of."""
    return {name for given, _, _ in table for name in given}


@pytest.mark.parametrize(("setting", "kind", "text"), SETTINGS)
def test_bad_settings_are_refused_by_fit(setting, kind, text):
    with pytest.raises(InputError, match=f"^{re.escape(text)}$") as caught:
        network(**setting).fit(X, Y)
    assert type(caught.value) is kind


@pytest.mark.parametrize(("argument", "kind", "text"), ARGUMENTS)
def test_bad_arguments_are_refused_by_fit(argument, kind, text):
    fresh = network()
    with pytest.raises(InputError, match=f"^{re.escape(text)}$") as caught:
        fresh.fit(**{"x": X, "y": Y, "epochs": 1, **argument})
    assert type(caught.value) is kind
    assert not fresh.__sklearn_is_fitted__()
    assert isinstance(caught.value, TypeError if kind is InputTypeError else ValueError)


def test_the_tables_leave_no_argument_out():
    assert named(SETTINGS) == set(inspect.signature(ConvolutionNetwork).parameters)
    assert named(ARGUMENTS) == set(inspect.signature(ConvolutionNetwork.fit).parameters) - {"self"}


@pytest.mark.parametrize("command", typer.main.get_command(app).commands)
def test_the_table_of_the_command_line_leaves_no_option_out(command):
    lines = [line.split() for line, _ in WRONG.values() if line.startswith(f"{command} ") or line == command]
    assert lines
    for parameter in typer.main.get_command(app).commands[command].params:
        if parameter.param_type_name == "option" and not parameter.is_flag:
            assert any(parameter.opts[0] in line for line in lines), f"{command} {parameter.opts[0]}"
        elif parameter.param_type_name == "argument":
            assert any(len(line) > 1 for line in lines)
