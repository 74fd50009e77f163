"""Reads the settings from where they stand, and lists everything that is wrong with them at once."""

import os
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from flowforge.errors import SettingsError
from flowforge.settings.job_rows import JOB_ROWS
from flowforge.settings.setting import Form, Secrecy, Setting
from flowforge.settings.table import OTHER_VARIABLES, SECRET_VARIABLE, SERVER_ROWS, SETTINGS
from flowforge.settings.values import JobSettings, Settings

PREFIX = "FLOWFORGE_"
SECRET_FILE_LIMIT = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A setting's text, and where it stood. Relative paths are relative to `base`."""

    text: str
    where: str
    base: Path


@dataclass(slots=True, kw_only=True)
class Reading:
    """One pass over all settings."""

    environ: Mapping[str, str]
    cwd: Path
    toml_path: Path | None = None
    keys: Mapping[str, object] = field(default_factory=dict)
    mistakes: list[str] = field(default_factory=list)


def load_settings(environ: Mapping[str, str], toml_path: Path | None, cwd: Path) -> Settings:
    """`toml_path` None means the file that FLOWFORGE_CONFIG names, else `flowforge.toml` in `cwd` if there is one.

    Raises `SettingsError` with every mistake, each one sentence: what, where, and what to write.
    """
    reading = Reading(environ=environ, cwd=cwd)
    reading.toml_path = _config_path(reading, toml_path)
    if reading.toml_path is not None:
        reading.keys = _read_toml(reading, reading.toml_path)
    _check_keys(reading)
    values = {setting.name: _value(reading, setting) for setting in SERVER_ROWS}
    jobs = _job_values(reading)
    if reading.mistakes:
        raise SettingsError(tuple(reading.mistakes))
    _compute_defaults(values)
    build = cast("Callable[..., Settings]", Settings)
    return build(
        **values, jobs=_jobs(jobs), config_path=reading.toml_path, warnings=tuple(_warnings(environ))
    )


def load_job_settings(environ: Mapping[str, str], cwd: Path) -> JobSettings:
    """From the environment alone: a file in the folder of a repository may be anybody's. Raises `SettingsError`."""
    reading = Reading(environ=environ, cwd=cwd)
    values = _job_values(reading)
    if reading.mistakes:
        raise SettingsError(tuple(reading.mistakes))
    return _jobs(values)


def _job_values(reading: Reading) -> dict[str, object]:
    return {setting.name: _value(reading, setting) for setting in JOB_ROWS}


def _jobs(values: dict[str, object]) -> JobSettings:
    return cast("Callable[..., JobSettings]", JobSettings)(**values)


def _config_path(reading: Reading, toml_path: Path | None) -> Path | None:
    named = toml_path or Path(reading.environ.get("FLOWFORGE_CONFIG") or "")
    if named == Path():
        usual = reading.cwd / "flowforge.toml"
        return usual if usual.is_file() else None
    path = (reading.cwd / named.expanduser()).absolute()
    if path.is_file():
        return path
    whence = "" if toml_path else "FLOWFORGE_CONFIG: "
    reading.mistakes.append(f"{whence}there is no file {path}; name one that exists")
    return None


def _read_toml(reading: Reading, path: Path) -> dict[str, object]:
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        reading.mistakes.append(f"{path}: not TOML: {error}; correct it there")
    except (OSError, UnicodeDecodeError) as error:
        reading.mistakes.append(f"{path}: cannot be read: {error}; make it readable UTF-8 text")
    else:
        return dict(_flat(tree))
    return {}


def _flat(tree: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for section, content in tree.items():
        if isinstance(content, dict):
            yield from ((f"{section}.{name}", value) for name, value in content.items())
        else:
            yield section, content


def _check_keys(reading: Reading) -> None:
    secret = {s.key: s for s in SETTINGS if s.secrecy is Secrecy.SECRET}
    known = {s.key for s in SETTINGS} - secret.keys() | {str(s.file_key) for s in secret.values()}
    for key in reading.keys:
        if key in secret:
            variable, file_key = secret[key].variables[0], secret[key].file_key
            advice = f"set the variable {variable}, or {file_key} to the path of a file"
            reading.mistakes.append(
                f"{reading.toml_path}: {key} is a secret and does not belong there; {advice}"
            )
        elif key not in known:
            reading.mistakes.append(f"{reading.toml_path}: there is no setting {key}{_near(key, known)}")


def _near(word: str, known: Iterable[str]) -> str:
    """A prefix that all share would make everything alike, so it does not count."""
    from difflib import get_close_matches

    by_tail = {name.removeprefix(PREFIX): name for name in known}
    close = get_close_matches(word.removeprefix(PREFIX), list(by_tail), n=1, cutoff=0.7)
    return f"; did you mean {by_tail[close[0]]}?" if close else "; see docs/reference/settings.md"


def _value(reading: Reading, setting: Setting) -> object:
    found = _in_environment(reading, setting) or _in_toml(reading, setting)
    if found is None:
        if setting.default is None:
            return None
        found = Found(text=setting.default, where="default", base=reading.cwd)
    try:
        return setting.parse(found.text, found.base)
    except ValueError as error:
        shown = "" if setting.secrecy is Secrecy.SECRET else f"{found.text[:60]!r} "
        reading.mistakes.append(f"{found.where}: {shown}{error}")
        return None


def _in_environment(reading: Reading, setting: Setting) -> Found | None:
    for variable in setting.variables:
        text = reading.environ.get(variable, "").strip()
        file = reading.environ.get(f"{variable}_FILE", "") if setting.secrecy is Secrecy.SECRET else ""
        if text and file:
            reading.mistakes.append(f"{variable} and {variable}_FILE are both set; unset one of them")
        if text:
            return Found(text=text, where=variable, base=reading.cwd)
        if file:
            return _from_file(reading, f"{variable}_FILE", reading.cwd / file)
    return None


def _in_toml(reading: Reading, setting: Setting) -> Found | None:
    if reading.toml_path is None:
        return None
    base = reading.toml_path.parent
    file_key = setting.file_key
    if file_key is not None and file_key in reading.keys:
        named = _in_form(reading, file_key, Form.TEXT)
        if named is None:
            return None
        return _from_file(reading, f"{reading.toml_path}: {file_key}", base / named)
    if setting.secrecy is Secrecy.SECRET or setting.key not in reading.keys:
        return None
    text = _in_form(reading, setting.key, setting.form)
    if text is None:
        return None
    return Found(text=text, where=f"{reading.toml_path}: {setting.key}", base=base)


def _in_form(reading: Reading, key: str, form: Form) -> str | None:
    """The value as a text; None, with a mistake, where it is of another kind than the setting's."""
    value = reading.keys[key]
    match form, value:
        case _, str():
            return value
        case Form.FLAG, bool() | 0 | 1:
            return "1" if value else "0"
        case Form.NUMBER, int() | float() if not isinstance(value, bool):
            return str(value)
        case Form.LIST, list() if all(isinstance(item, str) for item in value):
            return ",".join(value)
    wanted = "text in quotes" if form is Form.TEXT else f"{form.value}, or text in quotes"
    reading.mistakes.append(f"{reading.toml_path}: {key}: {str(value)[:60]!r} must be {wanted}")
    return None


def _from_file(reading: Reading, where: str, path: Path) -> Found | None:
    try:
        with path.expanduser().open("rb") as file:
            raw = file.read(SECRET_FILE_LIMIT + 1)
        text = raw.decode("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        reading.mistakes.append(
            f"{where}: cannot read {path}: {why}; name a readable file with the value alone"
        )
        return None
    if not text or len(raw) > SECRET_FILE_LIMIT:
        reading.mistakes.append(f"{where}: {path} is empty or too large; write the value alone into it")
        return None
    return Found(text=text, where=where, base=path.parent)


def _compute_defaults(values: dict[str, object]) -> None:
    if values["database_url"] is None:
        values["database_url"] = f"sqlite:///{values['data']}/flowforge.db"
    if values["github_status_token"] is None:
        values["github_status_token"] = values["github_token"]
    if values["runner_slots"] is None:
        values["runner_slots"] = max(2, os.cpu_count() or 2)


def _warnings(environ: Mapping[str, str]) -> Iterator[str]:
    known = OTHER_VARIABLES.union(*((*s.variables, *s.file_variables) for s in SETTINGS))
    for variable in sorted(environ):
        ours = variable.startswith(PREFIX) and not SECRET_VARIABLE.fullmatch(variable)
        if ours and variable not in known:
            yield f"{variable} is set and means nothing{_near(variable, known)}"
