"""The answer as JSON."""

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from golmu.serve.answer import AnswerWriter

ANY_TEXT = st.text(st.characters())  # half surrogates too


@given(st.lists(ANY_TEXT, min_size=2, max_size=5, unique=True), ANY_TEXT | st.none(), st.booleans())
def test_names_of_all_kinds_come_back(class_names, name, is_inverted):
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(len(class_names)), 2).astype(np.float32)
    probabilities[0] = np.float32(1e-30)
    answer = json.loads(AnswerWriter(class_names).write([name, None], [is_inverted, False], probabilities))
    first, second = answer["predictions"]
    assert (first["image"], first["inverted"], second["image"]) == (name, is_inverted, None)
    for one, row in zip((first, second), probabilities, strict=True):
        assert one["label"] == class_names[row.argmax()]
        assert one["probability"] == float(row.max())
        assert one["probabilities"] == dict(zip(class_names, map(float, row), strict=True))
