"""The port `Tx` on a session."""

from flowforge.adapters.store.attempts import SqlAttempts
from flowforge.adapters.store.credentials import SqlCredentials
from flowforge.adapters.store.debts import SqlDebts
from flowforge.adapters.store.deliveries import SqlDeliveries
from flowforge.adapters.store.events import SqlEvents
from flowforge.adapters.store.jobs import SqlJobs
from flowforge.adapters.store.neighbours import SqlNeighbours
from flowforge.adapters.store.pipelines import SqlPipelines
from flowforge.adapters.store.projects import SqlProjects
from flowforge.adapters.store.runners import SqlRunners
from flowforge.adapters.store.runs import SqlRuns
from flowforge.adapters.store.secrets import SqlMasterKeys, SqlSecrets
from flowforge.adapters.store.session import Session
from flowforge.adapters.store.steps import SqlSteps
from flowforge.adapters.store.timers import SqlTimers
from flowforge.adapters.store.turns import SqlTurns


class SqlTx:
    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def projects(self) -> SqlProjects:
        return SqlProjects(self._session)

    @property
    def pipelines(self) -> SqlPipelines:
        return SqlPipelines(self._session)

    @property
    def timers(self) -> SqlTimers:
        return SqlTimers(self._session)

    @property
    def deliveries(self) -> SqlDeliveries:
        return SqlDeliveries(self._session)

    @property
    def runs(self) -> SqlRuns:
        return SqlRuns(self._session)

    @property
    def jobs(self) -> SqlJobs:
        return SqlJobs(self._session)

    @property
    def neighbours(self) -> SqlNeighbours:
        return SqlNeighbours(self._session)

    @property
    def turns(self) -> SqlTurns:
        return SqlTurns(self._session)

    @property
    def attempts(self) -> SqlAttempts:
        return SqlAttempts(self._session)

    @property
    def steps(self) -> SqlSteps:
        return SqlSteps(self._session)

    @property
    def runners(self) -> SqlRunners:
        return SqlRunners(self._session)

    @property
    def credentials(self) -> SqlCredentials:
        return SqlCredentials(self._session)

    @property
    def secrets(self) -> SqlSecrets:
        return SqlSecrets(self._session)

    @property
    def master_keys(self) -> SqlMasterKeys:
        return SqlMasterKeys(self._session)

    @property
    def debts(self) -> SqlDebts:
        return SqlDebts(self._session)

    @property
    def events(self) -> SqlEvents:
        return SqlEvents(self._session)

    def take_ids(self, noun: str, count: int = 1) -> range:
        return self._session.take(noun, count)
