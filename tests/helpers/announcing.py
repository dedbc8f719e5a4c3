"""A server as a process of its own, which prints its address."""

import re
import signal
import subprocess
from contextlib import contextmanager


@contextmanager
def announcing(command, *, stderr=subprocess.PIPE, **settings):
    """The process of a command, and the address in its first line; it is killed at the end, if it still runs."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True, **settings)
    try:
        line = process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, line + (process.stderr.read() if process.stderr else "")
        yield process, found[0]
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.communicate()
