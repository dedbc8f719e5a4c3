"""A short training, and the calls in its code when it is compiled for other processors; run as a script by
`tests/engines/fused/test_target.py`, with numba set to an old processor."""

import json
import re

import llvmlite.binding as llvm
import numpy as np
from engine_cases import make_case, make_engine

from golmu.engines.contract import Batches
from golmu.recipe import Method

TARGETS = {
    "aarch64": ("aarch64-unknown-linux-gnu", "generic"),
    "x86-64-v2": ("x86_64-unknown-linux-gnu", "x86-64-v2"),
}
"""LLVM's names of a system and a processor."""


ENTRIES = ("train", "few_logits")
"""Kernels whose code is searched for calls."""


def train_briefly():
    """Train with everything that a method may ask for; return losses, logits of many and few images, and weights."""
    architecture, images, labels, weights = make_case((9, 8, 1, 5, 20, 4, 128))
    engine = make_engine("fused", architecture, weights)
    method = Method(optimizer="adamw", flip=True, shift=1, erase=3, feature_dropout=0.2, hidden_dropout=0.2)
    order = np.tile(np.arange(128).reshape(2, 64), (5, 1))
    losses = engine.train(engine.prepare(images, labels), Batches(order, np.full(10, 0.05, np.float32), seed=3), method)
    return [losses, engine.logits(images), engine.logits(images[:3]), *engine.get_weights().values()]


def keep_modules():
    """Make numba keep LLVM's optimised module of each function that it compiles, and return where: (name, text)."""
    from numba.core.codegen import JITCodeLibrary

    modules, finalize = [], JITCodeLibrary._finalize_specific

    def keep(library):
        modules.append((library.name, str(library._final_module)))
        finalize(library)

    JITCodeLibrary._finalize_specific = keep
    return modules


def find_calls(module, triple, processor):
    """Compile a module for another processor; return the names of all functions that it calls."""
    module = re.sub("target datalayout = .*", "", module)
    module = re.sub("target triple = .*", f'target triple = "{triple}"', module)
    machine = llvm.Target.from_triple(triple).create_target_machine(cpu=processor, opt=3, codemodel="small")
    assembly = machine.emit_assembly(llvm.parse_assembly(module))
    calls = re.findall(r"^\s+(?:callq?|jmp|bl?)\s+([A-Za-z_]\w*)", assembly, re.MULTILINE)
    return sorted(set(calls))


if __name__ == "__main__":
    modules = keep_modules()
    results = train_briefly()
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    entries = [max((text for name, text in modules if entry in name), key=len) for entry in ENTRIES]
    calls = {
        name: sorted({call for text in entries for call in find_calls(text, *target)})
        for name, target in TARGETS.items()
    }
    print(json.dumps({"results": [result.tolist() for result in results], "calls": calls}))
