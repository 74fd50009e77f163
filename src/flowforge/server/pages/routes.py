"""Where the pages are."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from flowforge.model.credential import Permission
from flowforge.server.pages.job_log import show_log
from flowforge.server.pages.project import show_project
from flowforge.server.pages.projects import show_projects, show_setup
from flowforge.server.pages.run import approve_job, approve_run, cancel_run, rerun_run, show_run
from flowforge.server.pages.run_list import show_runs
from flowforge.server.pages.runners import show_runners
from flowforge.server.pages.sign_in import HOME, redeem_link, sign_in, sign_out
from flowforge.server.permissions import permission


@permission(Permission.READ)
async def home(request: Request) -> Response:  # noqa: ARG001 - every endpoint takes it
    return RedirectResponse(HOME, 303)


def page_routes() -> list[BaseRoute]:
    return [
        Route("/", home),
        Route("/ui", home),
        Route("/ui/", home),
        Route("/ui/sign-in", sign_in),
        Route("/ui/link/{secret}", redeem_link),
        Route("/ui/sign-out", sign_out, methods=["POST"]),
        Route("/ui/setup", show_setup),
        Route("/ui/projects", show_projects),
        Route("/ui/projects/{name:path}", show_project),
        Route("/ui/runners", show_runners),
        Route("/ui/pipelines", show_runs),
        Route("/ui/pipelines/{run}", show_run),
        Route("/ui/pipelines/{run}/cancel", cancel_run, methods=["POST"]),
        Route("/ui/pipelines/{run}/rerun", rerun_run, methods=["POST"]),
        Route("/ui/pipelines/{run}/approve", approve_run, methods=["POST"]),
        Route("/ui/pipelines/{run}/jobs/{job:path}/approve", approve_job, methods=["POST"]),
        Route("/ui/pipelines/{run}/jobs/{job:path}/log", show_log),
    ]
