"""CircleCI's words, as far as they differ from the native ones."""

from collections.abc import Mapping
from dataclasses import replace

from flowforge.dialects.native import vocabulary as native
from flowforge.dialects.native.vocabulary import Vocabulary, Words

_MACHINES = {
    "machine": "write `docker:` with the image; a machine of one's own is not given",
    "macos": "run this job where there is a Mac, and leave it out here",
    "windows": "run this job where there is Windows, and leave it out here",
}
_RERUNS = {"max_auto_reruns": "write it at the workflow, or `retries` at the job"}
_SIGN_IN = {"aws_auth": "sign in with `auth`, or pull the image on the runner beforehand"}
_STEPS_LEFT_OUT = {
    "save_cache": "nothing is kept from one job to the next: the job fetches what it needs",
    "restore_cache": "nothing is kept from one job to the next: the job fetches what it needs",
    "store_artifacts": "the files stay in the job and go away with it",
    "store_test_results": "results are not read yet: look at the log",
    "persist_to_workspace": "nothing is handed to other jobs: put both parts into one job",
    "attach_workspace": "nothing is handed over by other jobs: put both parts into one job",
    "setup_remote_docker": "there is no Docker in the job",
    "add_ssh_keys": "no key is added: have it as a secret, and write it to a file in a `run` step",
}


def _with(
    words: Vocabulary, now: tuple[str, ...] = (), later: Mapping[str, str] | None = None, **more: object
) -> Vocabulary:
    """Without a hint for what works."""
    changed = replace(words, now=(*words.now, *now), **more)  # type: ignore[arg-type]
    hints = {**words.later, **(later or {})}
    known = (*changed.now, *changed.without)
    return replace(changed, later={word: hint for word, hint in hints.items() if word not in known})


_TOP = _with(
    native.TOP,
    now=("orbs", "description", "job-groups", "setup"),
    without={"experimental": "statuses and notices are the server's own"},
    instead={},
    others=True,
)

_JOB = _with(
    native.JOB,
    now=("type",),
    later={
        **_MACHINES,
        "plan_name": "it belongs to a job of the type `release`: write one that deploys in its steps",
        "key": "it belongs to a job of the type `lock`: write `serial-group: NAME` at the jobs instead",
    },
    without={
        "circleci_ip_ranges": "jobs use the addresses of their runner",
        "retention": "nothing is kept from one job to the next",
        "branches": "write `filters` in the workflow",
    },
    instead={**native.JOB.instead, **_RERUNS},
)

_JOB_TYPE = _with(
    native.JOB_TYPE,
    now=("approval",),
    later={
        "release": "write a job that deploys in its steps, with `deploy_to: NAME` in the workflow",
        "lock": "write `serial-group: NAME` at the jobs, or at a group of them in `job-groups`",
        "unlock": "write `serial-group: NAME` at the jobs, or at a group of them in `job-groups`",
    },
)

_CONTAINER = _with(
    native.CONTAINER,
    without={
        "name": "steps run in this container, and reach it as `localhost`",
        **_SIGN_IN,
        "entrypoint": "steps run in the image under their own shell",
        "command": "steps run in the image under their own shell",
        "user": "steps run as the image's own user",
    },
)

CIRCLECI_WORDS = Words(
    top=_TOP,
    job=_JOB,
    job_type=_JOB_TYPE,
    executor=_with(native.EXECUTOR, later=_MACHINES),
    container=_CONTAINER,
    service=_with(native.SERVICE, without=_SIGN_IN),
    step=_with(native.STEP, now=("deploy",), without=_STEPS_LEFT_OUT),
    checkout=_with(native.CHECKOUT, without={"method": "the commit's files are placed as they are"}),
    run=_with(native.RUN, now=("max_auto_reruns", "auto_rerun_delay")),
    workflow=_with(
        native.WORKFLOW,
        now=("triggers", "max_auto_reruns"),
    ),
    place=_with(
        native.PLACE,
        without={"override-with": "jobs of orbs are not looked for"},
        instead={**native.PLACE.instead, **_RERUNS},
    ),
)
