"""Files from a web server or out of a Debian package, and that a copy is whole or not there."""

import shutil
import subprocess

import pytest

from golmu.data.named import fetching
from golmu.errors import DataError


def test_nothing_of_a_failed_copy_stays_behind(tmp_path, monkeypatch):
    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    (tmp_path / "file").write_bytes(b"content")
    with pytest.raises(OSError, match="No space left"):
        fetching.store([tmp_path / "file"], tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


class Response:
    status_code = 404


def test_a_download_that_fails_is_named(tmp_path, monkeypatch, capfd):
    import pooch
    import requests

    made = []

    def downloader(error):
        def fetch(_url, _target, _pooch):
            raise error

        return lambda **settings: made.append(settings) or fetch

    monkeypatch.setattr(pooch, "HTTPDownloader", downloader(requests.ConnectTimeout("slow")))
    with pytest.raises(
        DataError, match=r"^cannot download http://host/file \(ConnectTimeout\); check the internet connection"
    ):
        fetching.download("http://host/file", tmp_path / "file")
    monkeypatch.setattr(pooch, "HTTPDownloader", downloader(requests.HTTPError("gone", response=Response())))
    with pytest.raises(DataError, match=r"\(HTTP status 404\)"):
        fetching.download("http://host/file", tmp_path / "file")
    assert made[0]["timeout"] == (5.0, 30.0)
    assert capfd.readouterr() == ("", "")


def test_a_download_over_a_socket(tmp_path, monkeypatch, capfd):
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/file" else 404)
            self.end_headers()
            self.wfile.write(b"content")

        def log_message(self, *_args):
            pass

    monkeypatch.setenv("NO_PROXY", "*")
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            address = f"http://127.0.0.1:{server.server_port}"
            fetching.download(f"{address}/file", tmp_path / "file")
            with pytest.raises(DataError, match="HTTP status 404"):
                fetching.download(f"{address}/absent", tmp_path / "absent")
        finally:
            server.shutdown()
            thread.join()
    with pytest.raises(DataError, match="ConnectionError"):
        fetching.download(f"{address}/file", tmp_path / "file2")
    assert (tmp_path / "file").read_bytes() == b"content"
    assert capfd.readouterr() == ("", "")


@pytest.fixture
def apt(monkeypatch):
    """Pretend that apt-get and dpkg-deb exist; `commands` lists what is run, and `act` says what happens."""

    class Apt:
        def __init__(self):
            self.commands = []
            self.act = lambda _command, _cwd: 0

        def run(self, command, *, cwd, stdout, timeout, **_settings):
            assert timeout > 0
            self.commands.append(command)
            code = self.act(command, cwd)
            stdout.write(b"Reading\nE: it is broken\n\n")
            return subprocess.CompletedProcess(command, code)

    fake = Apt()
    monkeypatch.setattr(fetching.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(fetching.subprocess, "run", fake.run)
    monkeypatch.setattr(fetching.os, "geteuid", lambda: 1000, raising=False)
    return fake


def test_apt_is_told_to_stay_in_its_folder(apt, tmp_path, monkeypatch):
    def act(command, cwd):
        if "download" in command:
            (cwd / "some_1_all.deb").touch()
        return 0

    apt.act = act
    assert fetching.unpack_debian_package("some", tmp_path) == tmp_path / "root"
    update, download, unpack = apt.commands
    assert update[-1] == "update"
    assert download[-2:] == ["download", "some"]
    assert unpack == ["/usr/bin/dpkg-deb", "-x", str(tmp_path / "some_1_all.deb"), str(tmp_path / "root")]
    for command in (update, download):
        for setting, name in [("State", "state"), ("State::lists", "state/lists"), ("Cache", "cache")]:
            assert f"Dir::{setting}={tmp_path / name}" in command
        assert "APT::Sandbox::User=root" not in command
    monkeypatch.setattr(fetching.os, "geteuid", lambda: 0)
    shutil.rmtree(tmp_path)
    tmp_path.mkdir()
    fetching.unpack_debian_package("some", tmp_path)
    assert "APT::Sandbox::User=root" in apt.commands[-2]


def test_what_goes_wrong_with_apt_is_named(apt, tmp_path, monkeypatch):
    def fresh(name):
        folder = tmp_path / name
        folder.mkdir()
        return folder

    with pytest.raises(DataError, match="apt-get download some left 0 packages, but 1 was expected"):
        fetching.unpack_debian_package("some", fresh("none"))
    apt.act = lambda *_: 100
    with pytest.raises(DataError, match=r"^apt-get update failed with exit status 100: E: it is broken$"):
        fetching.unpack_debian_package("some", fresh("status"))

    def slow(command, _cwd):
        raise subprocess.TimeoutExpired(command, 300)

    apt.act = slow
    with pytest.raises(DataError, match="apt-get update took longer than 300 s; check the internet connection"):
        fetching.unpack_debian_package("some", fresh("slow"))

    def absent(_command, _cwd):
        raise PermissionError(13, "Permission denied")

    apt.act = absent
    with pytest.raises(DataError, match=r"apt-get update could not be run \(Permission denied\)"):
        fetching.unpack_debian_package("some", fresh("absent"))
    monkeypatch.setattr(fetching.shutil, "which", lambda _name: None)
    with pytest.raises(DataError, match="this computer has no apt-get and dpkg-deb; only Debian and"):
        fetching.unpack_debian_package("some", tmp_path)
