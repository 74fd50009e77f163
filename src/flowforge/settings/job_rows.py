"""The settings of what jobs may use of their machine, and of who may have more."""

from flowforge.settings import grants, parsers
from flowforge.settings.setting import Form, Setting

JOB_ROWS: tuple[Setting, ...] = (
    Setting(
        name="pids",
        variables=("FLOWFORGE_JOB_PIDS",),
        key="jobs.pids",
        parse=parsers.unless_zero(parsers.number(16, 4_000_000)),
        form=Form.NUMBER,
        default="1024",
        doc="Processes that each container of a job may have at a time, unless the job asks for another number; 0 for none.",
    ),
    Setting(
        name="memory",
        variables=("FLOWFORGE_JOB_MEMORY",),
        key="jobs.memory",
        parse=parsers.unless_zero(parsers.size(6 * 1024**2, 1024**5)),
        default="0",
        doc="Memory that each container of a job may use, such as `4 GiB`, unless the job asks for another amount; 0 for no "
        "limit.",
    ),
    Setting(
        name="cpus",
        variables=("FLOWFORGE_JOB_CPUS",),
        key="jobs.cpus",
        parse=parsers.unless_zero(parsers.cpus),
        form=Form.NUMBER,
        default="0",
        doc="Processors that each container of a job may use, unless the job asks for another number; 0 for none. More than "
        "there are means all of them.",
    ),
    Setting(
        name="shm",
        variables=("FLOWFORGE_JOB_SHM",),
        key="jobs.shm",
        parse=parsers.unless_zero(parsers.size(4096, 1024**4)),
        default="0",
        default_doc="the engine's own, mostly 64 MiB",
        doc="Size of `/dev/shm` in each container of a job, unless the job asks for another one.",
    ),
    Setting(
        name="read_only",
        variables=("FLOWFORGE_JOB_READ_ONLY",),
        key="jobs.read_only",
        parse=parsers.flag,
        form=Form.FLAG,
        default="0",
        doc="1 gives jobs a root file system that they cannot write to, but for the workspace and `/tmp`.",
    ),
    Setting(
        name="network",
        variables=("FLOWFORGE_JOB_NETWORK",),
        key="jobs.network",
        parse=parsers.text,
        default="",
        default_doc="the engine's usual one",
        doc="Network of the container engine that jobs without services by name join; make one there to keep jobs apart or to "
        "decide what they reach.",
    ),
    Setting(
        name="subnets",
        variables=("FLOWFORGE_JOB_SUBNETS",),
        key="jobs.subnets",
        parse=parsers.subnets,
        default="10.213.0.0/16",
        doc="Addresses that networks of jobs with services are made of, 32 for each.",
    ),
    Setting(
        name="grants",
        variables=("FLOWFORGE_GRANTS",),
        key="jobs.grants",
        parse=grants.grants,
        default="",
        default_doc="none",
        doc="TOML file that grants some images more than the usual container profile "
        "(docs/how-to/grant-privileges.md).",
    ),
)
