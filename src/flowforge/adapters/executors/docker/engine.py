"""The calls to a container engine that we need, in our own words."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from flowforge.adapters.executors.docker.engine_socket import EngineAnswer, EngineSocket
from flowforge.errors import EngineUnavailable

# What this was written and tried against; an engine that speaks less is asked in its own version.
NEWEST_VERSION = (1, 43)
OLDEST_VERSION = (1, 40)
VERSION_DEADLINE = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerState:
    """`status` in the engine's words: created, running, paused, exited, dead, …"""

    status: str
    exit_code: int
    oom_killed: bool
    error: str


class Engine:
    def __init__(self, socket: EngineSocket) -> None:
        self._socket = socket
        self._prefix = ""

    @property
    def address(self) -> str:
        return self._socket.address

    async def version(self) -> Mapping[str, Any]:
        answer = await self._socket.call("GET", "/version", deadline=VERSION_DEADLINE)
        return dict(_good(answer, 200).json())

    async def create(self, name: str, spec: Mapping[str, Any]) -> bool:
        """False where the name is taken."""
        answer = await self._call("POST", "/containers/create", query={"name": name}, body=spec)
        if answer.status == 409:
            return False
        _good(answer, 201)
        return True

    async def start(self, name: str) -> None:
        _good(await self._call("POST", f"/containers/{quote(name)}/start"), 204, 304)

    async def state(self, name: str) -> ContainerState | None:
        """None where there is no such container."""
        answer = await self._call("GET", f"/containers/{quote(name)}/json")
        if answer.status == 404:
            return None
        state = _good(answer, 200).json()["State"]
        return ContainerState(
            status=state["Status"],
            exit_code=state["ExitCode"],
            oom_killed=state["OOMKilled"],
            error=state["Error"],
        )

    async def remove(self, name: str) -> None:
        """Running or not, with its anonymous volumes. Nothing there, or being removed by another, is as good."""
        answer = await self._call("DELETE", f"/containers/{quote(name)}", query={"force": "1", "v": "1"})
        _good(answer, 204, 404, 409)

    async def labelled(self, noun: str, label: str) -> Sequence[Mapping[str, Any]]:
        """All `containers`, `networks` or `volumes` with a label."""
        path = "/containers/json" if noun == "containers" else f"/{noun}"
        query = {"all": "1", "filters": json.dumps({"label": [label]})}
        found = _good(await self._call("GET", path, query=query), 200).json()
        return tuple(found["Volumes"] or () if noun == "volumes" else found)

    async def remove_other(self, noun: str, name: str) -> None:
        """A network or a volume."""
        _good(await self._call("DELETE", f"/{noun}/{quote(name)}"), 204, 404)

    async def image(self, reference: str) -> Mapping[str, Any] | None:
        answer = await self._call("GET", f"/images/{quote(reference)}/json")
        if answer.status in (400, 404):  # 400 for a reference that cannot be one: pulling will say so
            return None
        return dict(_good(answer, 200).json())

    async def some_image(self) -> str | None:
        """Any image that is here."""
        found = _good(await self._call("GET", "/images/json"), 200).json()
        return str(found[0]["Id"]) if found else None

    async def pull(self, reference: str, deadline: float) -> tuple[int, str]:
        """The answer's status, and the engine's sentence if the pull failed."""
        name, tag = _name_and_tag(reference)
        query = {"fromImage": name, **({"tag": tag} if tag else {})}
        path = f"{await self._version_prefix()}/images/create"
        answered, sentence = 200, ""
        async for status, line in self._socket.objects("POST", path, query=query, deadline=deadline):
            answered = status
            sentence = sentence or str(line.get("error") or line.get("message") or "")
        return answered, sentence

    async def archive(self, name: str, path: str) -> bytes | None:
        """A file in a container as a tar archive; None where there is none."""
        answer = await self._call("GET", f"/containers/{quote(name)}/archive", query={"path": path})
        return None if answer.status == 404 else _good(answer, 200).body

    async def _call(
        self, method: str, path: str, *, query: dict[str, str] | None = None, body: object = None
    ) -> EngineAnswer:
        return await self._socket.call(method, await self._version_prefix() + path, query=query, body=body)

    async def _version_prefix(self) -> str:
        if not self._prefix:
            answer = await self._socket.call("GET", "/_ping", deadline=VERSION_DEADLINE)
            spoken = _version(_good(answer, 200).headers.get("api-version", ""))
            if spoken < OLDEST_VERSION:
                raise EngineUnavailable(
                    f"the container engine at {self.address} is too old (API {spoken})", final=True
                )
            self._prefix = "/v{}.{}".format(*min(spoken, NEWEST_VERSION))
        return self._prefix


def _version(text: str) -> tuple[int, int]:
    major, _, minor = text.partition(".")
    return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else (0, 0)


def _good(answer: EngineAnswer, *expected: int) -> EngineAnswer:
    if answer.status not in expected:
        raise EngineUnavailable(f"the container engine refused ({answer.status}): {answer.message}")
    return answer


def _name_and_tag(reference: str) -> tuple[str, str]:
    """Without a tag the engine would pull every one."""
    if "@" in reference:
        return reference, ""
    name, colon, tag = reference.rpartition(":")
    return (name, tag) if colon and "/" not in tag else (reference, "latest")
