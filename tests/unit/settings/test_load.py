"""Environment over TOML over defaults, and every mistake at once."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from flowforge.errors import SettingsError
from flowforge.settings import ExecutorChoice, LogFormat, LogLevel, Settings, load_settings


def load(folder: Path, environ: Mapping[str, str] | None = None, toml: str | None = None) -> Settings:
    if toml is not None:
        (folder / "flowforge.toml").write_text(toml, encoding="utf-8")
    return load_settings(environ or {}, None, folder)


def mistakes(
    folder: Path, environ: Mapping[str, str] | None = None, toml: str | None = None
) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load(folder, environ, toml)
    return caught.value.mistakes


def test_defaults_are_those_of_the_documentation(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert (settings.host, settings.port) == ("127.0.0.1", 5000)
    assert settings.data == tmp_path / "data"
    assert settings.database_url == f"sqlite:///{tmp_path}/data/flowforge.db"
    assert settings.workspace_root == tmp_path / "workspaces"
    assert settings.executor is ExecutorChoice.AUTO
    assert (settings.engine_wait, settings.lease_seconds) == (600.0, 60.0)
    assert settings.webhook_max_bytes == 26214400
    assert settings.status_context == "ci/flowforge"
    assert (settings.github_url, settings.github_api) == ("https://github.com", None)
    assert (settings.gitlab_url, settings.gitea_url) == ("https://gitlab.com", None)
    assert settings.runner_slots >= 2
    assert settings.webhook_secret is None
    assert settings.pool == ()
    assert settings.process_users == (58000, 58999)
    assert settings.unsigned_webhooks is False
    assert (settings.log_level, settings.log_format) == (LogLevel.INFO, LogFormat.CONSOLE)
    assert settings.server_url == "http://localhost:5000"
    assert settings.config_path is None
    assert settings.warnings == ()


def test_environment_wins_over_the_file_and_the_file_over_defaults(tmp_path: Path) -> None:
    toml = '[server]\nport = 6000\nhost = "0.0.0.0"\n'
    settings = load(tmp_path, {"PORT": "7000"}, toml)
    assert (settings.host, settings.port) == ("0.0.0.0", 7000)
    assert settings.config_path == tmp_path / "flowforge.toml"


def test_an_empty_variable_counts_as_unset(tmp_path: Path) -> None:
    assert load(tmp_path, {"PORT": " ", "FLOWFORGE_HOST": ""}).port == 5000


def test_our_own_variable_wins_over_the_general_one(tmp_path: Path) -> None:
    assert load(tmp_path, {"PORT": "7000", "FLOWFORGE_PORT": "8000"}).port == 8000


def test_every_value_of_a_file_is_read(tmp_path: Path) -> None:
    toml = """
    [server]
    public_url = "https://ci.example.org/"
    trusted_proxies = ["10.0.0.7/8", "::1"]
    trusted_forges = ["Git.example.org", "127.0.0.1:3000"]
    [storage]
    data = "state"
    [webhook]
    unsigned = true
    max_bytes = "1 MiB"
    [runner]
    executor = "process"
    slots = 3
    engine_wait = 1.5
    [log]
    level = "DEBUG"
    format = "json"
    """
    settings = load(tmp_path, toml=toml)
    assert settings.public_url == "https://ci.example.org"
    assert settings.trusted_proxies == ("10.0.0.0/8", "::1/128")
    assert settings.trusted_forges == ("git.example.org", "127.0.0.1:3000")
    assert settings.data == tmp_path / "state"
    assert settings.unsigned_webhooks is True
    assert settings.webhook_max_bytes == 1024 * 1024
    assert settings.executor is ExecutorChoice.PROCESS
    assert (settings.runner_slots, settings.engine_wait) == (3, 1.5)
    assert (settings.log_level, settings.log_format) == (LogLevel.DEBUG, LogFormat.JSON)


def test_paths_of_a_file_are_relative_to_it_and_those_of_the_environment_to_the_working_folder(
    tmp_path: Path,
) -> None:
    elsewhere = tmp_path / "etc"
    elsewhere.mkdir()
    (elsewhere / "ci.toml").write_text('[storage]\ndata = "state"\n')
    environ = {"FLOWFORGE_CONFIG": "etc/ci.toml", "FLOWFORGE_WORKSPACE_ROOT": "w"}
    settings = load(tmp_path, environ)
    assert settings.data == elsewhere / "state"
    assert settings.workspace_root == tmp_path / "w"


def test_former_names_are_read_where_the_new_one_is_unset(tmp_path: Path) -> None:
    former = {
        "popsicle_WORKSPACE_ROOT": "/old",
        "popsicle_GITHUB_TOKEN": "old-token",
        "popsicle_SERVER_URL": "http://old:1",
    }
    settings = load(tmp_path, former)
    assert settings.workspace_root == Path("/old")
    assert (settings.github_token, settings.github_status_token) == ("old-token", "old-token")
    assert settings.server_url == "http://old:1"
    assert load(tmp_path, {**former, "FLOWFORGE_WORKSPACE_ROOT": "/new"}).workspace_root == Path("/new")


def test_clones_and_statuses_each_prefer_their_own_token(tmp_path: Path) -> None:
    settings = load(tmp_path, {"FLOWFORGE_GITHUB_TOKEN": "clone", "GITHUB_TOKEN": "status"})
    assert (settings.github_token, settings.github_status_token) == ("clone", "status")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("postgres://u:p@db/ci", "postgresql+psycopg://u:p@db/ci"),
        ("postgresql://u@/ci?host=/run/pg", "postgresql+psycopg://u@/ci?host=/run/pg"),
        ("postgresql+psycopg://db/ci", "postgresql+psycopg://db/ci"),
        ("sqlite:////var/ci.db", "sqlite:////var/ci.db"),
    ],
)
def test_a_database_is_named_by_a_url(tmp_path: Path, written: str, read: str) -> None:
    assert load(tmp_path, {"FLOWFORGE_DATABASE_URL": written}).database_url == read


def test_a_relative_sqlite_path_becomes_absolute(tmp_path: Path) -> None:
    settings = load(tmp_path, {"FLOWFORGE_DATABASE_URL": "sqlite:///ci.db"})
    assert settings.database_url == f"sqlite:///{tmp_path}/ci.db"


def test_secrets_come_from_files_too(tmp_path: Path) -> None:
    (tmp_path / "hook").write_text("s3cret words\n")
    assert load(tmp_path, {"WEBHOOK_SECRET_FILE": "hook"}).webhook_secret == "s3cret words"
    toml = '[webhook]\nsecret_file = "hook"\n[github]\ntoken_file = "hook"\n'
    settings = load(tmp_path, toml=toml)
    assert (settings.webhook_secret, settings.github_status_token) == ("s3cret words", "s3cret words")


def test_secrets_are_not_in_the_representation(tmp_path: Path) -> None:
    environ = {
        "WEBHOOK_SECRET": "hush-1",
        "GITHUB_TOKEN": "hush-2",
        "FLOWFORGE_DATABASE_URL": "postgresql://u:hush-3@db/ci",
    }
    assert "hush" not in repr(load(tmp_path, environ))


def test_every_mistake_is_listed_with_its_place_and_what_to_write(tmp_path: Path) -> None:
    toml = '[server]\nprot = 1\nhost = "a b"\n[webhook]\nsecret = "hush"\n[runner]\nslots = 0\n'
    environ = {"PORT": "many", "FLOWFORGE_EXECUTOR": "dokcer", "FLOWFORGE_ENGINE_WAIT": "-1"}
    path = tmp_path / "flowforge.toml"
    advice = "set the variable FLOWFORGE_WEBHOOK_SECRET, or webhook.secret_file to the path of a file"
    assert mistakes(tmp_path, environ, toml) == (
        f"{path}: there is no setting server.prot; did you mean server.port?",
        f"{path}: webhook.secret is a secret and does not belong there; {advice}",
        f"{path}: server.host: 'a b' must be a host name or an address such as 127.0.0.1",
        "PORT: 'many' must be a whole number from 0 to 65535",
        "FLOWFORGE_EXECUTOR: 'dokcer' must be one of auto, docker, podman, process",
        "FLOWFORGE_ENGINE_WAIT: '-1' must be a number of seconds from 0 to 604800",
        f"{path}: runner.slots: '0' must be a whole number from 1 to 1000",
    )


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("FLOWFORGE_PUBLIC_URL", "ci.example.org"),
        ("FLOWFORGE_PUBLIC_URL", "https://u:p@ci.example.org"),
        ("FLOWFORGE_PUBLIC_URL", "https://ci.example.org:port"),
        ("FLOWFORGE_PUBLIC_URL", "https://ci.example.org/?a=b"),
        ("FLOWFORGE_PUBLIC_URL", "https://ci.exa mple.org"),
        ("FLOWFORGE_TRUSTED_PROXIES", "10.0.0.0/99"),
        ("FLOWFORGE_TRUSTED_FORGES", "http://git.example.org"),
        ("FLOWFORGE_TRUSTED_FORGES", "git.example.org:0"),
        ("FLOWFORGE_TRUSTED_FORGES", "git.example.org:"),
        ("FLOWFORGE_TRUSTED_FORGES", "[::1]x"),
        ("FLOWFORGE_TRUSTED_FORGES", "::1"),
        ("FLOWFORGE_DATABASE_URL", "mysql://db/ci"),
        ("FLOWFORGE_DATABASE_URL", "sqlite://ci.db"),
        ("FLOWFORGE_DATABASE_URL", "postgresql://db"),
        ("FLOWFORGE_UNSIGNED_WEBHOOKS", "maybe"),
        ("FLOWFORGE_WEBHOOK_MAX_BYTES", "25 parsecs"),
        ("FLOWFORGE_WEBHOOK_MAX_BYTES", "1"),
        ("FLOWFORGE_STATUS_CONTEXT", "ci\nflowforge"),
        ("FLOWFORGE_LOG_LEVEL", "loud"),
        ("FLOWFORGE_DATA", "a\0b"),
        ("FLOWFORGE_RUNNER_SLOTS", "²"),
        ("WEBHOOK_SECRET", "two\nlines"),
    ],
)
def test_a_value_that_makes_no_sense_is_a_mistake(tmp_path: Path, variable: str, value: str) -> None:
    (mistake,) = mistakes(tmp_path, {variable: value})
    assert mistake.startswith(f"{variable}: ")
    assert "must" in mistake


@pytest.mark.parametrize(
    "value", ["[::1]:3000", "[::1]", "git.example.org", "10.0.0.5:80, other.example.org"]
)
def test_forges_are_named_by_host_and_port(tmp_path: Path, value: str) -> None:
    settings = load(tmp_path, {"FLOWFORGE_TRUSTED_FORGES": value})
    assert settings.trusted_forges == tuple(item.strip() for item in value.split(","))


def test_a_mistake_never_shows_a_secret(tmp_path: Path) -> None:
    found = mistakes(tmp_path, {"FLOWFORGE_DATABASE_URL": "mysql://u:hush@db/ci", "GITHUB_TOKEN": "hush\x00"})
    assert "hush" not in " ".join(found)


def test_a_value_and_its_file_together_are_a_mistake(tmp_path: Path) -> None:
    found = mistakes(tmp_path, {"WEBHOOK_SECRET": "a", "WEBHOOK_SECRET_FILE": "b"})
    assert found == ("WEBHOOK_SECRET and WEBHOOK_SECRET_FILE are both set; unset one of them",)


def test_a_secret_file_that_cannot_be_used_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "bytes").write_bytes(b"\xff")
    for name, why in [("none", "No such file"), ("empty", "is empty"), ("bytes", "not UTF-8")]:
        (found,) = mistakes(tmp_path, {"WEBHOOK_SECRET_FILE": name})
        assert why in found


def test_a_config_file_that_is_named_must_exist(tmp_path: Path) -> None:
    (found,) = mistakes(tmp_path, {"FLOWFORGE_CONFIG": "nowhere.toml"})
    assert found == f"FLOWFORGE_CONFIG: there is no file {tmp_path}/nowhere.toml; name one that exists"
    with pytest.raises(SettingsError, match="there is no file"):
        load_settings({}, tmp_path / "nowhere.toml", tmp_path)


def test_a_file_that_is_not_toml_is_one_mistake_with_its_line(tmp_path: Path) -> None:
    (found,) = mistakes(tmp_path, toml="[server]\nport =\n")
    assert "not TOML" in found
    assert "line 2" in found


def test_a_file_that_is_not_text_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "flowforge.toml").write_bytes(b"\xff\xfe")
    (found,) = mistakes(tmp_path)
    assert "cannot be read" in found


def test_keys_outside_a_section_are_unknown(tmp_path: Path) -> None:
    (found,) = mistakes(tmp_path, toml="port = 5000\n")
    assert "there is no setting port" in found


def test_an_unknown_variable_of_ours_is_a_warning(tmp_path: Path) -> None:
    environ = {"FLOWFORGE_EXECUTER": "docker", "FLOWFORGE_QQQ": "1", "FLOWFORGE_CONFIG": "", "OTHER": "1"}
    assert load(tmp_path, environ).warnings == (
        "FLOWFORGE_EXECUTER is set and means nothing; did you mean FLOWFORGE_EXECUTOR?",
        "FLOWFORGE_QQQ is set and means nothing; see docs/reference/settings.md",
    )


def test_the_command_lines_token_means_something(tmp_path: Path) -> None:
    assert load(tmp_path, {"FLOWFORGE_TOKEN": "t"}).warnings == ()


@pytest.mark.parametrize(
    ("toml", "key"),
    [
        ("[server]\nhost = 5", "server.host"),
        ("[server]\npublic_url = true", "server.public_url"),
        ("[server]\ntrusted_proxies = [10]", "server.trusted_proxies"),
        ("[server]\nport = true", "server.port"),
        ("[server]\nport = [5000]", "server.port"),
        ("[storage]\ndata = ['a']", "storage.data"),
        ("[storage]\ndata = 1979-05-27", "storage.data"),
        ("[webhook]\nsecret_file = 7", "webhook.secret_file"),
        ("[webhook]\nunsigned = 2", "webhook.unsigned"),
        ("[github]\nstatus_context = 5", "github.status_context"),
        ("[runner]\nexecutor = {name = 'docker'}", "runner.executor"),
    ],
)
def test_a_value_of_another_kind_is_a_mistake_with_file_and_key(tmp_path: Path, toml: str, key: str) -> None:
    (mistake,) = mistakes(tmp_path, toml=toml)
    assert mistake.startswith(f"{tmp_path / 'flowforge.toml'}: {key}: ")
    assert " must be " in mistake


def test_sizes_of_the_pool_are_images_with_numbers(tmp_path: Path) -> None:
    assert load(tmp_path, {"FLOWFORGE_POOL": "off"}).pool == ()
    assert load(tmp_path, {"FLOWFORGE_POOL": "auto"}).pool is None
    sizes = load(tmp_path, {"FLOWFORGE_POOL": "python:3.12=2, example.org:5000/a/b@sha256:0a=10"}).pool
    assert sizes == (("python:3.12", 2), ("example.org:5000/a/b@sha256:0a", 10))
    assert load(tmp_path, toml='[runner]\npool = ["node:22=1"]\n').pool == (("node:22", 1),)


@pytest.mark.parametrize("value", ["python", "=2", "python=two", "python=1000", "a b=1"])
def test_a_pool_that_cannot_be_is_said_so(tmp_path: Path, value: str) -> None:
    assert "must be auto, off, or images" in mistakes(tmp_path, {"FLOWFORGE_POOL": value})[0]


def test_user_numbers_are_a_range(tmp_path: Path) -> None:
    assert load(tmp_path, {"FLOWFORGE_PROCESS_USERS": "OFF"}).process_users is None
    assert load(tmp_path, {"FLOWFORGE_PROCESS_USERS": "9-9"}).process_users == (9, 9)
    for value in ("nobody", "0-9", "9-8", "1-4294967295"):
        assert "first and the last" in mistakes(tmp_path, {"FLOWFORGE_PROCESS_USERS": value})[0]


def test_a_secret_in_the_environment_is_no_mistake(tmp_path: Path) -> None:
    environ = {"FLOWFORGE_SECRET_X": "a", "FLOWFORGE_SECRET_deploy_Key2": "b"}
    assert load(tmp_path, environ).warnings == ()
    (warning,) = load(tmp_path, {"FLOWFORGE_SECRET_1X": "no name of a secret"}).warnings
    assert warning.startswith("FLOWFORGE_SECRET_1X is set and means nothing")
