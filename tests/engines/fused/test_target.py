"""Other processors than this one: the results are right, and no loop calls a library."""

import json
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import other_targets
import pytest
from engine_cases import relative

NOT_ARITHMETIC = re.compile(r"_?Py|numba_|_ZN5golmu|golmu_yield$|memset$")
"""Names of what may be called: Python's and numba's functions around the kernel, and the kernel itself."""

PRINT_TARGET = "from golmu.engines.fused.target import LANES, TARGET; print(LANES, TARGET[1])"


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    """What `other_targets` finds, compiled for a processor of about 2009, without AVX and FMA, and run on this one."""
    if platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip("only an x86 processor can run such code")
    environment = os.environ | {"NUMBA_CPU_NAME": "x86-64-v2", "NUMBA_CPU_FEATURES": ""}
    environment |= {"NUMBA_CACHE_DIR": str(tmp_path_factory.mktemp("cache"))}
    command = [sys.executable, str(Path(other_targets.__file__))]
    return json.loads(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


def test_a_processor_without_fma_gets_the_same_results_to_rounding(old):
    for actual, expected in zip(old["results"], other_targets.train_briefly(), strict=True):
        assert relative(np.array(actual), expected) < 1e-4


def test_a_few_images_have_the_bits_of_many_there_too(old):
    _, many, few, *_ = old["results"]
    assert few == many[: len(few)]


@pytest.mark.parametrize("target", other_targets.TARGETS)
def test_no_loop_calls_a_library(old, target):
    """`llvm.fma` was a call of `fmaf` for each lane where the processor lacks the instruction: 600 times slower."""
    calls = old["calls"][target]
    assert "golmu_yield" in calls
    assert [call for call in calls if not NOT_ARITHMETIC.match(call)] == []


@pytest.mark.parametrize(
    ("features", "lanes"), [("", 8), ("+avx2,+fma", 8), ("+avx512f", 16), ("-avx512f,+avx512fp16", 8)]
)
def test_the_width_of_a_vector_is_that_of_numbas_target(features, lanes):
    environment = os.environ | {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": features}
    done = subprocess.run(
        [sys.executable, "-c", PRINT_TARGET], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(lanes), "x86-64"]
