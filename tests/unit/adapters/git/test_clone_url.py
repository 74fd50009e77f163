import pytest

from flowforge.adapters.git.clone_url import CloneUrl, LocalRepositories, parse_clone_url
from flowforge.errors import BadInput

LAN = frozenset({"forge.lan:3000", "other.lan"})


def parsed(text: str, local: LocalRepositories = LocalRepositories.REFUSE) -> CloneUrl:
    return parse_clone_url(text, LAN, local)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("https://Forge.Example/tools/saw.git", "https://forge.example/tools/saw.git"),
        ("HTTPS://forge.example:443/tools/saw/", "https://forge.example/tools/saw"),
        ("https://forge.example:8443/~user/a%20b", "https://forge.example:8443/~user/a%20b"),
        ("ssh://git@forge.example/tools/saw.git", "ssh://git@forge.example/tools/saw.git"),
        ("ssh://forge.example:2222/x", "ssh://forge.example:2222/x"),
        ("http://forge.lan:3000/x", "http://forge.lan:3000/x"),
        ("http://other.lan:81/x", "http://other.lan:81/x"),
        ("https://[2606:4700::1]/x", "https://[2606:4700::1]/x"),
    ],
)
def test_one_repository_address_has_one_text(text: str, canonical: str) -> None:
    assert parsed(text).text == canonical
    assert parsed(canonical).text == canonical


def test_only_named_hosts_are_trusted() -> None:
    assert parsed("https://forge.lan:3000/x").trusted
    assert not parsed("https://forge.lan/x").trusted
    assert not parsed("https://forge.example/x").trusted


@pytest.mark.parametrize(
    "text",
    [
        "", "-", "--upload-pack=touch x", "-oProxyCommand=x", "ext::sh -c touch% x", "fd::7", "git://forge.example/x",
        "ftp://forge.example/x", "http://forge.example/x", "http://forge.lan/x", "https://", "https:///x",
        "https://forge.example", "https://forge.example/", "https://-forge.example/x", "ssh://-oProxyCommand=x/x",
        "ssh://-x@forge.example/x", "ssh://a@b@forge.example/x", "ssh://git:pass@forge.example/x",
        "https://user@forge.example/x", "https://user:pass@forge.example/x", "https://@forge.example/x",
        "git@forge.example:tools/saw.git", "https://forge.example/../x", "https://forge.example/a/./b",
        "https://forge.example/a//b", "https://forge.example/x?y", "https://forge.example/x#y",
        "https://forge.example/x\n", "https://forge.example/x y", "https://forge.example/%2e%2e/x",
        "https://forge.example\\x/y", "https://forge.example/x\x00", "https://127.1/x", "https://0x7f.0.0.1/x",
        "file:///etc", "file://forge.example/x", "/etc", "./x", "../x", "x.bundle", "https://\u017forge.example/x",
        "https://forge.example/" + "x" * 1024, "remote-http::https://forge.example/x", "https://forge.example/;x",
    ],
)  # fmt: skip
def test_anything_else_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        parsed(text)
    assert caught.value.field == "clone_url"
    assert "pass" not in str(caught.value).replace("password", "")


def test_a_folder_is_only_for_those_who_ask_for_it() -> None:
    assert parsed("/srv/saw.git/", LocalRepositories.ALLOW).text == "file:///srv/saw.git"
    assert parsed("file:///srv/saw.git", LocalRepositories.ALLOW).protocol == "file"


@pytest.mark.parametrize(
    "text", ["file://host/x", "file:relative", "/a/../b", "/a\nb", "relative", "file:///a/./b"]
)
def test_a_folder_is_named_by_its_plain_absolute_path(text: str) -> None:
    with pytest.raises(BadInput):
        parsed(text, LocalRepositories.ALLOW)
