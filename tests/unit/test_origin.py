import pytest

from flowforge.model.origin import Origin, is_public


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Forge.Example/x", "https://forge.example"),
        ("https://forge.example:443", "https://forge.example"),
        ("http://forge.example:8080?x", "http://forge.example:8080"),
        ("ssh://git@forge.example/x", "ssh://forge.example"),
        ("https://[2001:DB8::1]:8443/", "https://[2001:db8::1]:8443"),
        ("http://127.0.0.1:3000/", "http://127.0.0.1:3000"),
    ],
)
def test_an_origin_has_one_form(url: str, origin: str) -> None:
    assert str(Origin.of(url)) == origin


@pytest.mark.parametrize(
    "url",
    [
        "", "forge.example/x", "ext::sh", "file:///x", "fd::7", "https:///x", "https://-x/y", "https://a..b/",
        "https://x y/", "https://a\n", "https://a:0/", "https://a:99999/", "https://0x7f.1/", "http://2130706433/",
        "http://0177.0.0.1/", "http://127.1/", "https://a\\@b/", "https://ex\u212aample/", "https://[::1/", "git://a/",
        "https://" + "a" * 300, "https://[1.2.3.4.5]/", "https://0x7f000001/",
    ],
)  # fmt: skip
def test_what_is_not_plainly_an_address_has_no_origin(url: str) -> None:
    assert Origin.of(url) is None


def test_trust_covers_a_port_or_all_of_them() -> None:
    origin = Origin(scheme="http", host="forge.lan", port=3000)
    assert origin.trusted(frozenset({"forge.lan"}))
    assert origin.trusted(frozenset({"forge.lan:3000"}))
    assert not origin.trusted(frozenset({"forge.lan:80", "lan", "other.lan"}))


def test_trust_knows_addresses_with_and_without_brackets() -> None:
    origin = Origin(scheme="http", host="::1", port=80)
    assert all(origin.trusted(frozenset({name})) for name in ("::1", "[::1]", "[::1]:80"))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254",
        "100.64.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "::", "::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::7f00:1", "fe80::1%eth0", "fc00::1", "fd00::1", "fec0::1", "ff02::1",
        "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:7f00:1::", "2001:db8::1", "nonsense", "",
    ],
)  # fmt: skip
def test_addresses_that_are_not_the_open_internet(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "140.82.112.3", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_addresses_of_the_open_internet(address: str) -> None:
    assert is_public(address)
