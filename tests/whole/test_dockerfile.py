"""The Dockerfile of docs/en/how-to/serve.md: each line but the first does here what it would do in a container."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
import typer
from served import model, png

from golmu import cli
from golmu.model.model import save_model

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "en" / "how-to" / "serve.md").read_text(encoding="utf-8")
TOKEN = "some-long-secret"


def instructions():
    """The instructions as pairs of a word and its text."""
    (block,) = re.findall(r"```dockerfile\n(.*?)```", PAGE, re.DOTALL)
    return [tuple(line.split(" ", 1)) for line in block.replace("\\\n", " ").splitlines() if line]


def values(word):
    return [text for one, text in instructions() if one == word]


@pytest.fixture(scope="module")
def container():
    """A folder that stands for the root of a container's file system, which any user may read."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    for path in (folder, *folder.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def inside(container):
    """What an instruction says, with the paths of the container where they are here."""
    (place,) = values("WORKDIR")
    return lambda text: text.replace(place, f"{container}{place}")


@pytest.fixture(scope="module")
def environment(container, inside):
    """The environment of the container: a Python with the libraries that are installed here, but without Golmu."""
    python = container / "python"
    venv.create(python, symlinks=True)
    (site,) = python.glob("lib/python*/site-packages")
    for path in Path(sysconfig.get_paths()["purelib"]).iterdir():
        if "golmu" not in path.name and path.suffix != ".pth" and not (site / path.name).exists():
            (site / path.name).symlink_to(path)
    pip = python / "bin" / "pip"
    pip.write_text(f'#!/bin/sh\nexec "{python / "bin" / "python"}" -m pip --disable-pip-version-check "$@"\n')
    pip.chmod(0o755)
    said = dict(pair.split("=", 1) for text in values("ENV") for pair in text.split())
    return {
        "PATH": f"{python / 'bin'}:/usr/local/bin:/usr/bin:/bin", "HOME": "/", "PIP_NO_INDEX": "1",
        **{name: inside(value) for name, value in said.items()},
    }  # fmt: skip


@pytest.fixture(scope="module")
def built(container, inside, environment):
    """The container with all lines up to USER carried out: its working folder."""
    context = container / "context"
    context.mkdir()
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(context)],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    save_model(context / "model.safetensors", model())
    place = Path(inside(values("WORKDIR")[0]))
    place.mkdir(parents=True)
    # Kernels that tests have compiled already are not compiled once more; code of another state is not found.
    shutil.copytree(os.environ["NUMBA_CACHE_DIR"], environment["NUMBA_CACHE_DIR"], dirs_exist_ok=True)
    for word, text in instructions():
        if word == "COPY":
            *sources, target = text.split()
            assert target == "./"
            for pattern in sources:
                (found,) = context.glob(pattern)
                shutil.copy(found, place)
        elif word == "RUN":
            done = subprocess.run(
                ["/bin/sh", "-c", inside(text)], cwd=place, env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
    return place


def as_user(words):
    """The command as another user, who may write nothing. That user may read all, as this Python may lie in a home."""
    (user,) = values("USER")
    number, group = user.split(":")
    assert int(number) > 0
    if os.getuid() != 0 or shutil.which("setpriv") is None:
        return words
    may = ["--inh-caps", "-all,+dac_read_search", "--ambient-caps", "-all,+dac_read_search", "--bounding-set"]
    return ["setpriv", f"--reuid={number}", f"--regid={group}", "--clear-groups", *may, "-all,+dac_read_search", *words]


def listing(folder):
    return {path: path.lstat().st_mtime_ns for path in folder.rglob("*")}


def test_every_instruction_is_known():
    words = [word for word, _ in instructions()]
    known = {"FROM", "WORKDIR", "ENV", "COPY", "RUN", "USER", "EXPOSE", "HEALTHCHECK", "CMD"}
    assert set(words) == known
    assert words[0] == "FROM"
    assert values("FROM")[0].endswith("-slim")


def test_the_port_is_that_of_the_command():
    command = typer.main.get_command(cli.app).commands["serve"]
    (port,) = (option.default for option in command.params if option.name == "port")
    assert values("EXPOSE") == [str(port)]
    assert f":{port}/health" in values("HEALTHCHECK")[0]
    assert f":{port} " in PAGE.split("docker run")[1]


def test_the_container_serves_as_a_user_who_can_write_nothing(built, container, environment, free_port):
    for path in (built, *built.rglob("*")):
        path.chmod(path.stat().st_mode & ~0o222)
    before = listing(container)
    assert any(path.suffix == ".code" for path in before), "no kernel was compiled while the image was built"
    words = as_user([*json.loads(values("CMD")[0]), "--port", str(free_port)])
    process = subprocess.Popen(
        words, cwd=built, env={**environment, "GOLMU_TOKEN": TOKEN}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    try:
        assert "serving model.safetensors" in process.stdout.readline(), process.stderr.read()
        probe = values("HEALTHCHECK")[0].removeprefix("CMD ").replace(values("EXPOSE")[0], str(free_port))
        subprocess.run(["/bin/sh", "-c", probe], env=environment, check=True)
        request = Request(f"http://127.0.0.1:{free_port}/predict", png(), {"Authorization": f"Bearer {TOKEN}"})
        with urlopen(request, timeout=20) as answer:
            assert len(json.load(answer)["predictions"]) == 1
        if words[0] == "setpriv":
            status = Path(f"/proc/{process.pid}/status").read_text()
            assert re.search(r"^Uid:\s+10001\s", status, re.MULTILINE)
        process.terminate()
        assert process.wait(20) == 0
        assert process.stderr.read() == ""
    finally:
        process.kill()
        process.communicate()
    assert listing(container) == before


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]
