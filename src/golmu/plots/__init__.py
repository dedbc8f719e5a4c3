"""Figures: each function draws its data on one Matplotlib axis, the one given or a new one, and returns it.

The module `curves` draws a training (`curves`, `accuracies`, `learning_rates`, `range_test`), `comparison` several of
them (`compared`), `scores` how good a network is (`confusion`, `class_scores`, `reliability`, `class_activations`),
`images` an image and maps like it (`image`, `kernels`, `feature_maps`, `heat`), `explanation` how a network decides
about an image (`occlusion`, `grad_cam`, `probabilities`, `units`, and `explanation`, a whole figure), `samples` a
contact sheet of a data set, and `doubtful` one of images whose labels may be wrong (`doubtful_labels`), `search` what
the settings of a search did. `png` and `svg` turn them into the content of a file.

Matplotlib, which takes a second to import, is imported when something is drawn. The functions stay outside pyplot: no
window system is touched, and no figure stays open.
"""

from golmu.plots.canvas import png, svg
from golmu.plots.comparison import compared
from golmu.plots.curves import accuracies, curves, learning_rates, range_test
from golmu.plots.doubtful import doubtful_labels
from golmu.plots.explanation import explanation, grad_cam, occlusion, probabilities, units
from golmu.plots.images import feature_maps, heat, image, kernels
from golmu.plots.samples import samples
from golmu.plots.scores import class_activations, class_scores, confusion, reliability
from golmu.plots.search import SearchedSetting, search

__all__ = [
    "SearchedSetting",
    "accuracies",
    "class_activations",
    "class_scores",
    "compared",
    "confusion",
    "curves",
    "doubtful_labels",
    "explanation",
    "feature_maps",
    "grad_cam",
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
    "search",
    "svg",
    "units",
]
