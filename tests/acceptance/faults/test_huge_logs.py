"""Logs that are large, odd or endless: every byte comes back, memory stays flat, pages stay small, and the job goes on."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.rig import FakeGitHub, RealServer
from tests.rig.forge import fake_github
from tests.rig.machine import process
from tests.rig.server import Answer
from tests.rig.stage import come_to_rest, wait_for_delivery

pytestmark = pytest.mark.needs("git", "busybox")

MEGABYTE = 1_000_000
SHORT, LONG = 50 * MEGABYTE, 1000 * MEGABYTE
GROWTH = 100 * MEGABYTE
LARGEST_PAGE = 4 * MEGABYTE
LIMIT = 60 * MEGABYTE
LINE = b"a line of a log, as long as they are on average, with a number behind it: %08d\n"


@dataclass(frozen=True)
class House:
    folder: Path
    forge: FakeGitHub
    server: RealServer

    def prints(self, *scripts: str) -> int:
        """The run of a job with these steps, over and successful."""
        steps = [{"run": script} for script in scripts]
        config = json.dumps({"jobs": {"build": {"steps": steps}}}).encode()
        pushed = self.server.push(
            self.forge, {".flowforge/ci.yml": config, "scripts": repr(scripts).encode()}
        )
        run = self.server.over(pushed.run_id, seconds=300)
        assert run["status"] == "success", run
        wait_for_delivery(self.server, pushed.run_id)
        return pushed.run_id

    def file(self, name: str, content: bytes) -> Path:
        """One that a step, as whoever it runs, can read."""
        path = self.folder / name
        path.write_bytes(content)
        path.chmod(0o644)
        return path

    def page(self, run_id: int) -> Answer:
        token = (self.server.data / "local.token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}"}
        return self.server.ask("GET", f"/ui/pipelines/{run_id}/jobs/build/log", headers=headers)

    def peak(self) -> int:
        """The most memory that the server ever held, in bytes."""
        assert self.server.process
        status = Path(f"/proc/{self.server.process.pid}/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))


@pytest.fixture(scope="module")
def limit(long_form: bool) -> int:
    return 2 * LONG if long_form else LIMIT


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, limit: int) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    (folder / "forge").mkdir()
    machine = process()
    settings = {"FLOWFORGE_LOG_LIMIT": str(limit)}
    with (
        fake_github(folder / "forge") as forge,
        RealServer(folder, forge.environment | machine.environment | settings) as server,
    ):
        yield House(folder, forge, server)
        come_to_rest(server, machine)


def test_a_long_log_comes_back_to_the_byte_and_costs_no_memory(house: House, long_form: bool) -> None:
    size = LONG if long_form else SHORT
    count = size // len(LINE % 0)
    house.prints("echo warm")
    before = house.peak()
    awk = f"busybox awk 'BEGIN {{ for (i = 0; i < {count}; i++) printf \"{LINE.decode()[:-1]}\\n\", i }}'"
    run_id = house.prints(awk.replace("%08d\n", "%08d\\n"))
    assert house.peak() - before < GROWTH
    log = house.server.log(run_id, "build")
    assert len(log) == count * len(LINE % 0)
    assert all(log.startswith(LINE % n, n * len(LINE % 0)) for n in range(count))
    page = house.page(run_id)
    assert (page.status, len(page.body) < LARGEST_PAGE) == (200, True)
    assert b"%08d" % (count - 1) in page.body


def test_one_line_of_ten_megabytes_is_shown_in_part_and_kept_whole(house: House) -> None:
    line = b"x" * (10 * MEGABYTE) + b"\n"
    run_id = house.prints(f"cat {house.file('line', line)}", "echo after")
    assert house.server.log(run_id, "build") == line + b"after\n"
    page = house.page(run_id)
    assert (page.status, len(page.body) < LARGEST_PAGE) == (200, True)


def test_any_byte_comes_back_and_no_page_breaks(house: House, chance: random.Random) -> None:
    odd = b"\0\0nul\x1b[2J\x1b]8;;http://x/\x07\xff\xfe\xed\xa0\x80\xe2\x80\xae<script>alert(1)</script>\r\n"
    content = odd + chance.randbytes(2 * MEGABYTE) + odd * 3
    run_id = house.prints(f"cat {house.file('bytes', content)}")
    assert house.server.log(run_id, "build") == content
    page = house.page(run_id)
    assert (page.status, len(page.body) < 20 * MEGABYTE) == (200, True)
    assert b"<script>alert" not in page.body
    assert b"\0" not in page.body
    assert b"\x1b" not in page.body
    page.body.decode()


def test_over_its_limit_a_log_is_cut_with_a_mark_and_the_job_goes_on(house: House, limit: int) -> None:
    count = limit // 100_000 + 20
    line = "busybox head -c 100000 /dev/zero | busybox tr '\\0' y"
    run_id = house.prints(f"i=0; while [ $i -lt {count} ]; do {line}; i=$((i+1)); done", "echo after")
    log = house.server.log(run_id, "build")
    mark = b"\n[the log reached its limit of %d bytes and is cut here]\n" % limit
    assert log.endswith(mark)
    assert log[: -len(mark)] == b"y" * limit
    assert b"cut here" in house.page(run_id).body
