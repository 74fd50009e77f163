"""Images that are pulled by somebody in particular, from a registry that asks who."""

import base64
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from flowforge.errors import BadInput
from flowforge.model.secret_ref import SecretRef
from flowforge.model.service_spec import ServiceSpec
from flowforge.model.sign_in import SignIn
from tests.contract.executors.conftest import DOCKER
from tests.contract.executors.lodge import Lodge

KINDS = [DOCKER]
ROBOT = SignIn(username="robot", password=SecretRef(name="PASSWORD"))
ANN = SignIn(username=SecretRef(name="WHO"), password=SecretRef(name="HERS"))
SECRETS = {"PASSWORD": "correct-horse", "WHO": "ann", "HERS": "battery:staple", "OTHER": "of another job"}


@dataclass
class Registry:
    """Asks everybody for a name and has no image. `seen` is who asked for which."""

    host: str = ""
    seen: dict[str, set[str]] = field(default_factory=dict)

    def saw(self, path: str, authorization: str | None) -> bool:
        if not authorization:
            return False
        who = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        self.seen.setdefault(path.split("/")[2], set()).add(who)
        return True


@pytest.fixture
def registry() -> Iterator[Registry]:
    """Engines talk plain HTTP to loopback addresses."""
    found = Registry()

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            known = found.saw(self.path, self.headers["Authorization"])
            body = json.dumps(
                {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}
            ).encode()
            self.send_response((200 if self.path == "/v2/" else 404) if known else 401)
            self.send_header("WWW-Authenticate", 'Basic realm="test"')
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        found.host = f"127.0.0.1:{server.server_port}"
        yield found
        server.shutdown()
        thread.join()


async def refused(
    lodge: Lodge, sign_in: SignIn | None, *services: ServiceSpec, secrets: Mapping[str, str]
) -> str:
    order = replace(lodge.order("true"), sign_in=sign_in, services=services)
    with pytest.raises(BadInput) as caught:
        await lodge.run(order, secrets=secrets)
    assert not set(SECRETS.values()) & set(caught.value.message.split())
    return caught.value.message


async def test_each_image_is_asked_for_in_the_name_that_the_job_gives(
    lodge: Lodge, registry: Registry
) -> None:
    lodge.image = f"{registry.host}/tool"
    await refused(lodge, ROBOT, secrets=SECRETS)
    assert registry.seen["tool"] == {"robot:correct-horse"}
    service = ServiceSpec(names=("db",), image=f"{registry.host}/db", sign_in=ANN)
    await refused(lodge, ROBOT, service, secrets=SECRETS)
    assert registry.seen.get("db", set()) <= {"ann:battery:staple"}


async def test_a_service_is_asked_for_in_its_own_name(lodge: Lodge, registry: Registry) -> None:
    service = ServiceSpec(names=("db",), image=f"{registry.host}/db", sign_in=ANN)
    await refused(lodge, None, service, secrets=SECRETS)
    assert registry.seen["db"] == {"ann:battery:staple"}


async def test_an_image_without_a_sign_in_is_asked_for_by_nobody(lodge: Lodge, registry: Registry) -> None:
    lodge.image = f"{registry.host}/tool"
    assert "sign-in" not in await refused(lodge, None, secrets=SECRETS)
    assert registry.seen == {}


async def test_a_secret_that_was_not_given_is_named(lodge: Lodge, registry: Registry) -> None:
    lodge.image = f"{registry.host}/tool"
    message = await refused(lodge, ROBOT, secrets={})
    assert message.endswith("it was asked for without a sign-in, for no value was given for PASSWORD")
    assert registry.seen == {}
