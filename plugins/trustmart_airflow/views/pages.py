"""The pages behind "Privacy": which nights there are, and the report of each."""

from pathlib import Path
from typing import Annotated

from airflow.api_fastapi.core_api.security import requires_access_dag
from fastapi import Depends, FastAPI, HTTPException
from fastapi import Path as InUrl
from fastapi.responses import HTMLResponse

from trustmart.settings import Settings

NIGHT = r"^\d{8}T\d{6}Z$"

# Reports need nothing from anywhere; whatever might slip into one shall fetch and run nothing either.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-src 'self'; frame-ancestors 'self'"
    ),
    "Cache-Control": "no-store",
}

# The dependency holds for every route, also for those that somebody adds later: Airflow asks nobody for a
# token on behalf of a plugin. There is no schema and no docs page, because those would be outside of it.
app = FastAPI(
    title="Trustmart",
    dependencies=[Depends(requires_access_dag(method="GET", param_dag_id="build_marts"))],
    docs_url=None,
    redoc_url=None,
    openapi_url=None,
)


@app.get("/")
def nights() -> HTMLResponse:
    """List the nights, newest first, with the newest one's report below."""
    names = sorted((path.parent.name for path in _runs().glob("*/report.html")), reverse=True)
    if not names:
        return _page("<p>No night has been reported yet. Trigger <b>ingest_crm</b>.</p>")
    links = " ".join(f'<a href="nights/{name}" target="report">{_spoken(name)}</a>' for name in names)
    return _page(f'<nav>{links}</nav><iframe name="report" src="nights/{names[0]}"></iframe>')


@app.get("/nights/{night}")
def night(night: Annotated[str, InUrl(pattern=NIGHT)]) -> HTMLResponse:
    """Show one night's report."""
    path = _runs() / night / "report.html"
    if not path.is_file():
        raise HTTPException(404, "There is no report of that night.")
    return HTMLResponse(path.read_text(encoding="utf-8"), headers=HEADERS)


def _runs() -> Path:
    """Return the folder of the nights."""
    return Settings().runs_folder


def _spoken(name: str) -> str:
    """Write 20261120T020000Z as 2026-11-20 02:00."""
    return f"{name[:4]}-{name[4:6]}-{name[6:8]} {name[9:11]}:{name[11:13]}"


def _page(body: str) -> HTMLResponse:
    """Put a body into a page."""
    style = (
        "body{margin:0;font:14px system-ui;height:100vh;display:flex;flex-direction:column}"
        "nav{padding:8px;display:flex;gap:12px;overflow-x:auto;white-space:nowrap}p{padding:8px}"
        "iframe{border:0;flex:1}"
    )
    head = f'<meta charset="utf-8"><title>Privacy</title><style>{style}</style>'
    page = f"<!doctype html><html lang=en><head>{head}</head><body>{body}</body></html>"
    return HTMLResponse(page, headers=HEADERS)
