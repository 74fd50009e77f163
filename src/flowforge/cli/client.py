"""Calls to a server's REST API. httpx2 is imported with the first call."""

import os
import sys
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO
from urllib.parse import urlsplit

from flowforge import local_token
from flowforge.cli.exit_codes import CommandFailed, ExitCode
from flowforge.cli.foreign_text import one_line
from flowforge.cli.options import ServerChoice, server_choice, shown

if TYPE_CHECKING:
    import httpx2

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 30.0
LONGEST_ANSWER = 64 * 1024 * 1024

_CODES = {401: ExitCode.SIGN_IN, 404: ExitCode.NOT_FOUND}


class Unreachable(CommandFailed):
    """No answer, or one that broke off: another try may get one."""


class Api:
    """One command's conversation with one server."""

    def __init__(self, choice: ServerChoice, environ: Mapping[str, str], cwd: Path) -> None:
        import httpx2

        token = choice.token or local_token.find(choice.url, environ, cwd)
        # A proxy for the world outside is none for a server on this machine.
        outside = not local_token.is_loopback(choice.url)
        self.url = choice.url
        self._shown = shown(choice.url)
        self._environ = environ
        self._http = httpx2.Client(
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            trust_env=outside,
        )

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        return self._json("GET", path, params=query)

    def post(self, path: str, body: object = None) -> Any:
        return self._json("POST", path, json=body if body is not None else {})

    def patch(self, path: str, body: object) -> Any:
        return self._json("PATCH", path, json=body)

    def put(self, path: str, body: object) -> Any:
        return self._json("PUT", path, json=body)

    def delete(self, path: str) -> None:
        with self._understood(), self._http.stream("DELETE", self.url + path) as answer:
            self._check(answer)

    def deliver(self, body: bytes, headers: Mapping[str, str]) -> Any:
        """A webhook, which proves itself: the token stays here."""
        return self._json("POST", "/webhook", content=body, headers={**headers, "Authorization": ""})

    @contextmanager
    def stream(
        self, path: str, headers: Mapping[str, str] | None = None, *, pause: float | None = ANSWER_SECONDS
    ) -> "Generator[httpx2.Response]":
        """An answer whose body is read as it comes, `pause` seconds or for ever between two pieces of it; 416 is one
        too: there is nothing behind the asked offset."""
        import httpx2

        timeout = httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS, read=pause)
        with (
            self._understood(),
            self._http.stream("GET", self.url + path, headers=dict(headers or {}), timeout=timeout) as answer,
        ):
            if answer.status_code != 416:
                self._check(answer)
            yield answer

    def close(self) -> None:
        self._http.close()

    def _json(self, method: str, path: str, **rest: Any) -> Any:
        with self._understood(), self._http.stream(method, self.url + path, **rest) as answer:
            self._check(answer)
            body = _bounded(answer)
        try:
            return _parsed(body)
        except ValueError:
            raise CommandFailed(
                f"what answers at {self._shown} is not a FlowForge server: no JSON at {path}"
            ) from None

    @contextmanager
    def _understood(self) -> Iterator[None]:
        import httpx2

        try:
            yield
        except httpx2.ConnectError as error:
            raise Unreachable(self._nobody(str(error))) from None
        except httpx2.TimeoutException:
            raise Unreachable(
                f"the server at {self._shown} did not answer within {ANSWER_SECONDS:.0f} s"
            ) from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise Unreachable(f"no sound answer from {self._shown}: {error}") from None

    def _nobody(self, why: str) -> str:
        if "certificate" in why.lower():
            return f"the certificate of {self._shown} is not valid: {why}"
        line = f"no FlowForge server answers at {self._shown}: start one with flowforge up"
        known = local_token.published(self._environ)
        if known and known[0] != self.url and urlsplit(known[0]).port != urlsplit(self.url).port:
            line += (
                f", or name another one with --server-url (the last one here was {shown(one_line(known[0]))})"
            )
        return line

    def _check(self, answer: "httpx2.Response") -> None:
        if answer.is_success:
            return
        code = _CODES.get(answer.status_code, ExitCode.ERROR)
        detail = _problem(_bounded(answer)) or f"{self._shown} answered {answer.status_code}"
        if code is ExitCode.SIGN_IN:
            detail += "; set FLOWFORGE_TOKEN, or run this where the server's data folder is"
        raise CommandFailed(detail, code)


@contextmanager
def api() -> Iterator[Api]:
    """The server that the command line chose."""
    client = Api(server_choice(), os.environ, Path.cwd())
    try:
        yield client
    finally:
        client.close()


def print_json(value: object, out: TextIO | None = None) -> None:
    """ASCII only: others' text in it can neither break an encoding nor command a terminal."""
    import json

    print(json.dumps(value, indent=2), file=out or sys.stdout)


def _bounded(answer: "httpx2.Response") -> bytes:
    body = bytearray()
    for chunk in answer.iter_bytes():
        body += chunk
        if len(body) > LONGEST_ANSWER:
            raise CommandFailed(
                f"the answer of {shown(str(answer.url))} is larger than {LONGEST_ANSWER} bytes"
            )
    return bytes(body)


def _parsed(body: bytes) -> Any:
    import json

    return json.loads(body)


def _problem(body: bytes) -> str:
    """The sentence of an RFC 9457 problem document, with the fields it names."""
    try:
        document = _parsed(body)
    except ValueError:
        return ""
    if not isinstance(document, dict):
        return ""
    detail = document.get("detail") or document.get("title")
    return one_line(detail) if isinstance(detail, str) else ""
