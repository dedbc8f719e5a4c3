"""The answer to a request for predictions, written as JSON without a detour."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class AnswerWriter:
    """Writes answers (`golmu.serve.description.PredictionsAnswer`) about classes of these names.

    All but the numbers is written once, here: for a small image, `json.dumps` would take longer than the network.
    """

    def __init__(self, class_names: Sequence[str]) -> None:
        self._labels = [_as_json(name) for name in class_names]
        named = ",".join(label.replace("%", "%%") + ":%r" for label in self._labels)
        self._prediction = f'{{"image":%s,"label":%s,"probability":%r,"inverted":%s,"probabilities":{{{named}}}}}'

    def write(
        self, names: Sequence[str | None], are_inverted: Sequence[bool], probabilities: NDArray[np.float32]
    ) -> bytes:
        """Return the answer for images.

        Parameters
        ----------
        names
            (n,): what their files are called, if anything.
        are_inverted
            (n,): whether they were inverted.
        probabilities
            (n, C), finite.
        """
        predictions = []
        for name, is_inverted, row in zip(names, are_inverted, probabilities, strict=True):
            best, values = int(row.argmax()), row.tolist()
            image, inverted = "null" if name is None else _as_json(name), "true" if is_inverted else "false"
            predictions.append(self._prediction % (image, self._labels[best], values[best], inverted, *values))
        return f'{{"predictions":[{",".join(predictions)}]}}'.encode()


def _as_json(name: str) -> str:
    """Return a name as JSON: as it is, unless it holds half a surrogate pair, which only an escape can stand for."""
    text = json.dumps(name, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(name)
    return text
