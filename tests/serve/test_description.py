"""The OpenAPI description is true: requests that are made from it find no answer that it does not name."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from served import model, server

from golmu.model.model import save_model

HELPERS = Path(__file__).parents[1] / "helpers"
TOKEN = "a-token-of-mine"

# Whether bytes are an image, or rows equally long, no schema says; the description has a status for it.
SETTINGS = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "413", "422"]
"""


@pytest.mark.parametrize(
    ("options", "headers"), [((), ()), (("--token", TOKEN), ("-H", f"Authorization: Bearer {TOKEN}"))]
)
def test_schemathesis_finds_nothing(tmp_path, options, headers):
    save_model(tmp_path / "model.safetensors", model())
    (tmp_path / "schemathesis.toml").write_text(SETTINGS)
    code = "import sys; from schemathesis.cli import schemathesis; sys.exit(schemathesis())"
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": "openapi_images",
        "PYTHONPATH": os.pathsep.join([str(HELPERS), *sys.path]),
    }
    with server(tmp_path / "model.safetensors", *options) as (process, url):
        # A fixed seed: a test should not fail on one day and not on the next.
        words = ["run", f"{url}/openapi.json", "--seed", "1", "--max-examples", "30", *headers]
        done = subprocess.run(
            [sys.executable, "-c", code, *words], cwd=tmp_path, env=environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert "4 selected / 4 total" in done.stdout
        assert process.poll() is None
