"""The package as it is published: a wheel and a source distribution, built, read and installed."""

import email
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import tomllib
from readme_renderer import markdown

from golmu.about import VERSION

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A wheel and an sdist of this tree."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, sdist


@pytest.fixture(scope="module")
def metadata(built):
    with zipfile.ZipFile(built[0]) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(wheel.read(name))


def test_the_version_is_said_once_and_again():
    assert tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"] == VERSION


def test_the_wheel_holds_the_package_with_its_data_and_licence(built):
    with zipfile.ZipFile(built[0]) as wheel:
        names = wheel.namelist()
    package = ROOT / "src" / "golmu"
    files = [path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    expected = {f"golmu/{path.relative_to(package).as_posix()}" for path in files}
    assert {name for name in names if name.startswith("golmu/")} == expected
    assert {"golmu/report/templates/report.html", "golmu/cli/commands/measured.json", "golmu/py.typed"} <= expected
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not any(name.startswith(("tests", "docs", "benchmarks")) for name in names)


def test_the_source_distribution_can_be_tested(built):
    with tarfile.open(built[1]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "pyproject.toml",
        "src/golmu/__init__.py",
        "tests/conftest.py",
    } <= names


def test_the_metadata_say_what_a_package_index_shows(metadata):
    assert metadata["Name"] == "golmu"
    assert metadata["License-Expression"] == "MIT"
    classifiers = metadata.get_all("Classifier")
    assert "Typing :: Typed" in classifiers
    assert {f"Programming Language :: Python :: 3.{minor}" for minor in range(10, 15)} <= set(classifiers)
    addresses = dict(url.split(", ") for url in metadata.get_all("Project-URL"))
    assert {"Homepage", "Documentation", "Changes", "Issues"} == set(addresses)


def test_tensorflow_is_an_extra(metadata):
    needed = metadata.get_all("Requires-Dist")
    assert not any(one.startswith("tensorflow") and "extra ==" not in one for one in needed)
    assert any(one.startswith("tensorflow") and "extra == 'tensorflow'" in one for one in needed)


def test_the_readme_renders_with_links_that_work_elsewhere(metadata):
    page = markdown.render(metadata.get_payload())
    assert page is not None
    assert re.search("<h1[^>]*>Golmu<", page)
    assert 'src="https://' in page
    targets = [piece.split('"')[0] for piece in page.split('href="')[1:]]
    assert len(targets) > 5
    assert all(target.startswith(("https://", "http://", "#")) for target in targets), targets


def test_an_installed_wheel_works_outside_the_tree(built, tmp_path):
    site = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", str(site), str(built[0])], check=True)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import golmu; assert golmu.__file__.startswith(sys.argv[1]), golmu.__file__\n"
        "sys.argv = ['golmu', 'train', 'digits', '--epochs', '1', '--run', 'run']\n"
        "from golmu.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, str(site)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "report.html").exists()
    assert "validation accuracy" in done.stdout
