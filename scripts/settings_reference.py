"""Writes docs/reference/settings.md from the table of settings; `--check` only says whether it is current."""

import sys
from pathlib import Path

from flowforge.settings.setting import Secrecy, Setting
from flowforge.settings.table import CLIENT_VARIABLES, SETTINGS

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "settings.md"

HEAD = """# Settings

Written by `make docs` from `src/flowforge/settings/table.py`; change it there.

A setting is read from the environment, else from the TOML file, else it has its default. The file is the one that
`FLOWFORGE_CONFIG` names, else `flowforge.toml` in the folder the server is started in. Relative paths are relative to
that folder, those in the file to the file. An empty variable counts as unset. Where a row has several variables, the
first one that is set counts.

The server checks all of it when it starts, lists every mistake with its place and what to write instead, and does not
start with one. A `FLOWFORGE_…` variable that means nothing is a warning.

Secrets are never written in the file: set the variable, or the variable with `_FILE` behind its name to the path of a
file that holds the value alone, or the key with `_file` in the TOML file.
"""

TITLES = {
    "server": "Server",
    "storage": "Storage",
    "webhook": "Webhooks",
    "github": "GitHub",
    "gitlab": "GitLab",
    "bitbucket": "Bitbucket",
    "gitea": "Gitea",
    "forgejo": "Forgejo",
    "runner": "Local runner",
    "jobs": "Containers of jobs",
    "log": "The server's own log",
    "client": "Command line",
}


def rows() -> str:
    lines = [HEAD]
    section = ""
    for setting in SETTINGS:
        name, _, key = setting.key.partition(".")
        if name != section:
            section = name
            lines.append(
                f"\n## {TITLES[name]}: `[{name}]`\n\n| key | variable | default | meaning |\n|---|---|---|---|\n"
            )
        lines.append(_row(setting, key))
    lines.append("\nFrom the environment alone:\n\n| variable | meaning |\n|---|---|\n")
    lines.extend(f"| `{variable}` | {doc} |\n" for variable, doc in CLIENT_VARIABLES.items())
    return "".join(lines)


def _row(setting: Setting, key: str) -> str:
    secret = setting.secrecy is Secrecy.SECRET
    shown_key = f"`{key}_file`" if secret else f"`{key}`"
    variables = ", ".join(f"`{variable}`" for variable in setting.variables)
    default = setting.default_doc or f"`{setting.default}`"
    note = " A secret." if secret else ""
    return f"| {shown_key} | {variables} | {default} | {setting.doc}{note} |\n"


def main(arguments: list[str]) -> int:
    text = rows()
    if "--check" not in arguments:
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(text, encoding="utf-8")
        return 0
    if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text:
        return 0
    sys.stderr.write(f"{PAGE} is not current; run `make docs`\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
