"""The gate's expectations, as Great Expectations knows them. Importing this module costs seconds: do it late.

Each one asks a function of checks.py through the execution engine's own connection; the warehouse does the
work and hands back counts. An error leaves as its type only, because engines quote values in their messages.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider

from trustmart.gates.attack_expectations import ATTACK_EXPECTATIONS
from trustmart.gates.gate_expectation import GateExpectation
from trustmart.gates.looking import look
from trustmart.gates.zone_expectations import ZONE_EXPECTATIONS

NOT_MEASURED = "not measured: "


class NotMeasured(Exception):
    """A check could not be made; says the type of the error and nothing else."""


class EngineReader:
    """Great Expectations' connection, with the one method a measure needs."""

    def __init__(self, engine: SqlAlchemyExecutionEngine) -> None:
        """Wrap an execution engine."""
        self._engine = engine

    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows a query yields."""
        with self._engine.get_connection() as connection:
            found = connection.exec_driver_sql(statement, tuple(parameters) or None)
            return [tuple(row) for row in found.fetchall()]


def _findings(check: str, engine: SqlAlchemyExecutionEngine, arguments: dict[str, Any]) -> int:
    """Return how much a check found."""
    try:
        return len(look(check, EngineReader(engine), arguments).findings)
    except Exception as error:  # noqa: BLE001 - fail closed: Great Expectations turns it into a failed result
        kind = type(error).__name__
    raise NotMeasured(f"{NOT_MEASURED}{kind}")


class ExpectTableToBeKAnonymous(GateExpectation):
    """Expect every combination of quasi-identifiers to be shared by enough people, nulls included."""

    columns: list[str]
    class_size: str | None
    minimum_class_size: int

    metric_dependencies: ClassVar = ("trustmart.k_anonymity",)
    success_keys: ClassVar = ("mart", "columns", "class_size", "minimum_class_size")


class ExpectOnlyListedColumns(GateExpectation):
    """Expect exactly the columns that policy lists, and figures that are figures."""

    columns: list[str]
    figures: list[str]

    metric_dependencies: ClassVar = ("trustmart.listed_columns",)
    success_keys: ClassVar = ("mart", "columns", "figures")


class ExpectColumnValuesToStayWithinHierarchy(GateExpectation):
    """Expect a column to show the labels of its hierarchy and nothing finer."""

    column: str
    hierarchy: str
    totals: bool
    level: str

    metric_dependencies: ClassVar = ("trustmart.labels_of_hierarchy",)
    success_keys: ClassVar = ("mart", "column", "hierarchy", "totals", "level")


class ExpectNoDirectIdentifiers(GateExpectation):
    """Expect no column to be named after, hold, hash or resemble a direct identifier."""

    identifiers: list[str]
    known_in: list[list[Any]]
    hierarchies: dict[str, str]

    metric_dependencies: ClassVar = ("trustmart.no_direct_identifiers",)
    success_keys: ClassVar = ("mart", "identifiers", "known_in", "hierarchies")


class ExpectFewPeopleToBeSuppressed(GateExpectation):
    """Expect no more people to be left out than policy allows."""

    class_size: str | None
    maximum_suppressed: float

    metric_dependencies: ClassVar = ("trustmart.suppression",)
    success_keys: ClassVar = ("mart", "class_size", "maximum_suppressed")


_ALL: tuple[type[GateExpectation], ...] = (
    ExpectTableToBeKAnonymous,
    ExpectOnlyListedColumns,
    ExpectColumnValuesToStayWithinHierarchy,
    ExpectNoDirectIdentifiers,
    ExpectFewPeopleToBeSuppressed,
    *ATTACK_EXPECTATIONS,
    *ZONE_EXPECTATIONS,
)
EXPECTATIONS = {expectation.__name__: expectation for expectation in _ALL}


def _provide(expectation: type[GateExpectation]) -> type[TableMetricProvider]:
    """Register the metric behind an expectation: the number of its check's findings."""
    (metric,) = expectation.metric_dependencies
    check = metric.partition(".")[2]

    @metric_value(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(
        cls: type,
        execution_engine: SqlAlchemyExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any],
    ) -> int:
        return _findings(check, execution_engine, dict(metric_value_kwargs))

    body = {"metric_name": metric, "value_keys": expectation.success_keys, "_sqlalchemy": _sqlalchemy}
    return type(f"{expectation.__name__}Metric", (TableMetricProvider,), body)


METRICS = tuple(_provide(expectation) for expectation in EXPECTATIONS.values())
