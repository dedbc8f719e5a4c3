"""What Golmu is called and what it takes: one wording for every place that says it. This module imports nothing."""

VERSION = "0.1.0"

DATASET_NAMES = ("fashion-mnist", "digits")
"""The data sets that Golmu knows by name."""

WHAT_DATA_IS = (
    f"a data set by name ({', '.join(DATASET_NAMES)}), a folder of class folders of images, of IDX files, of tables "
    "or of shards (golmu pack), or a .zip, .npz, .parquet or .csv file"
)
"""What `golmu.load_dataset` and every command take as data."""
