"""Data sets: images with labels and class names, split by class, read from files of many kinds, checked on the way in.

`load_dataset` is all that most callers need. `dataset` and `image_set` define what a data set is, `loading` chooses the
reader by a name or by what a path holds, `readers` has a module for each kind of file, and `named` one for each data
set that has a name.
"""

from golmu.data.dataset import Dataset
from golmu.data.image_set import ImageSet
from golmu.data.loading import load_dataset

__all__ = ["Dataset", "ImageSet", "load_dataset"]
