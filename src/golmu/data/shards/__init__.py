"""Packed data: images and labels in files of a fixed form, to train on more than fits into memory.

A packed folder holds `shards.json` (`index.py`) and for each shard two NumPy files:

    train-00000-images.npy      uint8 (n, h, w, c), n up to 65,536
    train-00000-labels.npy      uint16 (n,): the number of each image's class

and likewise `test-...` where there are test images. The images of a part were shuffled as they were written
(`packing.py`), so that any run of neighbours is a fair sample of all. `sharded_images.py` reads parts of them,
`split.py` holds images out, and `loading.py` makes an ordinary data set of a packed folder that fits into memory.
"""
