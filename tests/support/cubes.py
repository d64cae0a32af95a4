"""Small cubes: records, a warehouse in memory, and a release to make of them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import duckdb
from hypothesis import strategies as st

from trustmart.anonymizing.cubes import make_cube
from trustmart.anonymizing.made import Made
from trustmart.policy.releases import Release
from trustmart.warehouse.duckdb import DuckDBSession
from trustmart.warehouse.release_history import ensure_release_history, look_back

Record = dict[str, Any]

LABELS = st.sampled_from(["", "a", "b", "c", None])
RECORDS = st.lists(
    st.fixed_dictionaries(
        {
            "subject_id": st.integers(0, 40).map(str),
            "region": LABELS,
            "band": LABELS,
            "group": LABELS,
            "amount": st.one_of(st.none(), st.integers(-50, 400)),
            "flag": st.one_of(st.none(), st.booleans()),
        }
    ),
    min_size=1,
    max_size=80,
)
COLUMNS = ("region", "band", "group")
MARGINS = st.sets(st.sampled_from([(), ("region",), ("band",), ("region", "band"), ("band", "group")]), max_size=4)


def release_of(*, k: int, margins: Iterable[Sequence[str]] = (), **more: Any) -> Release:
    """Return a release of a cube over region, band and group with every kind of measure."""
    return Release.model_validate(
        {
            "title": "Cube",
            "use_case": "report",
            "tier": "open_cube",
            "minimum_class_size": k,
            "maximum_suppressed": 1,
            "class_size": "customers",
            "quasi_identifiers": {column: {"from": column} for column in COLUMNS},
            "measures": {
                "records": {"from": "amount", "how": "records"},
                "total": {"from": "amount", "how": "sum", "round_to": 1},
                "average": {"from": "amount", "how": "mean", "round_to": 0.5},
                "share": {"from": "flag", "how": "share"},
            },
            "margins": [list(margin) for margin in margins],
            **more,
        }
    )


class CubeWarehouse:
    """A restricted zone in memory that cubes are made in."""

    def __init__(self) -> None:
        """Open it, empty."""
        self.connection = duckdb.connect()
        self.connection.execute("attach ':memory:' as restricted")
        for schema in ("anonymized_candidate", "anonymized_door"):
            self.connection.execute(f"create schema restricted.{schema}")
        self.session = DuckDBSession(self.connection)
        ensure_release_history(self.session)
        look_back(self.session, before=datetime(2026, 1, 1, tzinfo=UTC))

    def load(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Replace the records."""
        self.connection.execute(
            "create or replace table restricted.anonymized_door.mart (subject_id varchar, region varchar, band varchar,"
            ' "group" varchar, amount decimal(18, 2), flag boolean)'
        )
        if records:
            values = [record[name] for record in records for name in ("subject_id", *COLUMNS, "amount", "flag")]
            places = ", ".join(["(?, ?, ?, ?, ?, ?)"] * len(records))
            self.connection.execute(f"insert into restricted.anonymized_door.mart values {places}", values)

    def make(self, release: Release, *, standing: str | None = None) -> Made:
        """Make the cube of the loaded records."""
        return make_cube(
            self.session,
            mart="mart",
            release=release,
            records="restricted.anonymized_door.mart",
            target="restricted.anonymized_candidate.mart",
            members="restricted.anonymized_door.mart__members",
            standing=standing,
        )

    def candidate(self) -> list[tuple[Any, ...]]:
        """Return what would be published."""
        return self.session.rows("select * from restricted.anonymized_candidate.mart")

    def members(self) -> list[tuple[str, str | None]]:
        """Return who is in which published class."""
        return self.session.rows("select * from restricted.anonymized_door.mart__members")
