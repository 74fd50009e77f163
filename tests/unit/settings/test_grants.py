from pathlib import Path

import pytest

from flowforge.errors import SettingsError
from flowforge.model.grant import Grant
from flowforge.settings import load_job_settings

DIGEST = f"sha256:{'0' * 64}"
WHOLE = f"""
[[grants]]
name = "docker-in-docker"
images = ["docker@{DIGEST}"]
entrypoint = ["dockerd-entrypoint.sh"]
privileged = true
projects = ["github.com/acme/app"]

[[grants]]
name = "fuse"
images = ["{DIGEST}"]
capabilities = ["CAP_SYS_ADMIN"]
devices = ["/dev/fuse"]
"""


def read(folder: Path, text: str) -> tuple[Grant, ...]:
    (folder / "grants.toml").write_text(text)
    return load_job_settings({"FLOWFORGE_GRANTS": "grants.toml"}, folder).grants


def test_grants_are_read_whole(tmp_path: Path) -> None:
    assert read(tmp_path, WHOLE) == (
        Grant(
            name="docker-in-docker", images=(DIGEST,), entrypoint=("dockerd-entrypoint.sh",), privileged=True,
            projects=("github.com/acme/app",),
        ),
        Grant(name="fuse", images=(DIGEST,), capabilities=("SYS_ADMIN",), devices=("/dev/fuse",)),
    )  # fmt: skip


def test_without_a_file_nothing_is_granted(tmp_path: Path) -> None:
    assert load_job_settings({}, tmp_path).grants == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[grants]\n", "is not TOML"),
        ("[grants]\n", r"must hold \[\[grants\]\] tables"),
        ("other = 1\n", r"must hold \[\[grants\]\] tables"),
        (f'[[grants]]\nimages = ["{DIGEST}"]\nprivileged = true', "grant number 1 needs a name"),
        ('[[grants]]\nname = "a"\nimages = ["docker:dind"]\nprivileged = true', "must list images by digest"),
        (f'[[grants]]\nname = "a"\nimages = ["{DIGEST}"]', "grant 'a' grants nothing"),
        (
            f'[[grants]]\nname = "a"\nimages = ["{DIGEST}"]\nprivileged = "yes"',
            "privileged must be true or false",
        ),
        (
            f'[[grants]]\nname = "a"\nimages = ["{DIGEST}"]\nroot = true',
            "says root, which nothing is known of",
        ),
        (f'[[grants]]\nname = "a"\nimages = "{DIGEST}"\nprivileged = true', "images must be a list of texts"),
        (f'[[grants]]\nname = "a"\nimages = ["{DIGEST}"]\ncapabilities = ["all"]', "'all' is no capability"),
        (
            f'[[grants]]\nname = "a"\nimages = ["{DIGEST}"]\ndevices = ["/dev/../etc"]',
            "is no device below /dev",
        ),
        (WHOLE + WHOLE, "fuse is granted twice"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        read(tmp_path, text)


def test_a_file_that_everybody_may_write_grants_nothing(tmp_path: Path) -> None:
    (tmp_path / "grants.toml").write_text(WHOLE)
    (tmp_path / "grants.toml").chmod(0o666)
    with pytest.raises(SettingsError, match="may be written by everybody"):
        load_job_settings({"FLOWFORGE_GRANTS": "grants.toml"}, tmp_path)


def test_a_file_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load_job_settings({"FLOWFORGE_GRANTS": "nothing.toml"}, tmp_path)


def test_limits_are_read_and_zero_is_none(tmp_path: Path) -> None:
    environ = {"FLOWFORGE_JOB_MEMORY": "2 GiB", "FLOWFORGE_JOB_CPUS": "1.5", "FLOWFORGE_JOB_PIDS": "0"}
    jobs = load_job_settings(environ, tmp_path)
    assert (jobs.memory, jobs.cpus, jobs.pids, jobs.shm) == (2 << 30, 1.5, None, None)


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("FLOWFORGE_JOB_CPUS", "many"),
        ("FLOWFORGE_JOB_CPUS", "0.001"),
        ("FLOWFORGE_JOB_MEMORY", "1 MiB"),
        ("FLOWFORGE_JOB_SUBNETS", "10.0.0.0/28"),
        ("FLOWFORGE_JOB_SUBNETS", "fd00::/64"),
    ],
)
def test_limits_that_make_no_sense_are_mistakes(tmp_path: Path, variable: str, text: str) -> None:
    with pytest.raises(SettingsError, match=variable):
        load_job_settings({variable: text}, tmp_path)
