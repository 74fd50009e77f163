"""What the first answer of a server must not wait for."""

import subprocess
import sys

SLOW = ("fastapi", "jinja2", "prometheus_client", "pydantic", "sqlalchemy")


def test_the_fast_path_is_free_of_slow_imports() -> None:
    script = f"import sys, flowforge.server.serve; print([m for m in {SLOW} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
