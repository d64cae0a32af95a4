"""Data Docs that load nothing from elsewhere: whoever opens a page tells nobody, and it reads offline."""

import re
from html import escape
from pathlib import Path

# Pictures of the how-to dialogs that our pages don't show: 3 MB a night.
_UNUSED_PICTURES = (
    "glossary_scroller.gif",
    "validation_failed_unexpected_values.gif",
    "iterative-dev-loop.png",
)
_REMOTE = re.compile(
    r"<script.*?</script>|<footer.*?</footer>|<(?:link|img)[^>]*=[\"']?https?://[^>]*>|url\('https?://[^)]*\)",
    re.IGNORECASE | re.DOTALL,
)
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 64rem; padding: 0 1rem }
table { border-collapse: collapse; width: 100% }
td, th { border-bottom: 1px solid #ccc; padding: .3rem .8rem; text-align: left; vertical-align: top }
ul { list-style: none; padding: 0 }
nav ol, .breadcrumb { display: flex; gap: .6rem; list-style: none; padding: 0 }
.col-md-2, .modal, .btn, .cooltip .top, .collapse, [data-toggle=collapse] { display: none }
.fa-check-circle::before { content: "\\2713"; color: #1a7f37 }
.fa-times::before, .fa-exclamation-triangle::before { content: "\\2717"; color: #c62828 }
"""


def keep_at_home(folder: Path) -> None:
    """Take out of the pages what they would load from other servers, and add a style of ours."""
    for page in folder.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        if _STYLE not in text:  # pages of earlier nights have been here before
            style = f"<style>{_STYLE}</style></head>"
            page.write_text(_REMOTE.sub("", text).replace("</head>", style, 1), encoding="utf-8")
    for picture in _UNUSED_PICTURES:
        (folder / "static" / "images" / picture).unlink(missing_ok=True)
    # What pages call home is the index of all zones.
    (folder / "index.html").write_text(_ELSEWHERE, encoding="utf-8")


_ELSEWHERE = (
    '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="0; url=../index.html">'
    '<title>Release gate</title></head><body><a href="../index.html">What the release gate asked</a></body></html>'
)


def write_index(folder: Path) -> None:
    """Write a page that links to what was asked in every zone, the marts that readers see first."""
    (folder / "index.html").write_text(_index(folder), encoding="utf-8")


_ZONES = {
    "anonymized": "What the marts for analysts had to prove",
    "personal": "What the marts of people had to prove",
    "restricted": "What came in had to prove",
}


def _index(folder: Path) -> str:
    """Return the page."""
    parts = [f"<h2>{title}</h2><ul>{_links(folder, zone)}</ul>" for zone, title in _ZONES.items()]
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Release gate</title>'
        f"<style>{_STYLE}</style></head><body><h1>What the release gate asked</h1>{''.join(parts)}</body></html>"
    )


def _links(folder: Path, zone: str) -> str:
    """Return links to a zone's pages, the newest first."""
    found = (folder / zone).glob("validations/**/*.html")
    pages = sorted(found, key=lambda page: (page.parent.name, page.stem), reverse=True)
    return "".join(
        f'<li><a href="{escape(page.relative_to(folder).as_posix())}">{escape(page.stem)}</a>'
        f" {escape(page.parent.name.partition('.')[0])}</li>"
        for page in pages
    )
