"""Webhooks of every forge, made from the documented field names, signed as each of them signs."""

import base64
import hmac
import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

NOTHING = "0" * 40


@dataclass(frozen=True)
class Repository:
    base: str
    name: str
    id: int

    @property
    def page(self) -> str:
        return f"{self.base}/{self.name}"

    @property
    def uuid(self) -> str:
        return str(uuid.UUID(int=self.id))


@dataclass(frozen=True)
class Moved:
    """A ref of a repository that went from one commit to another."""

    repository: Repository
    before: str
    after: str
    ref: str = "refs/heads/main"
    message: str = "Sharpen the saw\n\nIt was blunt."

    @property
    def kind(self) -> str:
        return "tag" if self.ref.startswith("refs/tags/") else "branch"

    @property
    def short(self) -> str:
        return self.ref.split("/", 2)[2]


@dataclass(frozen=True)
class Asked:
    """A pull request; `source` is the repository it comes from, None for one that is gone."""

    repository: Repository
    source: Repository | None
    commit: str
    number: int = 7
    target: str = "main"
    branch: str = "topic"
    action: str = "opened"
    before: str = ""


@dataclass(frozen=True)
class Spoken:
    """One delivery, before it is signed."""

    event: str
    payload: dict[str, Any]


def github_repository(repository: Repository) -> dict[str, Any]:
    return {
        "id": repository.id,
        "full_name": repository.name,
        "html_url": repository.page,
        "clone_url": f"{repository.page}.git",
        "default_branch": "main",
    }


def github_push(moved: Moved) -> Spoken:
    deleted = moved.after == NOTHING
    head = (
        None if deleted else {"id": moved.after, "message": moved.message, "author": {"username": "someone"}}
    )
    payload = {
        "ref": moved.ref,
        "before": moved.before,
        "after": moved.after,
        "deleted": deleted,
        "repository": github_repository(moved.repository),
        "head_commit": head,
        "pusher": {"name": "someone", "login": "someone", "id": 99},
        "sender": {"login": "someone", "id": 99},
    }
    return Spoken("push", payload)


def github_pull(asked: Asked) -> Spoken:
    source = None if asked.source is None else github_repository(asked.source)
    payload: dict[str, Any] = {
        "action": "edited" if asked.action == "retargeted" else asked.action,
        "number": asked.number,
        "pull_request": {
            "number": asked.number,
            "title": "A better saw",
            "user": {"login": "stranger", "id": 1234},
            "head": {"ref": asked.branch, "sha": asked.commit, "repo": source},
            "base": {"ref": asked.target, "sha": "b" * 40, "repo": github_repository(asked.repository)},
        },
        "repository": github_repository(asked.repository),
        "sender": {"login": "someone", "id": 99},
    }
    if asked.action == "synchronize":
        payload["before"] = asked.before
    if asked.action == "retargeted":
        payload["changes"] = {"base": {"ref": {"from": "old"}}}
    return Spoken("pull_request", payload)


def gitea_pull(asked: Asked) -> Spoken:
    spoken = github_pull(
        replace(asked, action={"synchronize": "synchronized"}.get(asked.action, asked.action))
    )
    if asked.action == "retargeted":
        spoken.payload["changes"] = {"ref": {"from": "old"}}
    return spoken


def gitlab_project(repository: Repository) -> dict[str, Any]:
    return {
        "id": repository.id,
        "path_with_namespace": repository.name,
        "web_url": repository.page,
        "git_http_url": f"{repository.page}.git",
        "default_branch": "main",
    }


def gitlab_push(moved: Moved) -> Spoken:
    deleted = moved.after == NOTHING
    tag = moved.kind == "tag"
    payload = {
        "object_kind": "tag_push" if tag else "push",
        "ref": moved.ref,
        "before": moved.before,
        "after": moved.after,
        "checkout_sha": None if deleted else moved.after,
        "user_id": 99,
        "user_username": "someone",
        "project_id": moved.repository.id,
        "project": gitlab_project(moved.repository),
        "commits": [] if deleted else [{"id": moved.after, "message": moved.message}],
    }
    return Spoken("Tag Push Hook" if tag else "Push Hook", payload)


def gitlab_pull(asked: Asked) -> Spoken:
    actions = {"opened": "open", "synchronize": "update", "reopened": "reopen", "retargeted": "update"}
    attributes: dict[str, Any] = {
        "iid": asked.number,
        "title": "A better saw",
        "action": actions.get(asked.action, "close" if asked.action == "closed" else asked.action),
        "author_id": 1234,
        "source_branch": asked.branch,
        "target_branch": asked.target,
        "source_project_id": asked.source.id if asked.source else None,
        "target_project_id": asked.repository.id,
        "source": gitlab_project(asked.source) if asked.source else None,
        "target": gitlab_project(asked.repository),
        "last_commit": {"id": asked.commit, "message": "Sharpen the saw"},
    }
    if asked.action == "synchronize":
        attributes["oldrev"] = asked.before
    changes = (
        {"target_branch": {"previous": "old", "current": asked.target}}
        if asked.action == "retargeted"
        else {}
    )
    payload = {
        "object_kind": "merge_request",
        "user": {"id": 99, "username": "someone"},
        "project": gitlab_project(asked.repository),
        "object_attributes": attributes,
        "changes": changes,
    }
    return Spoken("Merge Request Hook", payload)


def bitbucket_repository(repository: Repository) -> dict[str, Any]:
    return {
        "uuid": f"{{{repository.uuid}}}",
        "full_name": repository.name,
        "links": {"html": {"href": repository.page}},
    }


def bitbucket_push(moved: Moved) -> Spoken:
    def state(commit: str) -> dict[str, Any] | None:
        if commit == NOTHING:
            return None
        target = {"hash": commit, "message": moved.message}
        return {"type": moved.kind, "name": moved.short, "target": target}

    change = {"old": state(moved.before), "new": state(moved.after), "closed": moved.after == NOTHING}
    payload = {
        "actor": {"nickname": "someone", "account_id": "99"},
        "repository": bitbucket_repository(moved.repository),
        "push": {"changes": [change]},
    }
    return Spoken("repo:push", payload)


def bitbucket_pull(asked: Asked) -> Spoken:
    """Its commits are shortened to twelve digits."""
    events = {"opened": "created", "closed": "rejected"}
    request = {
        "id": asked.number,
        "title": "A better saw",
        "author": {"nickname": "stranger", "account_id": "1234"},
        "source": {
            "branch": {"name": asked.branch},
            "commit": {"hash": asked.commit[:12]},
            "repository": bitbucket_repository(asked.source) if asked.source else None,
        },
        "destination": {"branch": {"name": asked.target}},
    }
    payload = {"repository": bitbucket_repository(asked.repository), "pullrequest": request}
    return Spoken(f"pullrequest:{events.get(asked.action, 'updated')}", payload)


Headers = dict[str, str]


def _hex(secret: str, body: bytes) -> str:
    return hmac.digest(secret.encode(), body, sha256).hex()


def github_headers(event: str, delivery: str, secret: str, body: bytes) -> Headers:
    return {
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": delivery,
        "X-Hub-Signature-256": f"sha256={_hex(secret, body)}",
    }


def gitlab_headers(event: str, delivery: str, secret: str, body: bytes) -> Headers:
    return {"X-Gitlab-Event": event, "Idempotency-Key": delivery, "X-Gitlab-Token": secret}


def gitlab_signed_headers(delivery: str, at: int, key: bytes, body: bytes) -> Headers:
    signature = base64.b64encode(hmac.digest(key, f"{delivery}.{at}.".encode() + body, sha256)).decode()
    return {"webhook-id": delivery, "webhook-timestamp": str(at), "webhook-signature": f"v1,{signature}"}


def bitbucket_headers(event: str, delivery: str, secret: str, body: bytes) -> Headers:
    return {
        "X-Event-Key": event,
        "X-Request-UUID": delivery,
        "X-Hub-Signature": f"sha256={_hex(secret, body)}",
    }


def gitea_headers(event: str, delivery: str, secret: str, body: bytes) -> Headers:
    """With GitHub's, which it sends along."""
    signature = _hex(secret, body)
    own = {"X-Gitea-Event": event, "X-Gitea-Delivery": delivery, "X-Gitea-Signature": signature}
    return github_headers(event, delivery, secret, body) | own


def forgejo_headers(event: str, delivery: str, secret: str, body: bytes) -> Headers:
    signature = _hex(secret, body)
    own = {"X-Forgejo-Event": event, "X-Forgejo-Delivery": delivery, "X-Forgejo-Signature": signature}
    return gitea_headers(event, delivery, secret, body) | own


@dataclass(frozen=True)
class Dialect:
    """How one forge speaks. `signature` names its header, `pull_ref` where it keeps the commits of a pull request."""

    name: str
    push: Callable[[Moved], Spoken]
    pull: Callable[[Asked], Spoken]
    headers: Callable[[str, str, str, bytes], Headers]
    signature: str
    clone_user: str
    pull_ref: str = ""

    def signed(self, spoken: Spoken, secret: str, delivery: str) -> tuple[bytes, Headers]:
        body = json.dumps(spoken.payload).encode()
        headers = self.headers(spoken.event, delivery, secret, body)
        return body, {"Content-Type": "application/json", **headers}


DIALECTS: Mapping[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        Dialect(
            "github",
            github_push,
            github_pull,
            github_headers,
            "X-Hub-Signature-256",
            "x-access-token",
            "refs/pull/{}/head",
        ),
        Dialect(
            "gitlab",
            gitlab_push,
            gitlab_pull,
            gitlab_headers,
            "X-Gitlab-Token",
            "oauth2",
            "refs/merge-requests/{}/head",
        ),
        Dialect(
            "bitbucket", bitbucket_push, bitbucket_pull, bitbucket_headers, "X-Hub-Signature", "x-token-auth"
        ),
        Dialect(
            "gitea", github_push, gitea_pull, gitea_headers, "X-Gitea-Signature", "token", "refs/pull/{}/head"
        ),
        Dialect(
            "forgejo",
            github_push,
            gitea_pull,
            forgejo_headers,
            "X-Forgejo-Signature",
            "token",
            "refs/pull/{}/head",
        ),
    )
}
