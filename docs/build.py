"""Builds the site into site/, in both languages, runs every cell, and checks the pages: python docs/build.py.

A page that warns, a command that fails, or a page that would load something from elsewhere ends the build with an error.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from check_site import problems, secured

DOCS = Path(__file__).resolve().parent
SITE = DOCS.parent / "site"
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
        "PYTHONPATH": os.pathsep.join(filter(None, (str(DOCS / "preparation"), os.environ.get("PYTHONPATH")))),
        "JUPYTER_PREFER_ENV_PATH": "1",  # or a kernel that the user has installed elsewhere would run the cells
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONWARNINGS": "",
        "MPLBACKEND": "",
    }


def build(language: str) -> None:
    """Run Sphinx on one language's pages."""
    arguments = [
        "-W",
        "--keep-going",
        "--quiet",
        "-c",
        str(DOCS),
        "-t",
        language,
        "-d",
        str(SITE / ".doctrees" / language),
    ]
    settings = ["-D", f"nb_execution_cache_path={SITE / '.cells'}"]
    command = [sys.executable, "-m", "sphinx", *arguments, *settings, str(DOCS / language), str(SITE / language)]
    subprocess.run(command, check=True, env=environment())


def main() -> int:
    start = time.monotonic()
    shutil.rmtree(SITE, ignore_errors=True)
    for language in LANGUAGES:
        try:
            build(language)
        except subprocess.CalledProcessError:
            print(f"the pages in docs/{language} have errors: see above", file=sys.stderr)
            return 1
    links = "\n".join(
        f'<p><a href="{language}/index.html" lang="{language}">{name}</a></p>' for language, name in LANGUAGES.items()
    )
    (SITE / "index.html").write_text(FIRST_PAGE.format(links=links), encoding="utf-8")
    for folder in (".doctrees", ".cells"):
        shutil.rmtree(SITE / folder, ignore_errors=True)
    for page in SITE.rglob("*.html"):
        page.write_text(secured(page.read_text(encoding="utf-8")), encoding="utf-8")
    found = problems(SITE)
    for problem in found:
        print(problem, file=sys.stderr)
    if not found:
        print(f"the site is in {SITE} ({time.monotonic() - start:.0f} s): open {SITE / 'index.html'}")
    return min(len(found), 1)


if __name__ == "__main__":
    sys.exit(main())
