"""The command line, `golmu`."""

from golmu.cli.main import app, main

__all__ = ["app", "main"]
