"""Where the zones are kept: one small protocol, an engine behind it."""

from trustmart.warehouse.bookkeeping import ensure_bookkeeping, naive_utc, say_night
from trustmart.warehouse.duckdb import DuckDBWarehouse
from trustmart.warehouse.protocol import CANDIDATE_SCHEMA, DOOR_SCHEMA, Session, Warehouse, Zone

__all__ = [
    "CANDIDATE_SCHEMA",
    "DOOR_SCHEMA",
    "DuckDBWarehouse",
    "Session",
    "Warehouse",
    "Zone",
    "ensure_bookkeeping",
    "naive_utc",
    "say_night",
]
