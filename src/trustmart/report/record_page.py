"""The record of processing activities, for people: one page that needs nothing else, or a spreadsheet."""

import csv
import io
from collections.abc import Mapping, Sequence
from importlib.resources import files as resources

from jinja2 import Environment

from trustmart.destinations.spreadsheets import harmless
from trustmart.legal_basis.record import COLUMNS
from trustmart.report import words

# What is the same for every activity, and so said once.
_SHARED = ("controller", "contact", "data_protection_officer", "use_case")


def record_csv(rows: Sequence[Mapping[str, str]]) -> str:
    """Return the record as CSV that a spreadsheet opens as text; rows as legal_basis.record gives them."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({column: harmless(row[column]) for column in COLUMNS} for row in rows)
    return buffer.getvalue()


def record_page(rows: Sequence[Mapping[str, str]], *, policy_version: str) -> str:
    """Return the page; rows as legal_basis.record gives them, at least one."""
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["plain"] = words.plain
    template = environment.from_string(resources("trustmart.report").joinpath("record.html.j2").read_text("utf-8"))
    first: Mapping[str, str] = rows[0] if rows else {}
    return template.render(
        rows=rows,
        shared=_SHARED,
        policy_version=policy_version,
        controller=first.get("controller", ""),
        contact=first.get("contact", ""),
        officer=first.get("data_protection_officer", ""),
    )
