"""What may be told about every forge: its token, and the one server that the token is for."""

from flowforge.settings import parsers
from flowforge.settings.setting import Secrecy, Setting


def _forge(name: str, title: str, *, home: str | None, api: str, scope: str = "") -> tuple[Setting, ...]:
    """What is asked about every forge. `scope` is empty for the one whose tokens are rows of their own."""
    upper = name.upper()
    token = Setting(
        name=f"{name}_token",
        variables=(f"FLOWFORGE_{upper}_TOKEN", f"{upper}_TOKEN"),
        key=f"{name}.token",
        parse=parsers.secret,
        default_doc="none",
        secrecy=Secrecy.SECRET,
        doc=f"Token for cloning private repositories from {title} and for commit statuses there (scope `{scope}`).",
    )
    address = Setting(
        name=f"{name}_url",
        variables=(f"FLOWFORGE_{upper}_URL",),
        key=f"{name}.url",
        parse=parsers.origin,
        default=home,
        default_doc="" if home else "none",
        doc=f"Address of the {title} that the token is for; it is sent to no other.",
    )
    base = Setting(
        name=f"{name}_api",
        variables=(f"FLOWFORGE_{upper}_API",),
        key=f"{name}.api",
        parse=parsers.web_address,
        default_doc=api,
        doc=f"Base address of {title}'s API for commit statuses.",
    )
    return (token, address, base) if scope else (address, base)


GITHUB_ROWS = _forge(
    "github",
    "GitHub",
    home="https://github.com",
    api="`https://api.github.com`, or `/api/v3` below the address of another GitHub",
)

FORGE_ROWS: tuple[Setting, ...] = (
    *_forge(
        "gitlab",
        "GitLab",
        home="https://gitlab.com",
        api="`/api/v4` below the address of the GitLab",
        scope="api",
    ),
    *_forge(
        "bitbucket",
        "Bitbucket",
        home="https://bitbucket.org",
        api="`https://api.bitbucket.org/2.0`",
        scope="repository:write",
    ),
    *_forge(
        "gitea", "Gitea", home=None, api="`/api/v1` below the address of the Gitea", scope="write:repository"
    ),
    *_forge(
        "forgejo",
        "Forgejo",
        home="https://codeberg.org",
        api="`/api/v1` below the address of the Forgejo",
        scope="write:repository",
    ),
)
