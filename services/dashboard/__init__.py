"""One page with a chart and the health of the pipeline, served by the API."""

from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse
from starlette.exceptions import HTTPException

FOLDER = Path(__file__).parent
ASSETS = {
    "dashboard.css": FOLDER / "dashboard.css",
    **{name: FOLDER / name for name in ("main.js", "chart.js", "feed.js", "panel.js", "book.js", "ask.js")},
}
SECURITY = {
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
"""The chart library sets styles of its own elements."""


def router() -> APIRouter:
    """The page and what it loads, all from here; no key is needed to see it empty."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/")
    async def page() -> FileResponse:
        return FileResponse(FOLDER / "index.html", headers=SECURITY)

    @routes.get("/assets/{name}")
    async def asset(name: str) -> FileResponse:
        file = _library() if name == "lightweight-charts.js" else ASSETS.get(name)
        if file is None:
            raise HTTPException(404, f"no {name}")
        return FileResponse(file, headers=SECURITY)

    return routes


def _library() -> Path:
    """The chart library in its Python package, which is not imported: it would open windows."""
    package = find_spec("lightweight_charts")
    if package is None or package.origin is None:
        raise HTTPException(503, "lightweight-charts is not installed: `make setup`")
    return Path(package.origin).parent / "js" / "lightweight-charts.js"
