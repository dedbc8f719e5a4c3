"""Figures: each function draws its data on one Matplotlib axis, the one given or a new one, and returns it.

`curves`, `accuracies`, `learning_rates`, `range_test` and `compared` are of a training (`training`); `confusion`,
`class_scores`, `reliability` and `class_activations` of how good a network is (`scores`); `image`, `kernels`,
`feature_maps`, `heat`, `occlusion`, `probabilities` and `units` of what it makes of an image (`pictures`).
`explanation` is a whole figure of the last, and `samples` a contact sheet of a data set. `png` and `svg` make a file's
content of them.

Matplotlib, which takes a second to import, is imported when something is drawn. The functions stay outside pyplot: no
window system is touched, and no figure stays open.
"""

from golmu.plots.canvas import png, svg
from golmu.plots.curves import accuracies, compared, curves, learning_rates, range_test
from golmu.plots.explanation import explanation
from golmu.plots.images import feature_maps, heat, image, kernels, occlusion, probabilities, units
from golmu.plots.samples import samples
from golmu.plots.scores import class_activations, class_scores, confusion, reliability

__all__ = [
    "accuracies",
    "class_activations",
    "class_scores",
    "compared",
    "confusion",
    "curves",
    "explanation",
    "feature_maps",
    "heat",
    "image",
    "kernels",
    "learning_rates",
    "occlusion",
    "png",
    "probabilities",
    "range_test",
    "reliability",
    "samples",
    "svg",
    "units",
]
