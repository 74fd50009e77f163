"""The pages: what stands on them, and what hostile text cannot do there."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from flowforge.model.status import Cause, Status
from flowforge.ports import Tx
from tests.contract.server.asgi import Client
from tests.contract.server.world import World, push_body

EVIL = "<img src=x onerror=alert(1)>\"'{{7*7}}"


class Elements(HTMLParser):
    """All start tags with their attributes, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


@pytest.fixture
async def browser(world: World) -> Client:
    return await world.browser()


async def read(browser: Client, path: str) -> Elements:
    answer = await browser.get(path)
    assert answer.status == 200, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    elements = Elements(answer.text)
    assert len(elements.named("h1")) == 1
    assert not elements.named("script")
    names = {name for _, attributes in elements.found for name in attributes}
    assert not [name for name in names if name == "style" or name.startswith("on")]
    return elements


class TestProjects:
    async def test_an_empty_installation_says_how_to_begin(self, browser: Client) -> None:
        page = await read(browser, "/ui/projects")
        assert "Nothing has run here yet" in page.text
        assert "https://ci.example/webhook" in page.text
        assert "shared with the forge" in page.text, "an admin sees the secret"
        assert "no runner is online" in page.text

    async def test_the_red_ones_come_first(self, world: World, browser: Client) -> None:
        await world.failed_run()
        await world.push(repository=_repository("tools/plane", 2))
        page = await read(browser, "/ui/projects")
        assert page.text.index("tools/saw") < page.text.index("tools/plane")
        assert "Failed" in page.text
        assert [a["aria-label"] for a in page.named("svg") if a.get("class") == "trace"] == [
            "One run: 1 failed",
            "One run: 1 pending",
        ]

    async def test_they_can_be_sorted_by_name(self, world: World, browser: Client) -> None:
        await world.failed_run()
        await world.push(repository=_repository("tools/plane", 2))
        page = await read(browser, "/ui/projects?sort=name")
        assert page.text.index("tools/plane") < page.text.index("tools/saw")

    async def test_one_name_at_two_forges_needs_the_forge(self, world: World, browser: Client) -> None:
        await world.push()
        await world.store.write(_other_forge)
        page = await read(browser, "/ui/projects/tools/saw")
        links = {a["href"] for a in page.named("a")}
        assert {"/ui/projects/github/tools/saw", "/ui/projects/gitea/tools/saw"} <= links
        assert "Sharpen" in (await read(browser, "/ui/projects/github/tools/saw")).text
        assert "No run yet" in (await read(browser, "/ui/projects/gitea/tools/saw")).text

    async def test_a_former_name_still_leads_there(self, world: World, browser: Client) -> None:
        await world.push()
        await world.push(repository=_repository("tools/blade", 4711), after="c" * 40)
        assert "tools/blade" in (await read(browser, "/ui/projects/tools/saw")).text

    @pytest.mark.parametrize("name", ["none", "no/such", "a" * 900, "%00", "tools/saw/x"])
    async def test_an_unknown_one_is_not_found(self, world: World, browser: Client, name: str) -> None:
        await world.push()
        answer = await browser.get(f"/ui/projects/{name}")
        assert answer.status == 404
        assert "All projects" in answer.text


class TestRunLists:
    async def test_a_project_lists_its_runs_by_branch_and_status(self, world: World, browser: Client) -> None:
        await world.failed_run()
        await world.push(ref="refs/heads/next", after="c" * 40, head_commit={"message": "Something else"})
        everything = await read(browser, "/ui/projects/tools/saw")
        assert "Sharpen the saw" in everything.text
        assert "Something else" in everything.text
        failed = await read(browser, "/ui/projects/tools/saw?status=failure&branch=main")
        assert "Something else" not in failed.text
        nothing = await read(browser, "/ui/projects/tools/saw?branch=none")
        assert "No run is like that" in nothing.text

    async def test_older_runs_are_behind_a_link(self, world: World, browser: Client) -> None:
        for n in range(32):
            await world.push(after=f"{n + 1:040x}")
        page = await read(browser, "/ui/pipelines?branch=main")
        (older,) = [a["href"] for a in page.named("a") if "before=" in (a["href"] or "")]
        assert older == "?branch=main&before=3"
        assert "/ui/pipelines/2" in {
            a["href"] for a in (await read(browser, f"/ui/pipelines{older}")).named("a")
        }

    @pytest.mark.parametrize(
        "query", ["status=<b>", "before=x", "before=-1", f"before={'9' * 50}", "branch=%00"]
    )
    async def test_nonsense_in_the_address_is_no_error(
        self, world: World, browser: Client, query: str
    ) -> None:
        await world.push()
        await read(browser, f"/ui/pipelines?{query}")


class TestRun:
    async def test_what_failed_stands_first_with_its_last_lines(self, world: World, browser: Client) -> None:
        run = await world.failed_run()
        page = await read(browser, f"/ui/pipelines/{run}")
        assert "test failed at “Check”" in page.text
        assert "Exit code 2 after 3.0 s, step 2 of 2." in page.text
        assert "error: no such file" in page.text
        assert page.text.index("error: no such file") < page.text.index("Timeline")
        assert "1 job did not run because of another: deploy" in page.text
        assert "/ui/pipelines/1/jobs/2/log?line=2#L2" in {a["href"] for a in page.named("a")}
        assert "/api/v1/runs/1/jobs/2/log?download=1" in {a["href"] for a in page.named("a")}

    async def test_it_asks_for_itself_again_until_it_is_over(self, world: World, browser: Client) -> None:
        run = await world.push()
        going = await read(browser, f"/ui/pipelines/{run}")
        assert {"http-equiv": "refresh", "content": "3"} in going.named("meta")
        assert [a["action"] for a in going.named("form")][-1] == f"/ui/pipelines/{run}/cancel"
        await world.services.control.cancel(run, "somebody")
        over = await read(browser, f"/ui/pipelines/{run}")
        assert not [a for a in over.named("meta") if "http-equiv" in a]
        assert [a["action"] for a in over.named("form")][-1] == f"/ui/pipelines/{run}/rerun"
        assert "cancelled by somebody" in over.text

    async def test_its_buttons_work(self, world: World, browser: Client) -> None:
        run = await world.push()
        assert (await browser.post(f"/ui/pipelines/{run}/cancel")).headers["location"] == "/ui/pipelines/1"
        assert (await browser.post(f"/ui/pipelines/{run}/rerun")).headers["location"] == "/ui/pipelines/2"
        again = await browser.post(f"/ui/pipelines/{run}/cancel")
        assert again.status == 409
        assert "is over" in again.text

    async def test_a_broken_config_is_told_in_full(self, world: World, browser: Client) -> None:
        run = await world.push()
        why = ".flowforge/ci.yml:7:9: error: unknown step rnu (write run)"
        await world.store.write(lambda tx: _fail(tx, run, why))
        page = await read(browser, f"/ui/pipelines/{run}")
        assert "its pipeline cannot be run" in page.text
        assert why in page.text

    @pytest.mark.parametrize("id", ["9", "abc", "0", "9" * 40])
    async def test_an_unknown_one_is_not_found(self, browser: Client, id: str) -> None:
        assert (await browser.get(f"/ui/pipelines/{id}")).status == 404


class TestLog:
    async def test_lines_are_numbered_and_cut_by_step(self, world: World, browser: Client) -> None:
        run = await world.failed_run(b"checkout\nx\nerror: it\n")
        page = await read(browser, f"/ui/pipelines/{run}/jobs/test/log")
        assert [a["id"] for a in page.named("div") if (a.get("id") or "").startswith("L")][-1] == "L3"
        assert [a["id"] for a in page.named("div") if (a.get("id") or "").startswith("S")] == ["S1", "S2"]

    async def test_a_long_one_is_a_window_with_a_note(self, world: World, browser: Client) -> None:
        run = await world.failed_run(b"".join(b"line %d\n" % n for n in range(1, 12_001)))
        end = await read(browser, f"/ui/pipelines/{run}/jobs/test/log")
        assert "12,000 lines" in end.text
        assert "You see lines 11,001 to 12,000" in end.text
        middle = await read(browser, f"/ui/pipelines/{run}/jobs/test/log?line=6000")
        assert "You see lines 5,950 to 6,949" in middle.text
        assert {a.get("id") for a in middle.named("div")} >= {"L6000"}
        links = {a["href"] for a in middle.named("a")}
        assert {"?line=5000", "?line=7000"} <= links

    @pytest.mark.parametrize("line", ["0", "-1", "x", "9" * 30, "999999"])
    async def test_a_line_that_is_not_there_is_no_error(
        self, world: World, browser: Client, line: str
    ) -> None:
        run = await world.failed_run(b"x\n" * 6000)
        await read(browser, f"/ui/pipelines/{run}/jobs/test/log?line={line}")

    async def test_a_job_that_has_not_begun_says_so(self, world: World, browser: Client) -> None:
        run = await world.failed_run()
        page = await read(browser, f"/ui/pipelines/{run}/jobs/deploy/log")
        assert "The job has not begun" in page.text

    async def test_another_runs_job_is_not_found(self, world: World, browser: Client) -> None:
        await world.failed_run()
        other = await world.failed_run(after="c" * 40)
        assert (await browser.get(f"/ui/pipelines/{other}/jobs/2/log")).status == 404


class TestHostileText:
    async def test_names_of_all_kinds_are_only_text(self, world: World, browser: Client) -> None:
        run = await world.failed_run(f"{EVIL}\n\x1b]8;;javascript:alert(1)\x07{EVIL}\x1b]8;;\x07\n".encode())
        await world.store.write(lambda tx: _rename(tx, run))
        for path in (
            "/ui/projects",
            "/ui/pipelines",
            f"/ui/pipelines/{run}",
            f"/ui/pipelines/{run}/jobs/2/log",
        ):
            page = await read(browser, path)
            assert not page.named("img")
            assert "49" not in re.findall(r"\b49\b", page.text)
            assert not [a for a in page.named("a") if "javascript" in (a.get("href") or "")]
        for path in (f"/ui/pipelines/{run}", f"/ui/pipelines/{run}/jobs/2/log"):
            assert "<img src=x onerror=alert(1)>" in (await read(browser, path)).text

    async def test_a_hostile_branch_stays_inside_its_link(self, world: World, browser: Client) -> None:
        run = await world.failed_run()
        await world.store.write(lambda tx: _rename(tx, run))
        page = await read(browser, f"/ui/pipelines/{run}")
        (link,) = [a["href"] for a in page.named("a") if "?branch=" in (a["href"] or "")]
        assert link is not None
        assert re.fullmatch(r"/ui/projects/tools/saw\?branch=[A-Za-z0-9%._/-]+", link)

    async def test_an_address_is_repeated_as_text_only(self, browser: Client) -> None:
        answer = await browser.get("/ui/projects/%3Cimg%20src=x%3E")
        assert answer.status == 404
        assert not Elements(answer.text).named("img")


async def test_runners_are_listed_with_why_they_wait(world: World, browser: Client) -> None:
    runner = await world.services.runners.enrol_local(3, "docker")
    now = world.clock.now()
    noted = replace(runner, seen_at=now, note="no container engine answers")
    await world.store.write(lambda tx: tx.runners.save(noted))
    await world.services.runners.register("10.0.0.5", ["linux"])
    page = await read(browser, "/ui/runners")
    assert "Limited" in page.text
    assert "no container engine answers" in page.text
    assert "Registered" in page.text


async def test_the_way_in_is_redirected(browser: Client) -> None:
    for path in ("/", "/ui", "/ui/"):
        assert (await browser.get(path)).headers["location"] == "/ui/projects"


async def test_every_icon_that_pages_name_exists(world: World, browser: Client) -> None:
    run = await world.failed_run()
    icons = (await browser.get("/static/icons.svg")).text
    for path in (
        "/ui/projects",
        "/ui/setup",
        f"/ui/pipelines/{run}",
        f"/ui/pipelines/{run}/jobs/2/log",
        "/docs",
    ):
        for use in (await read(browser, path)).named("use"):
            _, _, name = (use["href"] or "").partition("#")
            assert f'id="{name}"' in icons


def _repository(name: str, id: int) -> dict[str, object]:
    repository = dict(push_body()["repository"])
    return {**repository, "id": id, "full_name": name}


def _other_forge(tx: Tx) -> None:
    (project,) = tx.projects.newest(5)
    tx.projects.save(
        replace(project, id=tx.take_ids("projects")[0], forge="gitea", origin="https://gitea.example")
    )


def _fail(tx: Tx, run_id: int, why: str) -> None:
    run = tx.runs.get(run_id)
    assert run is not None
    tx.runs.save(
        replace(run, status=Status.FAILURE, cause=Cause.CONFIG, reason=why, finished_at=run.created_at)
    )


def _rename(tx: Tx, run_id: int) -> None:
    run = tx.runs.get(run_id)
    assert run is not None
    evil = replace(run.trigger, title=EVIL, author=EVIL, branch=EVIL, ref=EVIL)
    tx.runs.save(replace(run, trigger=evil, reason=EVIL, config_path=EVIL))
    for job in tx.jobs.of((run_id,)):
        tx.jobs.save(replace(job, name=EVIL, reason=EVIL, runner=EVIL, image=EVIL, needs=(EVIL,)))
    key_steps = tx.steps.of([a.key for job in tx.jobs.of((run_id,)) for a in tx.attempts.of(job.id)])
    tx.steps.save([replace(step, name=EVIL, reason=EVIL) for step in key_steps])
