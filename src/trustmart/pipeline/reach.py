"""How many customers stand how: counted in one pass over one row per customer, for any number of use cases."""

from collections.abc import Sequence
from dataclasses import dataclass

from trustmart.legal_basis import Standing
from trustmart.pipeline.context import Context
from trustmart.warehouse import Session

STANDING_TABLE = "int_subjects__standing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """All customers by what they object to and agreed to, and what one contact of a campaign has been worth (EUR)."""

    standings: tuple[Standing, ...]
    value_per_contact: float | None = None

    @property
    def people(self) -> int:
        """Return how many customers there are."""
        return sum(standing.people for standing in self.standings)


def measure_population(context: Context) -> Population | None:
    """Return the customers of the last build; None where nothing was built yet."""
    if not context.warehouse.path("restricted").exists():
        return None
    with context.warehouse.session(reads=["restricted"]) as session:
        if not session.columns("restricted", STANDING_TABLE):
            return None
        return Population(
            standings=count_standings(session, list(context.policy.purposes)),
            value_per_contact=_value_per_contact(session),
        )


def count_standings(session: Session, purposes: Sequence[str]) -> tuple[Standing, ...]:
    """Return how many customers share each combination; purposes: in the order in which dbt numbered their bits."""
    rows = session.rows(
        f"select is_restricted, objections, consents, count(*) from restricted.{STANDING_TABLE} group by all"
    )
    return tuple(
        Standing(
            people=people,
            is_restricted=is_restricted,
            objections=_purposes_in(objections, purposes),
            consents=_purposes_in(consents, purposes),
        )
        for is_restricted, objections, consents, people in rows
    )


def _purposes_in(bits: int, purposes: Sequence[str]) -> frozenset[str]:
    """Return the purposes whose bits are set."""
    return frozenset(purpose for position, purpose in enumerate(purposes) if bits >> position & 1)


def _value_per_contact(session: Session) -> float | None:
    """Return what one contact of past campaigns brought on average, in EUR; None where there were none."""
    value = session.value("select avg(coalesce(value_eur, 0)) from restricted.stg_crm__interactions")
    return None if value is None else round(float(value), 2)
