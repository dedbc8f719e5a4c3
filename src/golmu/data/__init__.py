"""Data sets: images with labels and class names, split by class, read from IDX files, verified on the way in.

`load_dataset("fashion-mnist")` is all that most callers need. What a data set is stands in `dataset`; `loading` chooses
by name; `fashion_mnist` knows where its four files may be found and what they must hold; `fetching` gets files from
elsewhere; `idx` reads them.
"""

from golmu.data.dataset import Dataset, ImageSet
from golmu.data.loading import load_dataset

__all__ = ["Dataset", "ImageSet", "load_dataset"]
