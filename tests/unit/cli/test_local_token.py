import json
import os
from pathlib import Path

import pytest

from flowforge.local_token import find, is_loopback, publish, published

URL = "http://127.0.0.1:5000"


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"XDG_STATE_HOME": str(tmp_path / "state"), "HOME": str(tmp_path / "home")}


def _token(folder: Path, text: str = "ffl_secret\n") -> Path:
    folder.mkdir(parents=True)
    path = folder / "local.token"
    path.write_text(text)
    return path


def test_a_published_token_is_found_from_any_folder(tmp_path: Path, environ: dict[str, str]) -> None:
    publish(URL, _token(tmp_path / "a"), environ)
    assert find("http://localhost:5000", environ, tmp_path) == "ffl_secret"
    assert published(environ) == (URL, tmp_path / "a" / "local.token")


def test_a_token_published_for_another_port_is_not_sent(tmp_path: Path, environ: dict[str, str]) -> None:
    publish(URL, _token(tmp_path / "a"), environ)
    assert find("http://localhost:5001", environ, tmp_path) is None


def test_what_is_published_is_the_users_alone(tmp_path: Path, environ: dict[str, str]) -> None:
    publish(URL, tmp_path / "one", environ)
    publish(URL, tmp_path / "two", environ)
    place = tmp_path / "state" / "flowforge" / "local.json"
    assert json.loads(place.read_text()) == {"url": URL, "token_file": str(tmp_path / "two")}
    assert place.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in place.parent.iterdir()] == ["local.json"]


def test_without_a_state_folder_the_home_folder_has_it(tmp_path: Path) -> None:
    publish(URL, _token(tmp_path / "a"), {"HOME": str(tmp_path)})
    assert (tmp_path / ".local" / "state" / "flowforge" / "local.json").is_file()


def test_the_data_folder_counts_before_what_is_published(tmp_path: Path, environ: dict[str, str]) -> None:
    publish(URL, _token(tmp_path / "a"), environ)
    _token(tmp_path / "b", "ffl_named")
    assert find(URL, {**environ, "FLOWFORGE_DATA": "b"}, tmp_path) == "ffl_named"


def test_the_usual_data_folder_is_looked_into(tmp_path: Path, environ: dict[str, str]) -> None:
    _token(tmp_path / "data")
    assert find(URL, environ, tmp_path) == "ffl_secret"


@pytest.mark.parametrize(
    "url", ["http://10.0.0.5:5000", "https://example.org", "http://127.0.0.1.nip.io", "http://[", "x"]
)
def test_no_local_token_leaves_the_machine(tmp_path: Path, environ: dict[str, str], url: str) -> None:
    _token(tmp_path / "data")
    assert not is_loopback(url)
    assert find(url, environ, tmp_path) is None


@pytest.mark.parametrize(
    "url", ["http://localhost", "http://LOCALHOST.:1", "http://127.9.9.9:80/x", "http://[::1]:5000"]
)
def test_loopback_addresses_are_known(url: str) -> None:
    assert is_loopback(url)


@pytest.mark.parametrize(
    "text", ["", "not\0json", "[1]", '{"url": 1, "token_file": "x"}', "[" * 9000, "x" * 20_000]
)
def test_a_broken_publication_is_none(environ: dict[str, str], text: str) -> None:
    place = Path(environ["XDG_STATE_HOME"]) / "flowforge" / "local.json"
    place.parent.mkdir(parents=True)
    place.write_text(text)
    assert published(environ) is None


@pytest.mark.parametrize("text", ["", "two words", "ümlaut", "a\nb"])
def test_what_cannot_be_a_token_is_not_sent(tmp_path: Path, environ: dict[str, str], text: str) -> None:
    _token(tmp_path / "data", text)
    assert find(URL, environ, tmp_path) is None


def test_a_fifo_in_the_place_of_the_token_holds_up_nothing(tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / "data").mkdir()
    os.mkfifo(tmp_path / "data" / "local.token")
    assert find(URL, environ, tmp_path) is None
