"""The calls to a container engine that we need, in our own words."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import quote, urlsplit

from flowforge.adapters.executors.docker.engine_socket import CALL_DEADLINE, EngineAnswer, EngineSocket
from flowforge.errors import EngineUnavailable

# What this was written and tried against; an engine that speaks less is asked in its own version.
NEWEST_VERSION = (1, 43)
OLDEST_VERSION = (1, 40)
VERSION_DEADLINE = 5.0
NO_SUCH_PROGRAM = (
    "executable file not found",
    "no such file or directory",
    "permission denied",
    "unable to find user",
)
# Looking is quick on an engine that is well, making and removing may take its time.
LOOK_DEADLINE = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerState:
    """`status` in the engine's words: created, running, paused, exited, dead, …; `memory` is its limit, 0 for none."""

    id: str
    status: str
    exit_code: int
    oom_killed: bool
    error: str
    memory: int = 0


class Making(StrEnum):
    """What came of making a network."""

    MADE = "made"
    NAME_TAKEN = "name_taken"
    SUBNET_TAKEN = "subnet_taken"


class Engine:
    def __init__(self, socket: EngineSocket) -> None:
        self._socket = socket
        self._prefix = ""
        self._kind = ""

    @property
    def address(self) -> str:
        return self._socket.address

    @property
    def socket_path(self) -> str:
        """Empty where the engine is not on this machine."""
        parts = urlsplit(self.address)
        return parts.path if parts.scheme == "unix" else ""

    async def kind(self) -> str:
        """The engine's own word for itself."""
        if not self._kind:
            components = (await self.version()).get("Components") or ()
            self._kind = str(next((each.get("Name") for each in components), "") or "engine")
        return self._kind

    async def ping(self) -> None:
        _good(await self._socket.call("GET", "/_ping", deadline=VERSION_DEADLINE), 200)

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

    async def try_start(self, name: str) -> str:
        """Empty, or why the engine cannot start what this container was made to."""
        answer = await self._call("POST", f"/containers/{quote(name)}/start")
        if answer.status == 400 or any(words in answer.message for words in NO_SUCH_PROGRAM):
            return answer.message
        _good(answer, 204, 304)
        return ""

    async def rename(self, name: str, new: str) -> None:
        path = f"/containers/{quote(name)}/rename"
        _good(await self._call("POST", path, query={"name": new}), 204)

    async def state(self, name: str) -> ContainerState | None:
        """None where there is no such container."""
        answer = await self._call("GET", f"/containers/{quote(name)}/json")
        if answer.status == 404:
            return None
        found = _good(answer, 200).json()
        state = found["State"]
        return ContainerState(
            id=found["Id"],
            status=state["Status"],
            exit_code=state["ExitCode"],
            oom_killed=state["OOMKilled"],
            error=state["Error"],
            memory=found["HostConfig"]["Memory"],
        )

    async def remove(self, name: str) -> None:
        """Running or not, with its anonymous volumes. Nothing there, or being removed by another, is as good."""
        answer = await self._call("DELETE", f"/containers/{quote(name)}", query={"force": "1", "v": "1"})
        _good(answer, 204, 404, 409)

    async def labelled(self, noun: str, labels: Mapping[str, str]) -> Sequence[Mapping[str, Any]]:
        """All `containers`, `networks` or `volumes` with these labels."""
        path = "/containers/json" if noun == "containers" else f"/{noun}"
        wanted = [f"{name}={value}" for name, value in labels.items()]
        query = {"all": "1", "filters": json.dumps({"label": wanted})}
        found = _good(await self._call("GET", path, query=query), 200).json()
        return tuple(found["Volumes"] or () if noun == "volumes" else found)

    async def remove_other(self, noun: str, name: str) -> None:
        """A network or a volume."""
        _good(await self._call("DELETE", f"/{noun}/{quote(name)}"), 204, 404)

    async def make_network(self, spec: Mapping[str, Any]) -> Making:
        answer = await self._call("POST", "/networks/create", body=spec)
        said = answer.message if answer.status >= 400 else ""
        if any(
            words in said for words in ("Pool overlaps", "is already used on the host", "subnet is already")
        ):
            return Making.SUBNET_TAKEN
        if answer.status == 409 or "network already exists" in said:
            return Making.NAME_TAKEN
        _good(answer, 200, 201)
        return Making.MADE

    async def execute(self, name: str, command: Sequence[str], *, user: str, deadline: float) -> int | None:
        """The exit code of a command in a running container; None where the container is not one, or the command did not
        end in time (it is then left alone)."""
        asked = {"Cmd": list(command), "User": user, "AttachStdout": True, "AttachStderr": True}
        answer = await self._call("POST", f"/containers/{quote(name)}/exec", body=asked)
        if answer.status in (404, 409) or "running" in (answer.message if answer.status >= 500 else ""):
            return None
        path = f"/exec/{quote(_good(answer, 201).json()['Id'])}"
        try:
            async with asyncio.timeout(deadline):
                await self._call("POST", f"{path}/start", body={"Detach": False, "Tty": False})
        except TimeoutError:
            return None
        ended = await self._call("GET", f"{path}/json")
        code = ended.json().get("ExitCode") if ended.status == 200 else None
        return None if code is None else int(code)

    async def last_words(self, name: str, lines: int) -> bytes:
        """What a container printed last, on both of its outputs."""
        query = {"stdout": "1", "stderr": "1", "tail": str(lines)}
        answer = await self._call("GET", f"/containers/{quote(name)}/logs", query=query)
        return _unframed(answer.body) if answer.status == 200 else b""

    async def cpus(self) -> float:
        """How many its machine has: more cannot be asked for."""
        return float((await self.info()).get("NCPU") or 1)

    async def info(self) -> Mapping[str, Any]:
        return dict(_good(await self._call("GET", "/info"), 200).json())

    async def image(self, reference: str) -> Mapping[str, Any] | None:
        answer = await self._call("GET", f"/images/{quote(reference)}/json")
        # For a reference that cannot be one, too, which Docker and Podman say in ways of their own: pulling will tell.
        if answer.status in (400, 404) or "invalid reference" in answer.message:
            return None
        return dict(_good(answer, 200).json())

    async def some_image(self) -> str | None:
        """Any image that is here."""
        found = _good(await self._call("GET", "/images/json"), 200).json()
        return str(found[0]["Id"]) if found else None

    async def pull(self, reference: str, sign_in: str, deadline: float) -> tuple[int, str]:
        """The answer's status, and the engine's sentence if the pull failed. `sign_in` is the header's value, empty for
        none."""
        name, tag = _name_and_tag(reference)
        query = {"fromImage": name, **({"tag": tag} if tag else {})}
        path = f"{await self._version_prefix()}/images/create"
        answered, sentence = 200, ""
        headers = {"X-Registry-Auth": sign_in} if sign_in else {}
        answers = self._socket.objects("POST", path, query=query, headers=headers, deadline=deadline)
        async for status, line in answers:
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
        deadline = LOOK_DEADLINE if method == "GET" else CALL_DEADLINE
        prefix = await self._version_prefix()
        return await self._socket.call(method, prefix + path, query=query, body=body, deadline=deadline)

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


def _unframed(stream: bytes) -> bytes:
    """Each frame has a head of eight bytes: which output, three of nothing, and its size."""
    parts, at = [], 0
    while at + 8 <= len(stream):
        size = int.from_bytes(stream[at + 4 : at + 8], "big")
        parts.append(stream[at + 8 : at + 8 + size])
        at += 8 + size
    return b"".join(parts)


def _name_and_tag(reference: str) -> tuple[str, str]:
    """Without a tag the engine would pull every one."""
    if "@" in reference:
        return reference, ""
    name, colon, tag = reference.rpartition(":")
    return (name, tag) if colon and "/" not in tag else (reference, "latest")
