"""Where the zones are kept: one small protocol, an engine behind it."""

from trustmart.warehouse.duckdb import DuckDBWarehouse
from trustmart.warehouse.protocol import CANDIDATE_SCHEMA, Session, Warehouse, Zone

__all__ = ["CANDIDATE_SCHEMA", "DuckDBWarehouse", "Session", "Warehouse", "Zone"]
