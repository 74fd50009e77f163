"""Style sheets and icons: a handful of files, held in memory, asked for by name and nothing else."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from flowforge.errors import NotFound
from flowforge.model.credential import Permission
from flowforge.server.permissions import permission

_FOLDER = Path(__file__).parent / "static"
_TYPES = {".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    content: bytes
    media_type: str
    digest: str


@lru_cache(maxsize=1)
def assets() -> dict[str, Asset]:
    return {path.name: _asset(path) for path in _FOLDER.iterdir() if path.suffix in _TYPES}


def _asset(path: Path) -> Asset:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:16]
    return Asset(content=content, media_type=_TYPES[path.suffix], digest=digest)


def asset_url(name: str) -> str:
    """With the content's digest, so that it may be kept for good."""
    return f"/static/{name}?v={assets()[name].digest}"


@permission(Permission.PUBLIC)
async def static_file(request: Request) -> Response:
    name = request.path_params["name"]
    asset = assets().get(name)
    if asset is None:
        raise NotFound("file", name)
    etag = f'"{asset.digest}"'
    kept = request.query_params.get("v") == asset.digest
    headers = {
        "ETag": etag,
        "Cache-Control": "public, max-age=31536000, immutable" if kept else "public, no-cache",
    }
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    return Response(asset.content, headers=headers, media_type=asset.media_type)
