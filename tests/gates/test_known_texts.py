"""Texts are looked up once a night: the answers are those of looking every time, and new texts are looked up anew."""

from collections.abc import Callable, Sequence
from typing import Any

from trustmart.gates.checks import look_up_texts, no_direct_identifiers
from trustmart.gates.remembering import remembering
from trustmart.gates.suites import requirements
from trustmart.policy import Policy
from trustmart.warehouse import DuckDBWarehouse, Session

Plant = Callable[..., None]
LEAKS = (
    "update anonymized_candidate.dim_segments set region = 'ada planted' where customers = 11",
    "update anonymized_candidate.dim_segments set age_band = sha256('bo@hidden.example') where customers = 25",
)


class Counting:
    """A session that counts how often everybody's identifiers are read."""

    def __init__(self, session: Session) -> None:
        """Nothing was read yet."""
        self._session, self.reads = session, 0

    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows a query yields."""
        self.reads += '"raw_crm__customers"' in statement and not statement.startswith("describe")
        return self._session.rows(statement, parameters)


def _asked(policy: Policy) -> list[dict[str, Any]]:
    """Return what the check is asked of every mart."""
    return [
        dict(one.arguments)
        for mart in policy.releases
        for one in requirements(policy, mart)
        if one.check == "no_direct_identifiers"
    ]


def test_what_is_remembered_is_what_would_be_found(policy: Policy, warehouse: DuckDBWarehouse, plant: Plant) -> None:
    """(S12) All marts looked up together have the findings of each looked up alone, and leaks are among them."""
    plant(*LEAKS)
    asked = _asked(policy)
    with warehouse.session(reads=["restricted"]) as session:
        alone = [no_direct_identifiers(session, **one) for one in asked]
        with remembering(session):
            look_up_texts(session, asked)
            together = [no_direct_identifiers(session, **one) for one in asked]
    assert together == alone
    assert sum(len(found) for found in alone) >= 2


def test_everybody_is_read_once_however_many_marts_ask(policy: Policy, warehouse: DuckDBWarehouse) -> None:
    """(S12) After a common look no check reads a raw table again, and nothing stays behind."""
    asked = _asked(policy)
    with warehouse.session(reads=["restricted"]) as session:
        counting = Counting(session)
        with remembering(session):
            look_up_texts(counting, asked)
            read = counting.reads
            for one in asked:
                no_direct_identifiers(counting, **one)
        assert read > 0
        assert counting.reads == read
        left = "select count(*) from duckdb_tables() where schema_name in ('gate_known_texts', 'gate_published_texts')"
        assert session.rows(left) == [(0,)]


def test_a_text_that_came_later_is_looked_up(policy: Policy, warehouse: DuckDBWarehouse) -> None:
    """(S12) What was not there at the common look is compared with everybody all the same."""
    asked = _asked(policy)[0]
    with warehouse.session(writes="restricted") as session, remembering(session):
        assert no_direct_identifiers(session, **asked) == []
        session.run(f"update restricted.{LEAKS[0].removeprefix('update ')}")
        assert no_direct_identifiers(session, **asked) != []
