"""How pages write what they show."""

import pytest

from golmu.pages.rendering import format_duration


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.00412, "4.1 ms"), (0.0178, "18 ms"), (0.179, "0.18 s"), (6.28, "6.3 s"), (148, "2.5 min"), (9000, "2.5 h")],
)
def test_a_duration_has_the_unit_in_which_it_is_read(seconds, said):
    assert format_duration(seconds) == said
