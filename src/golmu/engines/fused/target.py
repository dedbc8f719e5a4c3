"""The processor that numba compiles for: this computer's, or what `NUMBA_CPU_NAME` and `NUMBA_CPU_FEATURES` say."""

from __future__ import annotations

from numba.core.registry import cpu_target

TARGET: tuple[str, str, str] = cpu_target.target_context.codegen().magic_tuple()
"""LLVM's names of the system and of the processor, and the processor's features as "+avx2,-avx512f,…"."""

LANES = 16 if "+avx512f" in TARGET[2].split(",") else 8
"""Float32 numbers in a vector of compiled code: 16 with AVX-512, else 8. On a processor of narrower vectors each takes
a few instructions."""
