"""How many customers stand how: counted in one scan of one row per customer, for any number of use cases."""

from collections.abc import Sequence
from dataclasses import dataclass

from trustmart.legal_basis import Tally
from trustmart.pipeline.context import Context
from trustmart.warehouse import Session

STANDING_TABLE = "int_subjects__standing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """Our customers by what they object to and agreed to, and what one contact of a campaign has been worth (EUR)."""

    tally: Tally
    value_per_contact: float | None = None


def measure_population(context: Context) -> Population | None:
    """Return the customers of the last build; None where nothing was built yet, or not under these purposes."""
    if not context.warehouse.path("restricted").exists():
        return None
    purposes = list(context.policy.purposes)
    with context.warehouse.session(reads=["restricted"]) as session:
        columns = session.columns("restricted", STANDING_TABLE)
        if not columns or any(f"objects_to_{purpose}" not in columns for purpose in purposes):
            return None
        return Population(tally=count_people(session, purposes), value_per_contact=_value_per_contact(session))


def count_people(session: Session, purposes: Sequence[str]) -> Tally:
    """Return how many people there are, and how many object to and have agreed to each purpose."""
    columns = [f"objects_to_{purpose}" for purpose in purposes] + [f"agreed_to_{purpose}" for purpose in purposes]
    counts = "".join(f", count_if({column})" for column in columns)
    ((everybody, free, *found),) = session.rows(
        f"select count(*), count_if(not is_restricted){counts} from restricted.{STANDING_TABLE}"
    )
    objecting, agreeing = found[: len(purposes)], found[len(purposes) :]
    return Tally(
        everybody=everybody,
        free=free,
        objecting=dict(zip(purposes, objecting, strict=True)),
        agreeing=dict(zip(purposes, agreeing, strict=True)),
    )


def _value_per_contact(session: Session) -> float | None:
    """Return what one contact of past campaigns brought on average, in EUR; None where there were none."""
    value = session.value("select avg(coalesce(value_eur, 0)) from restricted.stg_crm__interactions")
    return None if value is None else round(float(value), 2)
