"""What the server says of itself: lines for a person on standard error, JSON in a file of the data folder.

Modules log through `structlog.get_logger()`; uvicorn's, alembic's and every other standard logger comes out the same way.
Nothing that looks like a secret passes, whoever logged it.
"""

import logging
import logging.handlers
import re
import sys
from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from structlog.typing import Processor

    from flowforge.settings import LogFormat, LogLevel

FILE = Path("logs") / "server.log"
FILE_LIMIT = 16 * 1024 * 1024
FILES_KEPT = 5
REDACTED = "[redacted]"
_OURS = "flowforge"

_SECRET_KEY = re.compile(
    r"token|secret|authori[sz]ation|passw|cookie|credential|api_?key|private_?key", re.IGNORECASE
)
_SECRET_TEXT = re.compile(r"(?<=://)[^/\s@]+(?=@)|(?<=\bBearer )\S+|(?<=\bBasic )\S+", re.IGNORECASE)


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: values under a secret's name, credentials in addresses and in Authorization headers."""
    for key in list(event):
        event[key] = _redacted(key, event[key])
    return event


def _redacted(key: object, value: object) -> object:
    if isinstance(key, str) and value is not None and _SECRET_KEY.search(key):
        return REDACTED
    if isinstance(value, str):
        return _SECRET_TEXT.sub(REDACTED, value)
    if isinstance(value, Mapping):
        return {name: _redacted(name, inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted("", inner) for inner in value]
    return value


def configure_logging(
    *, level: "LogLevel", console: "LogFormat", folder: Path | None, stream: TextIO | None = None
) -> Callable[[], None]:
    """Log to `stream` (standard error) and, where `folder` is given, to `logs/server.log` in it.

    Answers a function that closes the handlers. Calling again replaces what was configured before.
    """
    import structlog

    out = stream or sys.stderr
    handlers: list[logging.Handler] = [logging.StreamHandler(out)]
    handlers[0].setFormatter(_formatter(_console_renderer(console, out)))
    if folder is not None:
        handlers.append(_file_handler(folder / FILE))
    structlog.configure(
        processors=[*_shared(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(str(level)),
        cache_logger_on_first_use=False,
    )
    _take_over(handlers, str(level).upper())
    return lambda: _release(handlers)


def _shared() -> "list[Processor]":
    import structlog

    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    ]


def _formatter(renderers: "list[Processor]") -> logging.Formatter:
    import structlog

    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*_shared(), structlog.stdlib.ExtraAdder()],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
    )


def _json_renderer() -> "list[Processor]":
    """Tracebacks become text before the redaction, so that it sees them; they never carry local variables."""
    import structlog

    return [structlog.processors.format_exc_info, redact, structlog.processors.JSONRenderer(default=str)]


def _console_renderer(console: "LogFormat", out: TextIO) -> "list[Processor]":
    import structlog

    if console == "json":
        return _json_renderer()
    plain = structlog.dev.plain_traceback
    renderer = structlog.dev.ConsoleRenderer(
        colors=out.isatty(), exception_formatter=plain, timestamp_key="at", pad_event_to=0
    )
    return [structlog.processors.format_exc_info, redact, renderer]


class _FileOnADisk(logging.handlers.RotatingFileHandler):
    """A disk that is full takes no lines; the other handler has them, and a traceback for each would bury them."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  the library's name
        if not isinstance(sys.exception(), OSError):
            super().handleError(record)


def _file_handler(path: Path) -> logging.Handler:
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = _FileOnADisk(path, maxBytes=FILE_LIMIT, backupCount=FILES_KEPT, encoding="utf-8")
    handler.setFormatter(_formatter(_json_renderer()))
    return handler


def _take_over(handlers: list[logging.Handler], level: str) -> None:
    root = logging.getLogger()
    _release([old for old in root.handlers if old.get_name() == _OURS])
    for handler in handlers:
        handler.set_name(_OURS)
        root.addHandler(handler)
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "alembic"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        # What others tell of their daily work is noise beside ours; a request's path may even hold a link's secret.
        logger.setLevel(max(logging.WARNING, root.level))


def _release(handlers: list[logging.Handler]) -> None:
    for handler in handlers:
        logging.getLogger().removeHandler(handler)
        handler.close()
