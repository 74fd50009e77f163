"""What comes out of the server's own log, and what must not."""

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from flowforge.logging import FILE, configure_logging, redact
from flowforge.settings import LogFormat, LogLevel


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def lines(tmp_path: Path, out: io.StringIO) -> Iterator["Lines"]:
    close = configure_logging(level=LogLevel.INFO, console=LogFormat.CONSOLE, folder=tmp_path, stream=out)
    yield Lines(tmp_path / FILE)
    close()
    structlog.reset_defaults()


class Lines:
    def __init__(self, path: Path) -> None:
        self._path = path

    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._path.read_text().splitlines()]


def fail_with(secret: str) -> None:
    hidden = secret
    raise ValueError(f"cannot reach https://user:{hidden}@forge.example/")


def test_the_file_has_one_json_object_a_line(lines: Lines) -> None:
    structlog.get_logger("flowforge.test").info("started", port=5000)
    (entry,) = lines.all()
    assert entry.pop("at").endswith("Z")
    assert entry == {"event": "started", "port": 5000, "level": "info", "logger": "flowforge.test"}


def test_standard_loggers_come_out_the_same_way(lines: Lines) -> None:
    logging.getLogger("uvicorn.error").warning("listening on %s", 5000)
    logging.getLogger("flowforge.old").info("upgraded", extra={"revision": "1"})
    assert [(e["event"], e.get("revision")) for e in lines.all()] == [
        ("listening on 5000", None),
        ("upgraded", "1"),
    ]


def test_the_daily_work_of_libraries_is_left_out(lines: Lines) -> None:
    for name in ("uvicorn.error", "uvicorn.access", "alembic"):
        logging.getLogger(name).info("as every day")
    assert lines.all() == []


def test_libraries_are_held_to_a_stricter_level_too(out: io.StringIO) -> None:
    close = configure_logging(level=LogLevel.ERROR, console=LogFormat.CONSOLE, folder=None, stream=out)
    logging.getLogger("uvicorn.error").warning("careful")
    logging.getLogger("uvicorn.error").error("broken")
    close()
    structlog.reset_defaults()
    assert "broken" in out.getvalue()
    assert "careful" not in out.getvalue()


def test_less_severe_lines_than_the_level_are_left_out(lines: Lines) -> None:
    structlog.get_logger().debug("detail")
    logging.getLogger("flowforge").debug("detail")
    assert lines.all() == []


def test_paths_of_requests_are_not_logged_by_uvicorn(lines: Lines) -> None:
    logging.getLogger("uvicorn.access").info("GET /sign-in/one-time-secret")
    assert lines.all() == []


def test_an_exception_has_its_traceback_without_locals_or_credentials(lines: Lines, out: io.StringIO) -> None:
    secret = "hush-hush"
    try:
        fail_with(secret)
    except ValueError:
        structlog.get_logger().exception("went wrong")
    (entry,) = lines.all()
    for text in (entry["exception"], out.getvalue()):
        assert "in fail_with" in text
        assert "cannot reach https://[redacted]@forge.example/" in text
        assert "hush" not in text


def test_values_under_a_secrets_name_never_pass(lines: Lines, out: io.StringIO) -> None:
    structlog.get_logger().info(
        "asked",
        webhook_secret="hush",
        headers={"Authorization": "Bearer hush", "accept": "*/*"},
        tries=[{"password": "hush"}, "Authorization: Bearer hush"],
        remote="https://hush:hush@forge.example/a.git",
        api_key=b"hush",
    )
    written = json.dumps(lines.all()) + out.getvalue()
    assert "hush" not in written
    assert "*/*" in written
    assert "forge.example/a.git" in written


def test_a_secret_that_is_absent_is_shown_as_absent() -> None:
    assert redact(None, "info", {"token": None, "event": "x"}) == {"token": None, "event": "x"}


def test_the_console_can_write_json(out: io.StringIO) -> None:
    close = configure_logging(level=LogLevel.WARNING, console=LogFormat.JSON, folder=None, stream=out)
    structlog.get_logger().warning("careful", token="hush")
    close()
    structlog.reset_defaults()
    assert json.loads(out.getvalue())["token"] == "[redacted]"


def test_configuring_again_replaces_what_was_there(tmp_path: Path, out: io.StringIO) -> None:
    before = len(logging.getLogger().handlers)
    configure_logging(level=LogLevel.INFO, console=LogFormat.CONSOLE, folder=tmp_path, stream=io.StringIO())
    close = configure_logging(level=LogLevel.INFO, console=LogFormat.CONSOLE, folder=None, stream=out)
    structlog.get_logger().info("once")
    assert out.getvalue().count("once") == 1
    assert len(logging.getLogger().handlers) == before + 1
    close()
    structlog.reset_defaults()
    assert len(logging.getLogger().handlers) == before


def test_the_file_rotates_and_keeps_a_bounded_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowforge.logging.FILE_LIMIT", 2000)
    close = configure_logging(
        level=LogLevel.INFO, console=LogFormat.CONSOLE, folder=tmp_path, stream=io.StringIO()
    )
    for number in range(200):
        structlog.get_logger().info("line", number=number)
    close()
    structlog.reset_defaults()
    files = sorted(path.name for path in (tmp_path / "logs").iterdir())
    assert files == ["server.log", *(f"server.log.{n}" for n in range(1, 6))]
    assert all(path.stat().st_size <= 2000 for path in (tmp_path / "logs").iterdir())
