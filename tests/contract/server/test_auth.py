"""Tokens, cookies, one-time links, and pages of other sites."""

from dataclasses import replace

import pytest

from flowforge.server.own_paths import own_page
from flowforge.services.access import SESSION_LIVES
from tests.contract.server.asgi import Client
from tests.contract.server.world import HOST_COOKIE, PLAIN_COOKIE, SETTINGS, World, new_world

RUNS = "/api/v1/runs"


class TestTokens:
    @pytest.mark.parametrize(
        "value",
        ["", "Bearer", "Bearer ", "Basic eDp5", "Bearer ffl_wrong", "Bearer ffo_link", "Bearer x y", "ffl_x"],
    )
    async def test_a_wrong_one_is_refused(self, world: World, value: str) -> None:
        assert (await world.anyone.get(RUNS, authorization=value)).status == 401

    @pytest.mark.parametrize(
        "name",
        ["forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-anything", "x-real-ip", "via"],
    )
    async def test_the_local_one_is_refused_through_a_proxy(self, client: Client, name: str) -> None:
        assert (await client.send("GET", RUNS, {name: "127.0.0.1"})).status == 401
        assert (await client.get(RUNS)).status == 200

    async def test_the_local_one_is_refused_from_another_machine(self, client: Client) -> None:
        assert (await Client(client.app, client.headers, "192.0.2.7").get(RUNS)).status == 401
        assert (await Client(client.app, client.headers, "::1").get(RUNS)).status == 200
        assert (await Client(client.app, client.headers, "::ffff:127.0.0.1").get(RUNS)).status == 200
        assert (await Client(client.app, client.headers, "").get(RUNS)).status == 401

    async def test_the_scheme_is_read_in_any_case(self, client: Client) -> None:
        token = client.headers["authorization"].split()[1]
        assert (await Client(client.app).get(RUNS, authorization=f"bearer  {token}")).status == 200

    async def test_kinds_do_not_stand_in_for_each_other(self, world: World, client: Client) -> None:
        browser = await world.browser()
        session = browser.headers["cookie"].partition("=")[2]
        token = client.headers["authorization"].split()[1]
        assert (await world.anyone.get(RUNS, authorization=f"Bearer {session}")).status == 401
        assert (await world.anyone.get(RUNS, cookie=f"{PLAIN_COOKIE}={token}")).status == 401

    async def test_a_wrong_token_is_not_saved_by_a_good_cookie(self, world: World) -> None:
        browser = await world.browser()
        assert (await browser.get(RUNS, authorization="Bearer ffl_wrong")).status == 401


class TestSessions:
    async def test_a_cookie_is_enough_to_look(self, world: World) -> None:
        assert (await (await world.browser()).get(RUNS)).status == 200

    async def test_it_ends(self, world: World) -> None:
        browser = await world.browser()
        world.clock.tick(SESSION_LIVES.total_seconds() + 1)
        assert (await browser.get(RUNS)).status == 401

    async def test_two_cookies_of_one_name_are_none(self, world: World) -> None:
        browser = await world.browser()
        assert (
            await browser.get(RUNS, cookie=f"{browser.headers['cookie']}; {PLAIN_COOKIE}=x")
        ).status == 401

    async def test_signing_out_ends_it_at_once(self, world: World) -> None:
        browser = await world.browser()
        answer = await browser.post("/ui/sign-out")
        assert answer.status == 303
        assert "Max-Age=0" in answer.cookies[0]
        assert (await browser.get(RUNS)).status == 401

    @pytest.mark.parametrize("name", [HOST_COOKIE, PLAIN_COOKIE])
    async def test_https_wants_the_cookie_that_only_https_can_have(self, world: World, name: str) -> None:
        plain = await world.browser()
        session = plain.headers["cookie"].partition("=")[2]
        secure = Client(world.app, {"cookie": f"{name}={session}"}, scheme="https")
        assert (await secure.get(RUNS)).status == (200 if name.startswith("__Host-") else 401)


class TestPagesOfOtherSites:
    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({"sec-fetch-site": "same-origin"}, 201),
            ({"sec-fetch-site": "none"}, 201),
            ({"sec-fetch-site": "same-site", "origin": "http://ci.example"}, 403),
            ({"sec-fetch-site": "cross-site"}, 403),
            ({"origin": "http://ci.example"}, 201),
            ({"origin": "https://ci.example"}, 201),
            ({"origin": "http://evil.example"}, 403),
            ({"origin": "http://ci.example.evil.example"}, 403),
            ({"origin": "null"}, 403),
            ({}, 403),
        ],
    )
    async def test_only_our_own_pages_act_with_the_cookie(
        self, world: World, headers: dict[str, str], status: int
    ) -> None:
        run = await world.failed_run()
        cookie = {"cookie": (await world.browser()).headers["cookie"]}
        answer = await Client(world.app, cookie | headers).post(f"{RUNS}/{run}/rerun")
        assert answer.status == status

    async def test_a_form_of_theirs_changes_nothing(self, world: World) -> None:
        run = await world.failed_run()
        cookie = (await world.browser()).headers["cookie"]
        theirs = Client(world.app, {"cookie": cookie, "sec-fetch-site": "cross-site"})
        assert (await theirs.post(f"/ui/pipelines/{run}/rerun")).status == 403
        assert len((await world.services.browse.runs(10)).items) == 1

    async def test_a_token_needs_no_proof_of_place(self, world: World, client: Client) -> None:
        run = await world.failed_run()
        answer = await client.send("POST", f"{RUNS}/{run}/rerun", {"sec-fetch-site": "cross-site"})
        assert answer.status == 201


class TestLinks:
    async def test_it_signs_in_once_and_leads_to_its_page(self, world: World) -> None:
        secret = await world.services.access.link("/ui/pipelines/7")
        answer = await world.anyone.get(f"/ui/link/{secret}")
        assert answer.status == 303
        assert answer.headers["location"] == "/ui/pipelines/7"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        (cookie,) = answer.cookies
        assert cookie.startswith(f"{PLAIN_COOKIE}=ffs_")
        assert {"HttpOnly", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))
        signed_in = Client(world.app, {"cookie": cookie.partition(";")[0]})
        assert (await signed_in.get("/ui/projects")).status == 200
        again = await world.anyone.get(f"/ui/link/{secret}")
        assert again.status == 401
        assert "used already" in again.text
        assert not again.cookies

    async def test_servers_on_one_host_leave_each_other_their_cookies(self) -> None:
        """A browser sends a cookie to every port of its host."""
        worlds = [
            new_world(replace(SETTINGS, public_url=f"http://127.0.0.1:{port}")) for port in (5000, 5001)
        ]
        cookies = []
        for world in worlds:
            secret = await world.services.access.link("/ui")
            (cookie,) = (await world.anyone.get(f"/ui/link/{secret}")).cookies
            cookies.append(cookie.partition(";")[0])
        assert len({cookie.partition("=")[0] for cookie in cookies}) == 2
        for world in worlds:
            assert (await world.anyone.get(RUNS, cookie="; ".join(cookies))).status == 200

    async def test_over_https_the_cookie_is_bound_to_the_host(self, world: World) -> None:
        secret = await world.services.access.link("/ui")
        (cookie,) = (await Client(world.app, scheme="https").get(f"/ui/link/{secret}")).cookies
        assert cookie.startswith(f"{HOST_COOKIE}=")
        assert "Secure" in cookie.split("; ")

    @pytest.mark.parametrize("header", ["sec-purpose", "purpose"])
    async def test_looking_ahead_does_not_use_it_up(self, world: World, header: str) -> None:
        secret = await world.services.access.link("/ui")
        assert (await world.anyone.send("GET", f"/ui/link/{secret}", {header: "prefetch"})).status == 409
        assert (await world.anyone.send("HEAD", f"/ui/link/{secret}")).status == 409
        assert (await world.anyone.get(f"/ui/link/{secret}")).status == 303

    async def test_a_target_elsewhere_is_not_gone_to(self, world: World) -> None:
        secret = await world.services.access.link("https://evil.example/")
        assert (await world.anyone.get(f"/ui/link/{secret}")).headers["location"] == "/ui/projects"

    async def test_the_command_line_makes_them(self, world: World, client: Client) -> None:
        answer = await client.post("/api/v1/links", {"target": "/ui/pipelines/3"})
        assert answer.status == 201
        path = answer.json["url"].removeprefix("https://ci.example")
        assert (await world.anyone.get(path)).headers["location"] == "/ui/pipelines/3"

    async def test_none_is_made_to_elsewhere(self, client: Client) -> None:
        answer = await client.post("/api/v1/links", {"target": "//evil.example"})
        assert answer.status == 422
        assert answer.json["field"] == "target"


@pytest.mark.parametrize(
    "path", ["/ui", "/ui/", "/ui/projects/tools/saw?branch=a%2Fb&status=failure", "/docs"]
)
def test_pages_of_ours_are_known(path: str) -> None:
    assert own_page(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "//evil.example",
        "/\\evil.example",
        "https://evil.example/ui",
        "/ui//evil.example",
        "/ui/../../x",
        "/uix",
        "/ui\r\nSet-Cookie: a=b",
        "/ui/\x00",
        "javascript:alert(1)",
        "/ui/" + "x" * 600,
        "/ui#@evil.example",
    ],
)
def test_what_may_lead_elsewhere_is_no_page_of_ours(path: str) -> None:
    assert own_page(path) is None


class TestSigningIn:
    async def test_a_page_asks_to_sign_in_and_remembers_itself(self, world: World) -> None:
        answer = await world.anyone.get("/ui/pipelines/7?x=1")
        assert answer.status == 303
        assert answer.headers["location"] == "/ui/sign-in?next=/ui/pipelines/7%3Fx%3D1"
        page = await world.anyone.get(answer.headers["location"])
        assert "--to '/ui/pipelines/7?x=1'" in page.text

    async def test_the_page_repeats_nothing_that_is_not_ours(self, world: World) -> None:
        page = await world.anyone.get("/ui/sign-in?next=//evil.example/%22%3E%3Cscript%3E")
        assert page.status == 200
        assert "evil" not in page.text


class TestProxies:
    TRUSTING = replace(SETTINGS, trusted_proxies=("10.0.0.0/8",))

    @pytest.mark.parametrize(("address", "status"), [("10.1.2.3", 200), ("192.0.2.7", 401)])
    async def test_only_a_trusted_one_says_that_it_was_https(self, address: str, status: int) -> None:
        world = new_world(self.TRUSTING)
        session = (await world.browser()).headers["cookie"].partition("=")[2]
        headers = {"cookie": f"{HOST_COOKIE}={session}", "x-forwarded-proto": "https"}
        assert (await Client(world.app, headers, address).get(RUNS)).status == status

    async def test_its_own_word_is_the_last_one(self) -> None:
        world = new_world(self.TRUSTING)
        session = (await world.browser()).headers["cookie"].partition("=")[2]
        headers = {"cookie": f"{HOST_COOKIE}={session}", "x-forwarded-proto": "https, http"}
        assert (await Client(world.app, headers, "10.0.0.1").get(RUNS)).status == 401

    async def test_its_host_is_the_origin_of_forms(self) -> None:
        world = new_world(self.TRUSTING)
        run = await world.failed_run()
        session = (await world.browser()).headers["cookie"].partition("=")[2]
        headers = {
            "cookie": f"{HOST_COOKIE}={session}",
            "x-forwarded-proto": "https",
            "x-forwarded-host": "outside.example",
            "origin": "https://outside.example",
        }
        assert (await Client(world.app, headers, "10.0.0.1").post(f"{RUNS}/{run}/rerun")).status == 201
        assert (await Client(world.app, headers, "192.0.2.1").post(f"{RUNS}/{run}/rerun")).status == 401
