"""The port `CommitStatuses`: each forge's own words, sent by `Http` with the token from `Vault`."""

from collections.abc import Mapping, Sequence

from flowforge.errors import BadInput, NotConfigured, Upstream
from flowforge.forges.forge import Forge
from flowforge.model.commit_status import CommitStatus
from flowforge.model.secret import SecretScope
from flowforge.ports import Http, Vault


class ForgeCommitStatuses:
    """A token goes to what the administrator named and nowhere else, whatever a delivery said: `api_bases` are APIs by
    the name of their forge, `homes` origins, whose API follows from them. The public ones count where nothing is named."""

    def __init__(
        self,
        http: Http,
        vault: Vault,
        forges: Sequence[Forge],
        api_bases: Mapping[str, str] | None = None,
        homes: Mapping[str, str] | None = None,
    ) -> None:
        self._http = http
        self._vault = vault
        self._forges = {forge.name: forge for forge in forges}
        self._api_bases = api_bases or {}
        self._homes = {forge.name: forge.home for forge in forges} | dict(homes or {})

    async def post(self, status: CommitStatus) -> None:
        forge = self._forges.get(status.forge)
        if forge is None:
            raise Upstream(f"the forge {status.forge} takes no commit statuses", final=True)
        base = self._base(forge, status)
        token = await self._token(forge, status)
        try:
            answer = await self._http.send(forge.statuses.request(base, status, token))
        except BadInput as error:  # a base that may not be spoken to: one status must not hold up the others
            raise Upstream(f"commit statuses at {base}: {error.message}", final=True) from error
        said = forge.statuses.answer(answer)
        if said.problem:
            problem = said.problem.replace(token, "***")
            raise Upstream(problem, retry_after=said.retry_after, final=said.final)

    def _base(self, forge: Forge, status: CommitStatus) -> str:
        """A status without an origin is of a time when there was one of each forge only."""
        base, home = self._api_bases.get(forge.name), self._homes[forge.name]
        if base:
            return base
        if not home or (status.origin and status.origin != home):
            raise NotConfigured(
                f"no API for commit statuses at {status.origin}: set FLOWFORGE_{forge.name.upper()}_URL to that address"
            )
        return forge.statuses.base_of(home)

    async def _token(self, forge: Forge, status: CommitStatus) -> str:
        """The project's own before its organisation's."""
        scope = SecretScope(organisation_id=status.organisation_id, project_id=status.project_id)
        token = (await self._vault.values(scope, [forge.token_name])).get(forge.token_name)
        if not token:
            raise NotConfigured(
                f"no token for commit statuses of {status.repository} at {forge.name}: set {forge.token_name} "
                f"(scope {forge.scope})"
            )
        return token
