"""What stands in for a forge in the demo: a sample repository, served on loopback, and the webhook GitHub would send."""

import hashlib
import hmac
import json
import os
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from flowforge.cli.exit_codes import CommandFailed

REPOSITORY = "demo/hello"

GREET = """\
#!/bin/sh
# Says hello to whoever is named.
greet() {
    if [ -z "$1" ]; then
        echo "usage: greet.sh NAME" >&2
        return 2
    fi
    echo "Hello, $1!"
}
greet "$@"
"""

TESTS = """\
#!/bin/sh
# Each check is one line; the first that is wrong ends the run.
check() {
    printf '  %-28s' "$1"
    if [ "$2" = "$3" ]; then
        printf '\\033[32mok\\033[0m\\n'
    else
        printf '\\033[31mexpected %s, got %s\\033[0m\\n' "$3" "$2"
        exit 1
    fi
    sleep 0.2
}
check "greets by name" "$(sh greet.sh Ada)" "Hello, Ada!"
check "keeps spaces" "$(sh greet.sh 'Ada L.')" "Hello, Ada L.!"
check "wants a name" "$(sh greet.sh 2>/dev/null; echo $?)" "2"
"""

PIPELINE = """\
# What every push to this repository runs.
jobs:
  build:
{image}    steps:
      - checkout
      - run:
          name: Read what was pushed
          command: |
            echo "commit $FLOWFORGE_COMMIT on $FLOWFORGE_BRANCH"
            ls -l
      - run:
          name: Build
          command: |
            mkdir -p out
            for part in head body tail; do
              echo "building $part"
              sleep 0.2
            done
            cp greet.sh out/greet
            sh out/greet "$FLOWFORGE_AUTHOR"
  unit:
{image}    steps:
      - checkout
      - run: {{name: Unit tests, command: sh tests.sh}}
  lint:
{image}    steps:
      - checkout
      - run:
          name: Syntax
          command: |
            for file in *.sh; do
              sh -n "$file"
              echo "$file is sound"
              sleep 0.2
            done
      - run:
          name: Tabs
          command: |
            if grep -n "$(printf '\\t')" *.sh; then exit 1; fi
            echo "no tabs"
  package:
{image}    steps:
      - checkout
      - run:
          name: Pack
          command: |
            tar -cf hello.tar greet.sh README.md
            gzip hello.tar
            echo "hello.tar.gz has $(wc -c < hello.tar.gz) bytes"
            sleep 0.2
workflows:
  main:
    jobs:
      - build
      - unit: {{requires: [build]}}
      - lint: {{requires: [build]}}
      - package: {{requires: [unit, lint]}}
"""

README = "# hello\n\nSays hello. Its pipeline is in `.flowforge/ci.yml`.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A bare repository in `folder`, and its only commit."""

    folder: Path
    commit: str


def make_sample(folder: Path, image: str) -> Sample:
    """`image` is empty where jobs do without. Raises CommandFailed without git."""
    tree, bare = folder / "tree", folder / "forge" / f"{REPOSITORY}.git"
    line = f"    docker: [{{image: {json.dumps(image)}}}]\n" if image else ""
    files = {
        ".flowforge/ci.yml": PIPELINE.format(image=line),
        "README.md": README,
        "greet.sh": GREET,
        "tests.sh": TESTS,
    }
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    _git(tree, "init", "--quiet", "--initial-branch=main")
    _git(tree, "add", "--all")
    _git(tree, "commit", "--quiet", "--no-gpg-sign", "--message=Say hello")
    _git(tree, "clone", "--quiet", "--bare", ".", str(bare))
    _git(bare, "update-server-info")
    return Sample(folder=folder / "forge", commit=_git(tree, "rev-parse", "HEAD"))


@contextmanager
def served(sample: Sample) -> Iterator[str]:
    """The address of the folder over HTTP: git reads a repository from plain files as well."""
    handler = partial(_Quiet, directory=str(sample.folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def push(sample: Sample, origin: str, secret: str) -> tuple[bytes, Mapping[str, str]]:
    """Body and headers of the delivery that GitHub would send for the commit."""
    body = json.dumps(_payload(sample, origin)).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return body, {
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/demo",
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": f"demo-{sample.commit[:12]}",
        "X-Hub-Signature-256": f"sha256={signature}",
    }


def _payload(sample: Sample, origin: str) -> dict[str, Any]:
    address = f"{origin}/{REPOSITORY}"
    return {
        "ref": "refs/heads/main",
        "before": "0" * 40,
        "after": sample.commit,
        "deleted": False,
        "repository": {
            "id": 1,
            "full_name": REPOSITORY,
            "html_url": address,
            "clone_url": f"{address}.git",
            "default_branch": "main",
        },
        "head_commit": {"id": sample.commit, "message": "Say hello", "author": {"name": "FlowForge demo"}},
    }


def _git(folder: Path, *arguments: str) -> str:
    """Whatever a person set up for their own git does not count here."""
    environ = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{who}_NAME": "FlowForge demo" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_EMAIL": "demo@localhost" for who in ("AUTHOR", "COMMITTER")},
    }
    try:
        done = subprocess.run(
            ("git", *arguments),
            cwd=folder,
            env=environ,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except FileNotFoundError:
        raise CommandFailed("the demo needs git, which is not installed here") from None
    if done.returncode:
        raise CommandFailed(f"git {arguments[0]}: {done.stderr.strip()}")
    return done.stdout.strip()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """The demo's own output is what people want to see."""
