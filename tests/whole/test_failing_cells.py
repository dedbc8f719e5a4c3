"""A cell that fails ends the build of the site, with a message from which one sees where and why."""

import runpy
import subprocess
import time
from pathlib import Path

import psutil
import pytest

DOCS = Path(__file__).parents[2] / "docs"

PAGE = """---
file_format: mystnb
kernelspec:
  name: python3
---

# A page

```{{code-cell}} ipython3
{cell}
```
"""


@pytest.fixture
def build(monkeypatch):
    """What docs/build.py does with the pages of one language."""
    pytest.importorskip("myst_nb")
    monkeypatch.syspath_prepend(DOCS)
    return runpy.run_path(str(DOCS / "build.py"))["build"]


@pytest.fixture
def write(tmp_path):
    """Writes a page with a cell among so many pages without one: from six on, Sphinx reads several at a time."""

    def write(cell, n_others):
        pages = tmp_path / "pages"
        pages.mkdir()
        (pages / "index.md").write_text("# First page\n\n```{toctree}\n:glob:\n\n*\n```\n", encoding="utf-8")
        (pages / "broken.md").write_text(PAGE.format(cell=cell), encoding="utf-8")
        for number in range(n_others):
            (pages / f"other-{number}.md").write_text("# Another page\n", encoding="utf-8")
        return pages

    return write


@pytest.mark.parametrize(
    ("cell", "said", "n_others"),
    [
        ("print('before')\n{}['three']", "KeyError: 'three'", 8),
        ("%%bash\ncat nowhere.txt | sort\necho after", "cat: nowhere.txt: No such file or directory", 0),
    ],
)
def test_a_cell_that_fails_ends_the_build_and_is_named_with_its_page(build, write, tmp_path, cell, said, n_others):
    with pytest.raises(subprocess.CalledProcessError) as caught:
        build("en", write(cell, n_others), tmp_path / "site")
    assert caught.value.returncode != 0
    assert "broken.md" in caught.value.output
    assert cell.splitlines()[1] in caught.value.output
    assert said in caught.value.output


def test_a_build_leaves_nothing_running_that_a_failing_page_has_started(build, write, tmp_path):
    file = tmp_path / "pid"
    pages = write(f"%%bash\nsleep 300 &> /dev/null &\necho $! > {file}\nfalse", 0)
    with pytest.raises(subprocess.CalledProcessError):
        build("en", pages, tmp_path / "site")
    deadline = time.monotonic() + 10
    while is_running(int(file.read_text(encoding="utf-8"))) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not is_running(int(file.read_text(encoding="utf-8")))


def is_running(number):
    try:
        return psutil.Process(number).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
