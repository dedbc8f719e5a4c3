"""Networks in the formats of other programs: `golmu.export(predictor, folder, to="onnx")`.

`golmu.export` is this package and can be called, so that its parts can be imported as `golmu.export.onnx` too. What a
call does is in `golmu.export.exporting`.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from golmu.data import Dataset
    from golmu.export.exporting import Exported
    from golmu.model.predictor import Predictor


class _CallablePackage(ModuleType):
    def __call__(
        self, predictor: Predictor, path: str | Path, *, to: str = "keras", quantize: Dataset | None = None,
        card: bool = False,
    ) -> Exported:  # fmt: skip
        """Write a network into a folder, in the format of another program; see `golmu.export.exporting.export`."""
        from golmu.export.exporting import export  # noqa: PLC0415  so that naming the package costs nothing

        return export(predictor, path, to=to, quantize=quantize, card=card)


sys.modules[__name__].__class__ = _CallablePackage
