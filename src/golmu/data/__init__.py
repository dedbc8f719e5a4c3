"""Data sets: images with labels and class names, split by class, read from files of many kinds, checked on the way in.

`load_dataset` is all that most callers need. What a data set is stands in `dataset`, and the images and labels that it
is made of in `image_set`; `loading` chooses the reader, by name or by what a path holds: `fashion_mnist`, `digits`,
`class_folders`, `idx_folders`, `npz`, `tables`.
"""

from golmu.data.dataset import Dataset
from golmu.data.image_set import ImageSet
from golmu.data.loading import load_dataset

__all__ = ["Dataset", "ImageSet", "load_dataset"]
