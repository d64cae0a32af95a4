"""What the restricted and the personal zone must prove, as Great Expectations knows it. Imported late."""

from typing import ClassVar

from trustmart.gates.gate_expectation import GateExpectation


class ExpectRowsToNameTheirSubject(GateExpectation):
    """Expect every row that came in to be somebody's, so that it can be erased with them."""

    metric_dependencies: ClassVar = ("trustmart.rows_name_their_subject",)
    success_keys: ClassVar = ("mart",)


class ExpectRowsToAddUp(GateExpectation):
    """Expect rows in to be rows loaded plus rows quarantined, each with its reason."""

    metric_dependencies: ClassVar = ("trustmart.rows_add_up",)
    success_keys: ClassVar = ("mart",)


class ExpectColumnsThatMayBeSent(GateExpectation):
    """Expect the columns that are sent to be there, and free text not to be."""

    columns: list[str]
    free_text: list[str]

    metric_dependencies: ClassVar = ("trustmart.sent_columns",)
    success_keys: ClassVar = ("mart", "columns", "free_text")


class ExpectOneRowPerPerson(GateExpectation):
    """Expect every row to name somebody, and nobody twice."""

    metric_dependencies: ClassVar = ("trustmart.one_row_per_person",)
    success_keys: ClassVar = ("mart",)


class ExpectRowsToBePermitted(GateExpectation):
    """Expect every row to have a permission that stands now, for exactly its use case."""

    use_case: str

    metric_dependencies: ClassVar = ("trustmart.permitted_rows",)
    success_keys: ClassVar = ("mart", "use_case")


ZONE_EXPECTATIONS: tuple[type[GateExpectation], ...] = (
    ExpectRowsToNameTheirSubject,
    ExpectRowsToAddUp,
    ExpectColumnsThatMayBeSent,
    ExpectOneRowPerPerson,
    ExpectRowsToBePermitted,
)
