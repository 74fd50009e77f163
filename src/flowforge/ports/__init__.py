"""Every seam of the system, a page for each of its sides; import them from here. At most seven methods each; the docstring
is the whole contract.

Machinery that fails raises from `flowforge.errors`; what a user's step does is a value. Methods may be called from
one event loop only unless they say otherwise. A cancelled call leaves nothing half done that a second call cannot finish.
"""

from flowforge.ports.access import Credentials as Credentials
from flowforge.ports.access import Runners as Runners
from flowforge.ports.clock import Clock as Clock
from flowforge.ports.events import Events as Events
from flowforge.ports.events import StatusDebts as StatusDebts
from flowforge.ports.logs import Logs as Logs
from flowforge.ports.outside import CommitStatuses as CommitStatuses
from flowforge.ports.outside import Http as Http
from flowforge.ports.projects import Deliveries as Deliveries
from flowforge.ports.projects import Pipelines as Pipelines
from flowforge.ports.projects import Projects as Projects
from flowforge.ports.projects import Timers as Timers
from flowforge.ports.runs import Attempts as Attempts
from flowforge.ports.runs import Jobs as Jobs
from flowforge.ports.runs import Neighbours as Neighbours
from flowforge.ports.runs import Runs as Runs
from flowforge.ports.runs import Steps as Steps
from flowforge.ports.runs import Turns as Turns
from flowforge.ports.secrets import HookSecrets as HookSecrets
from flowforge.ports.secrets import MasterKeys as MasterKeys
from flowforge.ports.secrets import Sealer as Sealer
from flowforge.ports.secrets import Secrets as Secrets
from flowforge.ports.secrets import Vault as Vault
from flowforge.ports.sources import Mirrors as Mirrors
from flowforge.ports.sources import SourcePacks as SourcePacks
from flowforge.ports.sources import Sources as Sources
from flowforge.ports.store import Store as Store
from flowforge.ports.store import Tx as Tx
from flowforge.ports.work import Bell as Bell
from flowforge.ports.work import Executor as Executor
from flowforge.ports.work import Listener as Listener
from flowforge.ports.work import Room as Room
from flowforge.ports.work import RunnerLink as RunnerLink
from flowforge.ports.work import Sink as Sink
from flowforge.ports.work import Spool as Spool
