"""Ways to get files that this computer lacks, from a web server or out of a Debian package, and to keep them.

Nothing here knows what a file should hold. The caller checks that, in a folder of its own, before it keeps anything.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from golmu.errors import DataError
from golmu.system import write_atomically

_CONNECT_TIMEOUT = 5.0  # seconds for each address of a server, so that a computer without internet does not wait long
_READ_TIMEOUT = 30.0  # seconds without a byte
_DOWNLOAD_CHUNK = 2**16  # bytes
_APT_TIMEOUT = 300.0  # seconds for each step: the package lists are about 10 MB, the package is 31 MB
_UNPACK_TIMEOUT = 60.0  # seconds

# A system may have hooks that clean its package cache or tell its desktop about an update: not for a private one.
_APT_WITHOUT_HOOKS = """\
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
"""


def download(url: str, target: Path) -> None:
    """Download `url` to the file `target`, once, without retries.

    Raises
    ------
    DataError
        If the server did not answer, or not with the file.
    """
    import pooch  # noqa: PLC0415  (imported only on a computer that lacks the data)

    # The downloader alone: `pooch.retrieve` would log, and check a hash of the packed bytes, which differ by mirror.
    fetch = pooch.HTTPDownloader(timeout=(_CONNECT_TIMEOUT, _READ_TIMEOUT), chunk_size=_DOWNLOAD_CHUNK)
    try:
        fetch(url, str(target), None)
    except (OSError, ValueError) as error:  # every error of requests is an OSError
        status = getattr(getattr(error, "response", None), "status_code", None)
        finding = type(error).__name__ if status is None else f"HTTP status {status}"
        raise DataError(f"cannot download {url} ({finding}); check the internet connection or its proxy") from error


def unpack_debian_package(package: str, scratch: Path) -> Path:
    """Fetch a package from this system's Debian archive and unpack it, without installing it.

    apt gets its own lists, cache and package status inside `scratch`, so this needs no root and leaves the system's
    as they are. Takes some seconds.

    Parameters
    ----------
    package
        The name of the package.
    scratch
        An empty folder, private to the caller.

    Returns
    -------
    The folder that stands for the package's root folder.

    Raises
    ------
    DataError
        If apt-get or dpkg-deb is not on this computer, failed, or took too long.
    """
    apt_get, dpkg_deb = shutil.which("apt-get"), shutil.which("dpkg-deb")
    if apt_get is None or dpkg_deb is None:
        raise DataError("this computer has no apt-get and dpkg-deb; only Debian and its derivatives have them")
    apt = [apt_get, "-qq", *_private_apt_options(scratch)]
    _run("apt-get update", [*apt, "update"], scratch, _APT_TIMEOUT)
    _run(f"apt-get download {package}", [*apt, "download", package], scratch, _APT_TIMEOUT)
    archives = list(scratch.glob("*.deb"))
    if len(archives) != 1:
        raise DataError(f"apt-get download {package} left {len(archives)} packages, but 1 was expected")
    root = scratch / "root"
    _run("dpkg-deb -x", [dpkg_deb, "-x", str(archives[0]), str(root)], scratch, _UNPACK_TIMEOUT)
    return root


def store(files: Iterable[Path], folder: Path) -> None:
    """Copy `files` into `folder`, each as a whole or not at all: another process never sees half a file.

    Raises
    ------
    OSError
        If the folder cannot be made or written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        write_atomically(folder / file.name, file.read_bytes())


def _private_apt_options(scratch: Path) -> list[str]:
    """Make the folders of a private apt inside `scratch`, and return the options that make apt use them."""
    state, cache, status, config = (scratch / name for name in ("state", "cache", "status", "apt.conf"))
    (state / "lists" / "partial").mkdir(parents=True)
    (cache / "archives" / "partial").mkdir(parents=True)
    status.touch()
    config.write_text(_APT_WITHOUT_HOOKS, encoding="utf-8")
    settings = [
        f"Dir::State={state}",
        f"Dir::State::lists={state / 'lists'}",
        f"Dir::State::status={status}",
        f"Dir::Cache={cache}",
        "Acquire::Languages=none",
        "Acquire::Retries=0",
        f"Acquire::http::Timeout={_READ_TIMEOUT:.0f}",
        f"Acquire::https::Timeout={_READ_TIMEOUT:.0f}",
    ]
    if os.geteuid() == 0:
        # As root, apt would download as the user _apt, who may not enter the private folder, and complain.
        settings.append("APT::Sandbox::User=root")
    return ["-c", str(config), *(word for setting in settings for word in ("-o", setting))]


def _run(name: str, command: Sequence[str], folder: Path, timeout: float) -> None:
    """Run `command` in `folder`, or raise `DataError` with `name` and the last line of its output if it fails."""
    output = folder / "output.txt"
    environment = {**os.environ, "LC_ALL": "C", "TMPDIR": str(folder)}
    try:
        # To a file, not a pipe: a pipe that apt's helpers still hold would outlast the timeout.
        with output.open("wb") as sink:
            done = subprocess.run(
                command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink,
                timeout=timeout, check=False,
            )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise DataError(f"{name} took longer than {timeout:.0f} s; check the internet connection") from error
    except OSError as error:
        raise DataError(f"{name} could not be run ({error.strerror})") from error
    if done.returncode != 0:
        lines = output.read_text(encoding="utf-8", errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "no output")
        raise DataError(f"{name} failed with exit status {done.returncode}: {last}")
