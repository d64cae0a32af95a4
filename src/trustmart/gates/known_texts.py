"""Which texts name a person: each is looked up once a night, whichever mart shows it.

Marts show the same labels. So whatever was looked up is remembered while the gate looks, both what was found and what
was not; only other texts are looked up anew.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, Self

from trustmart.gates.known_forms import KnownForms, known_forms
from trustmart.gates.measures_sql import Reader, quoted, restricted
from trustmart.gates.remembering import SCHEMA, remembered, remembering

# Digests that the engine knows, with their digits.
_DIGESTS = {"md5": 32, "sha1": 40, "sha256": 64}
# We write these ourselves, in small letters.
_OURS = frozenset({"subject_id", "email_normalized"})

# How an identifier is compared. issued: as it stands, in small and in capital letters. typed: any letters and spaces,
# but see _DISTINCTIVE. telltale: any letters, where a value looks like it (@, hex). hashed: MD5, SHA-1 and SHA-256.
Comparison = Literal["issued", "typed", "telltale", "hashed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownIdentifier:
    """Where the restricted zone keeps values that name a person."""

    name: str
    table: str
    columns: tuple[str, ...]
    comparison: Comparison

    @classmethod
    def of(cls, name: str, table: str, columns: Sequence[str], comparison: Comparison) -> Self:
        """Return what `as_list` has written down."""
        return cls(name=name, table=table, columns=tuple(columns), comparison=comparison)

    def as_list(self) -> list[object]:
        """Return it in a form that a suite can keep."""
        return [self.name, self.table, list(self.columns), self.comparison]


@contextmanager
def looked_up(reader: Reader, shown: str, known: Sequence[KnownIdentifier]) -> Iterator[str | None]:
    """Yield the full name of a table of (identifier, form): the forms that are somebody's. None where nothing is to do.

    shown: a query with a column `form`. known: all of one comparison; others are remembered apart.
    """
    if not known or not reader.rows(f"select 1 from ({shown}) as shown limit 1"):
        yield None
        return
    if remembered() is None:
        with remembering(reader), looked_up(reader, shown, known) as hits:
            yield hits
        return
    asked, hits, fresh = _tables(reader, tuple(known))
    reader.rows(
        f"create or replace table {fresh} as select form from ({shown}) as shown where form is not null"
        f" except select form from {asked}"
    )
    if reader.rows(f"select 1 from {fresh} limit 1"):
        for query in _lookups(reader, known, fresh):
            reader.rows(f"insert into {hits} {query}")
        reader.rows(f"insert into {asked} from {fresh}")
    yield hits


def _tables(reader: Reader, known: tuple[KnownIdentifier, ...]) -> tuple[str, str, str]:
    """Return where is kept what was asked of these identifiers, what was found, and what is asked now."""
    night = remembered()
    assert night is not None  # noqa: S101 - looked_up begins to remember before it asks
    if known not in night.asked:
        night.asked.append(known)
        number = night.asked.index(known)
        reader.rows(f"create schema if not exists {SCHEMA}")
        reader.rows(f"create or replace table {SCHEMA}.asked_{number} (form varchar)")
        reader.rows(f"create or replace table {SCHEMA}.hits_{number} (identifier varchar, form varchar)")
    number = night.asked.index(known)
    asked, hits, fresh = (f"{SCHEMA}.{name}_{number}" for name in ("asked", "hits", "fresh"))
    return asked, hits, fresh


def _lookups(reader: Reader, known: Sequence[KnownIdentifier], fresh: str) -> Iterator[str]:
    """Yield queries of the fresh forms that are among the known values."""
    plain = [one for one in known if one.comparison != "hashed"]
    as_they_stand = [one for one in plain if one.comparison == "issued" or one.name in _OURS]
    if as_they_stand:
        each = " union all ".join(_lookup(one, fresh) for one in as_they_stand)
        yield f"select distinct * from ({each}) as found"
    for name, forms in _forms_by_name(reader, [one for one in plain if one not in as_they_stand]):
        yield (
            f"select distinct '{name}' as identifier, fresh.form from {fresh} as fresh"
            f" join {forms.hashes} as known on known.small = hash(fresh.form)"
        )
    hashed = [one for one in known if one.comparison == "hashed"]
    lengths = {length for (length,) in reader.rows(f"select distinct length(form) from {fresh}")} if hashed else set()
    if digests := [name for name, digits in _DIGESTS.items() if digits in lengths]:
        for name, forms in _forms_by_name(reader, hashed):
            yield _lookup_hashed(name, forms, fresh, digests)


def _forms_by_name(reader: Reader, known: Sequence[KnownIdentifier]) -> Iterator[tuple[str, KnownForms]]:
    """Yield each identifier's forms, whichever tables know it."""
    for name, columns in dict.fromkeys((one.name, one.columns) for one in known):
        places = [(one.table, *one.columns) for one in known if (one.name, one.columns) == (name, columns)]
        for forms in known_forms(reader, places):
            yield name, forms


def _lookup(identifier: KnownIdentifier, fresh: str) -> str:
    """Return the query of the fresh forms that are somebody's identifier as it stands.

    An untouched column lets the engine skip whole blocks: 0.02 s, not 2 s, for 5M rows.
    """
    (column,) = identifier.columns
    return (
        f"select '{identifier.name}' as identifier, fresh.form from {fresh} as fresh"
        f" join {restricted(identifier.table)} as known on cast({quoted(column)} as varchar) = fresh.form"
    )


def _lookup_hashed(name: str, forms: KnownForms, fresh: str, digests: Sequence[str]) -> str:
    """Return the query of the fresh forms that are digests of an identifier."""
    tried = " union all ".join(f"select {digest}(form) as digest from texts" for digest in digests)
    return (
        f"with plain as ({forms.texts}), texts as (select form from plain union all"
        " select lower(form) from plain where lower(form) <> form)"
        f" select distinct 'hashed {name}' as identifier, fresh.form from {fresh} as fresh"
        f" join ({tried}) as tried on tried.digest = fresh.form"
    )
