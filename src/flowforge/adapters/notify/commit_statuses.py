"""The port `CommitStatuses`: each forge's own words, sent by `Http` with the token from `Vault`."""

from collections.abc import Mapping, Sequence

from flowforge.errors import BadInput, NotConfigured, Upstream
from flowforge.forges.forge import Forge
from flowforge.model.commit_status import CommitStatus
from flowforge.ports import Http, Vault


class ForgeCommitStatuses:
    """`api_bases` replaces the public API of the forges it names."""

    def __init__(
        self, http: Http, vault: Vault, forges: Sequence[Forge], api_bases: Mapping[str, str] | None = None
    ) -> None:
        self._http = http
        self._vault = vault
        self._forges = {forge.name: forge for forge in forges}
        self._api_bases = api_bases or {}

    async def post(self, status: CommitStatus) -> None:
        forge = self._forges.get(status.forge)
        if forge is None:
            raise Upstream(f"the forge {status.forge} takes no commit statuses", final=True)
        token = self._vault.get(forge.token_name)
        if not token:
            raise NotConfigured(
                f"no token for commit statuses at {forge.name}: set {forge.token_name} (scope repo:status)"
            )
        base = self._api_bases.get(forge.name) or forge.api_base
        try:
            answer = await self._http.send(forge.status_request(base, status, token))
        except BadInput as error:  # a base that may not be spoken to: one status must not hold up the others
            raise Upstream(f"commit statuses at {base}: {error.message}", final=True) from error
        said = forge.status_answer(answer)
        if said.problem:
            problem = said.problem.replace(token, "***")
            raise Upstream(problem, retry_after=said.retry_after, final=said.final)
