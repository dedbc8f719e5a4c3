"""search.json: what a search is, so that it can continue, and that only trials that compare come together."""

from __future__ import annotations

import json
from dataclasses import MISSING, asdict, dataclass
from pathlib import Path

from golmu.json_values import OBJECT, TEXT, Json, integer, take
from golmu.recipe import FIELDS, Recipe
from golmu.runs.data_record import DataRecord
from golmu.runs.record import read_described
from golmu.system import write_file
from golmu.tune.space import Space, parse_space

SEARCH = "search.json"

FORMAT = 1
"""Of search.json, and of what a study says of itself."""


@dataclass(frozen=True)
class SearchRecord:
    """What a search is: its data, the settings of all trials, and those that differ between them."""

    study: str
    """Its name in a storage that holds several."""
    data: DataRecord
    fingerprint: Json
    """What tells the images and the split from others."""
    recipe: Recipe
    """The settings that trials have where the space names none."""
    recipe_name: str | None
    space: Space
    trials: int
    """How many were asked for, of all processes together."""
    seed: int
    engine: str
    storage: str | None = None
    """The URL of a database, without a password; None: the journal in the folder."""

    def identity(self) -> Json:
        """What all processes of a search must have in common, as JSON holds it."""
        # Where flip is searched, a test_flip of its own makes other trainings than one that follows.
        is_flip_searched = any(dimension.name == "flip" for dimension in self.space)
        said = {
            "format": FORMAT, "data": self.fingerprint,
            "settings": asdict(self.recipe if is_flip_searched else self.recipe.settled()),
            "search": [dimension.text for dimension in self.space], "seed": self.seed,
        }  # fmt: skip
        return dict(json.loads(json.dumps(said)))

    def differences(self, begun: Json) -> list[str]:
        """List how the identity that a search began with differs from this one, a line for each difference."""
        mine = self.identity()
        lines = []
        if begun.get("format") != FORMAT:
            lines.append(f"its format is {begun.get('format')!r}, not {FORMAT}")
        if begun.get("data") != mine["data"]:
            lines.append("its images are others, or are split otherwise")
        before, now = begun.get("settings", {}), mine["settings"]
        lines += [f"{name} is {before.get(name)!r}, not {now[name]!r}" for name in now if before.get(name) != now[name]]
        if begun.get("search") != mine["search"]:
            lines.append(f"it tries {' '.join(begun.get('search', []))}, not {' '.join(mine['search'])}")
        if begun.get("seed") != mine["seed"]:
            lines.append(f"seed is {begun.get('seed')}, not {mine['seed']}")
        return lines

    def to_json(self) -> Json:
        """The record as search.json holds it."""
        identity = self.identity()
        return {
            "format": FORMAT,
            "study": self.study,
            "data": self.data.to_json(),
            "fingerprint": identity["data"],
            "recipe": self.recipe_name,
            "settings": asdict(self.recipe),
            "search": identity["search"],
            "trials": self.trials,
            "seed": self.seed,
            "engine": self.engine,
            "storage": self.storage,
        }

    @classmethod
    def from_json(cls, said: Json) -> SearchRecord:
        """The record that `to_json` wrote.

        Raises
        ------
        KeyError, ValueError
            If something is missing, or is not what it should be.
        """
        take(said, "format", integer(FORMAT, FORMAT))
        settings = take(said, "settings", OBJECT)
        required = [name for name, one in FIELDS.items() if one.default is MISSING]
        return cls(
            study=take(said, "study", TEXT),
            data=DataRecord.from_json(take(said, "data", OBJECT)),
            fingerprint=take(said, "fingerprint", OBJECT),
            recipe=Recipe(**{name: settings[name] for name in FIELDS if name in settings or name in required}),
            recipe_name=take(said, "recipe", TEXT, None),
            space=parse_space(take(said, "search", TEXT.list)),
            trials=take(said, "trials", integer(1)),
            seed=take(said, "seed", integer(0, None)),
            engine=take(said, "engine", TEXT),
            storage=take(said, "storage", TEXT, None),
        )


def write_search(folder: Path, record: SearchRecord) -> None:
    """Write search.json.

    Raises
    ------
    SaveError
        If it cannot be written.
    """
    text = json.dumps(record.to_json(), indent=2, ensure_ascii=False) + "\n"
    write_file(folder / SEARCH, text, "the record of the search")


def read_search(folder: Path) -> SearchRecord:
    """Read search.json.

    Raises
    ------
    RunError
        If `folder` holds no search, or the file is damaged or incomplete.
    """
    missing = f"{folder} is not the folder of a search: it holds no {SEARCH}"
    return read_described(folder / SEARCH, SearchRecord.from_json, missing)
