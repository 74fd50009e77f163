"""Pipeline files on this machine, as a person names them: a file, or the folder of a repository."""

from dataclasses import dataclass
from pathlib import Path

from flowforge.dialects.registry import CONFIG_PATHS, LATER_FOLDERS, LATER_PATHS, dialect_named, dialect_of
from flowforge.dialects.yaml_text import LARGEST_FILE
from flowforge.errors import BadInput
from flowforge.model.inputs import NOTHING_GIVEN, Given
from flowforge.model.pipeline_config import Parsed


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigFile:
    """`path` is as a message shows it. Bytes that are no UTF-8 are in `text` as lone surrogates, which the parsers name."""

    path: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One file as its dialect understood it."""

    file: ConfigFile
    dialect: str
    parsed: Parsed


def config_at(place: Path) -> ConfigFile:
    """The file itself, or the config of the folder. Raises BadInput where there is none or it cannot be read."""
    return _read(place, str(place)) if not place.is_dir() else config_in(place)


def config_in(folder: Path) -> ConfigFile:
    for name in CONFIG_PATHS:
        path = folder / name
        if path.is_file() or path.is_symlink():
            return _read(path, str(path))
    raise BadInput(_what_is_missing(folder))


def check(file: ConfigFile, dialect: str | None = None, given: Given = NOTHING_GIVEN) -> Checked:
    """`dialect` None means the one that claims files of this path; `given` is what the file is read for. Raises
    BadInput where it cannot be read yet."""
    if dialect is None:
        later = next((name for name in (*LATER_PATHS, *LATER_FOLDERS) if _is_at(file.path, name)), None)
        if later:
            raise BadInput(f"{file.path}: this dialect cannot be read yet")
    known = dialect_named(dialect) if dialect else dialect_of(file.path)
    if known is None:
        raise BadInput(f"there is no dialect {dialect}", field="dialect")
    return Checked(file=file, dialect=known.name, parsed=known.parse(file.text, file.path, given))


def _is_at(path: str, name: str) -> bool:
    whole = f"/{Path(path).as_posix()}"
    return whole.endswith(f"/{name}") or f"/{name}/" in whole


def _read(path: Path, shown: str) -> ConfigFile:
    try:
        if path.exists() and not path.is_file():
            raise BadInput(f"{shown}: not a file")
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise BadInput(f"{shown}: cannot be read: {error.strerror}") from error
    return ConfigFile(path=shown, text=data.decode("utf-8", errors="surrogateescape"))


def _what_is_missing(folder: Path) -> str:
    missing = f"{folder}: there is no {CONFIG_PATHS[0]}"
    for name in (*LATER_PATHS, *LATER_FOLDERS):
        if (folder / name).exists():
            return f"{missing}; {name} is there, but its dialect cannot be read yet"
    return f"{missing}: add one that names at least one job"
