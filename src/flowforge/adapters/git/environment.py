"""The environment every git process of ours gets: nobody's configuration, no prompt, no program of a repository's choice."""

import os
from collections.abc import Sequence
from pathlib import Path

Setting = tuple[str, str]

_SETTINGS: tuple[Setting, ...] = (
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.attributesFile", "/dev/null"),
    ("core.symlinks", "true"),
    ("core.protectHFS", "true"),
    ("core.protectNTFS", "true"),
    ("core.bigFileThreshold", "16m"),
    ("credential.helper", ""),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("transfer.fsckObjects", "true"),
    # Written by tools of long ago and harmless; refusing them would refuse well-known repositories.
    ("fetch.fsck.zeroPaddedFilemode", "ignore"),
    ("fetch.fsck.badTimezone", "ignore"),
    ("fetch.fsck.missingSpaceBeforeDate", "ignore"),
    ("fetch.recurseSubmodules", "false"),
    ("fetch.unpackLimit", "1"),
    ("submodule.recurse", "false"),
    ("filter.lfs.process", ""),
    ("filter.lfs.smudge", ""),
    ("filter.lfs.required", "false"),
    ("http.followRedirects", "false"),
    ("http.lowSpeedLimit", "1000"),
    ("http.lowSpeedTime", "30"),
    ("http.sslVerify", "true"),
    ("protocol.allow", "never"),
    ("protocol.ext.allow", "never"),
    ("log.showSignature", "false"),
    ("advice.detachedHead", "false"),
)

_KEPT = ("PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "TMPDIR")


def sealed_environment(
    repository: Path | None = None, *, settings: Sequence[Setting] = (), protocol: str = ""
) -> dict[str, str]:
    """`protocol` is the only transport git may use, none when it is empty. `settings` come after ours."""
    allowed = (("protocol." + protocol + ".allow", "always"),) if protocol else ()
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment |= {
        "HOME": "/dev/null",
        "XDG_CONFIG_HOME": "/dev/null",
        "LC_ALL": "C",
        "GIT_ALLOW_PROTOCOL": protocol or "none",
        "GIT_ASKPASS": "/bin/false",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_PROTOCOL_FROM_USER": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "SSH_ASKPASS": "/bin/false",
    }
    if repository is not None:
        environment["GIT_DIR"] = str(repository)
    return environment | as_variables((*_SETTINGS, *allowed, *settings))


def personal_environment() -> dict[str, str]:
    """For a person's own folder: their ignore rules count. What could run a program or change something still does not."""
    environment = sealed_environment()
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM", "HOME", "XDG_CONFIG_HOME"):
        del environment[name]
    kept = {name: os.environ[name] for name in ("HOME", "XDG_CONFIG_HOME") if name in os.environ}
    return environment | kept


def as_variables(settings: Sequence[Setting]) -> dict[str, str]:
    """Configuration as git reads it from the environment: kept off the command line, where others can see it."""
    variables = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings):
        variables[f"GIT_CONFIG_KEY_{number}"] = key
        variables[f"GIT_CONFIG_VALUE_{number}"] = value
    return variables
