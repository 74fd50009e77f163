"""What a setting is: a row of the table."""

from dataclasses import dataclass
from enum import Enum

from flowforge.settings.parsers import Parser


class Secrecy(Enum):
    """`SECRET` values are never written in the TOML file and may come from a file of their own."""

    OPEN = "open"
    SECRET = "secret"  # noqa: S105  a kind of setting


class Form(Enum):
    """What a TOML file may hold beside a text, which is always taken."""

    TEXT = "text"
    LIST = "a list of texts"
    NUMBER = "a number"
    FLAG = "true or false"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """`variables` in order of precedence; `key` is dotted: section and name in the TOML file.

    `default` is text read like any other, None where the absence of a value is a value. `default_doc` says what a
    computed default is; `doc` is one sentence for a person.
    """

    name: str
    variables: tuple[str, ...]
    key: str
    parse: Parser
    default: str | None = None
    default_doc: str = ""
    secrecy: Secrecy = Secrecy.OPEN
    form: Form = Form.TEXT
    doc: str

    @property
    def file_variables(self) -> tuple[str, ...]:
        return tuple(f"{v}_FILE" for v in self.variables) if self.secrecy is Secrecy.SECRET else ()

    @property
    def file_key(self) -> str | None:
        return f"{self.key}_file" if self.secrecy is Secrecy.SECRET else None
