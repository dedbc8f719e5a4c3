"""Builds the site into site/, in both languages, runs every cell, and checks the pages: python docs/build.py.

A page that warns, a command that fails, and a page that would load something from elsewhere end it with an error.
"""

import os
import secrets
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
from check_site import problems, secured, without_evaluation

DOCS = Path(__file__).resolve().parent
SITE = DOCS.parent / "site"
MAX_PAGES_AT_A_TIME = 4
"""Pages that are built at a time: each runs its cells in a process of its own, some with TensorFlow."""

MARK = "GOLMU_SITE_BUILD"
"""A variable that all have in their environment which the cells of a build start."""

LANGUAGES = {"en": "English", "ko": "한국어"}

FIRST_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Golmu</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 1.25rem/2 system-ui; text-align: center; margin-top: 20vh }}
</style>
<h1>Golmu</h1>
{links}
</html>
"""


def environment() -> dict[str, str]:
    """Return the environment in which the cells run: this Python's commands, and shells that stop at an error."""
    return os.environ | {
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
        "BASH_ENV": str(DOCS / "strict.sh"),
        "JUPYTER_PREFER_ENV_PATH": "1",  # or a kernel that the user has installed elsewhere would run the cells
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONWARNINGS": "",
        "MPLBACKEND": "",
    }


def build(language: str, pages: Path, site: Path) -> None:
    """Run Sphinx on the pages of a language, several at a time; its error holds what it said.

    Nothing is left running: where a page fails, it and those beside it never come to the cells that stop their servers.
    """
    settings = ["-D", f"nb_execution_cache_path={site / '.cells'}", "-d", site / ".doctrees" / language]
    strict = ["-W", "--keep-going", "--quiet", "--jobs", str(min(os.cpu_count() or 1, MAX_PAGES_AT_A_TIME))]
    folders = ["-c", DOCS, "-t", language, pages, site / language]
    mark = secrets.token_hex()
    try:
        subprocess.run(
            [sys.executable, "-m", "sphinx", *strict, *settings, *folders],
            check=True, env=environment() | {MARK: mark}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
    finally:
        for process in psutil.process_iter(["environ"]):
            if (process.info["environ"] or {}).get(MARK) == mark:
                with suppress(psutil.NoSuchProcess):
                    process.kill()


def main() -> int:
    start = time.monotonic()
    shutil.rmtree(SITE, ignore_errors=True)
    for language in LANGUAGES:
        print(f"building docs/{language} ...", flush=True)
        try:
            build(language, DOCS / language, SITE)
        except subprocess.CalledProcessError as error:
            print(f"{error.output}\nthe pages in docs/{language} have errors: see above", file=sys.stderr)
            return 1
    links = "\n".join(
        f'<p><a href="{language}/index.html" lang="{language}">{name}</a></p>' for language, name in LANGUAGES.items()
    )
    (SITE / "index.html").write_text(FIRST_PAGE.format(links=links), encoding="utf-8")
    for folder in (".doctrees", ".cells", "jupyter_execute"):
        shutil.rmtree(SITE / folder, ignore_errors=True)
    for page in SITE.rglob("*.html"):
        page.write_text(secured(page.read_text(encoding="utf-8")), encoding="utf-8")
    for script in SITE.glob("*/_static/doctools.js"):
        script.write_text(without_evaluation(script.read_text(encoding="utf-8")), encoding="utf-8")
    found = problems(SITE)
    for problem in found:
        print(problem, file=sys.stderr)
    if not found:
        print(f"the site is in {SITE} ({time.monotonic() - start:.0f} s): open {SITE / 'index.html'}")
    return min(len(found), 1)


if __name__ == "__main__":
    sys.exit(main())
