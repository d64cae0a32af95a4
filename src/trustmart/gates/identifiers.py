"""Direct identifiers: how their columns are called, where their values are known, and how they look."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from trustmart.gates.known_texts import Comparison, KnownIdentifier, looked_up
from trustmart.gates.measures_sql import Reader, candidate, columns_of, columns_of_raw, quoted, restricted
from trustmart.policy import Policy, Role

_SCHEMA = "memory.gate_published_texts"
# Names that promise a person, whatever the policy calls its own columns.
_PERSONAL_WORDS = re.compile(
    r"(^|_)(ids?|uuid|guid|e?mails?|phones?|mobile|msisdn|iban|ssn|passport|token|hash|md5|sha\d*|surname|forename"
    r"|((first|last|full|given|family|middle|maiden|nick|user|login)_?names?))($|_)|^names?$|subject_id|email|phone"
)

# Numbers that states and makers give, as far as letters are in them (digits alone look like a phone number): the
# Italian codice fiscale, the British national insurance number and driving licence, the Indian PAN (not where its
# digits are a year); MAC and IPv6 addresses. Patterns: Presidio's recognisers (microsoft.github.io/presidio).
_NUMBERS_GIVEN_OUT = (
    r"[a-z]{6}\d{2}[a-ehlmprst]\d{2}[a-z]\d{3}[a-z]",
    r"[a-ceghj-prtw-z][a-ceghj-nprtw-z] ?\d{2} ?\d{2} ?\d{2} ?[a-d]",
    r"[a-z9]{5}\d{6}[a-z9]{2}\d[a-z]{2}",
    r"[a-z]{3}[abcfghjlpt][a-z](0\d|1[0-8]|2[1-9]|[3-9]\d)\d{2}[a-z]",
    r"([0-9a-f]{2}[:-]){5}[0-9a-f]{2}|([0-9a-f]{1,4}:){7}[0-9a-f]{1,4}",
)
# How identifiers look once trimmed and in small letters; a hierarchy's own labels may look like a phone
# number (100000-249999) or a token, never like the others.
_SHAPES = {
    "an e-mail address": r"\S@\S",
    "a phone number": r"\d([\s().\-/]{0,2}\d){6,}",
    "a hash": r"(^|[^0-9a-z])[0-9a-f]{16,}([^0-9a-z]|$)",
    "a UUID": r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    "a token": r"[a-z0-9+/]{22,}",
    "letters written as codes": (
        r"(&#x?[0-9a-f]{2,6};){3}|(\\u\{?[0-9a-f]{4,6}\}?){3}|(\\x[0-9a-f]{2}){3}|(%[0-9a-f]{2}){6}"
    ),
    "a number of a state or a device": rf"(^|[^0-9a-z])({'|'.join(_NUMBERS_GIVEN_OUT)})([^0-9a-z]|$)",
}
_LABELS_MAY_LOOK_LIKE = frozenset({"a phone number", "a token"})
# What a calendar writes (2026-05, 01.05.2026, 1980-1989, and from one to the other) is no phone number.
_DAY = r"(\d{4}-\d{2}(-\d{2})?([ t]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?(z|[+-]\d{2}(:?\d{2})?)?|\d{2}[./]\d{2}[./]\d{4})"
_CALENDAR = rf"{_DAY}( ?[/-] ?{_DAY})?|\d{{4}}-\d{{4}}"
# Nor is a range of amounts: two numbers of round ends (100000-249999, 1 000 000 - 2 499 999), perhaps among words.
_AMOUNT = r"[1-9]\d{0,2}([ ,.]?\d{3})*[ ,.]?"
_AMOUNTS = rf"[^0-9]*{_AMOUNT}\d?00 ?- ?{_AMOUNT}\d?(00|99)[^0-9]*"
# What neither calendar nor prices make a phone number of, as whole values in small letters.
HARMLESS_SHAPES = rf"{_CALENDAR}|{_AMOUNTS}"
# Nor is a word with a number behind it a token (Welcome2026), as a rule of random letters never comes out that way.
_WORDS = r"([A-Za-z]?[a-z]+[/+])*[A-Za-z]?[a-z]+\d{0,4}"
_HEX = r"[0-9a-f]{16,}"
_DIGIT = r"[0-9]"
# People type what they like: one who writes "norway" or "retired" into a field must not hold a mart back. So words
# are compared only where they are several, or hold a run of digits, and are no label of the column's hierarchy.
_DISTINCTIVE = rf"\s|@|({_DIGIT}.*){{5}}"


def known_identifiers(policy: Policy) -> list[KnownIdentifier]:
    """Return where to look: direct identifiers that a source maps, full names, what may have been hashed."""
    found: list[KnownIdentifier] = []
    for raw, table in raw_tables(policy):
        found += _known_in_table(policy, raw, tuple(table.columns))
        found.append(_known("subject_id", raw, "telltale"))
        found.append(_known(table.subject, raw, "hashed"))
    return found


def raw_tables(policy: Policy) -> Iterator[tuple[str, Any]]:
    """Yield every raw table's name and mapping."""
    for source_name, source in policy.sources.items():
        for name, table in source.tables.items():
            yield f"raw_{source_name}__{name}", table


def _known_in_table(policy: Policy, raw: str, columns: Sequence[str]) -> Iterable[KnownIdentifier]:
    """Yield what one raw table knows. A name alone is not compared: a label may be an ordinary word."""
    names = {"first": "", "last": ""}
    for column in columns:
        attribute = policy.attributes[column]
        if attribute.role is not Role.DIRECT_IDENTIFIER:
            continue
        if attribute.category.startswith("user.name"):
            names[attribute.category.rpartition(".")[2]] = column
        elif attribute.contact_point == "email":
            yield _known(column, raw, "telltale")
            yield _known("email_normalized", raw, "telltale")
            yield _known("email_normalized", raw, "hashed")
        else:
            yield _known(column, raw, "issued" if attribute.category == "user.unique_id" else "typed")
    if names["first"] and names["last"]:
        yield _known("full name", raw, "typed", names["first"], names["last"])
        yield _known("full name", raw, "typed", names["last"], names["first"])


def _known(name: str, raw: str, comparison: Comparison, *columns: str) -> KnownIdentifier:
    """Return an identifier that is kept in a column of its own name, or in several together."""
    return KnownIdentifier(name=name, table=raw, columns=columns or (name,), comparison=comparison)


def telling_names(columns: Iterable[str], identifiers: Iterable[str]) -> list[str]:
    """Return the columns whose name says that they hold a direct identifier."""
    known = tuple(name.lower() for name in identifiers)
    return [
        column
        for column in columns
        if _PERSONAL_WORDS.search(column.lower()) or any(name in column.lower() for name in known)
    ]


def values_that_match(
    reader: Reader, published: str, *, known: Sequence[KnownIdentifier]
) -> list[tuple[str, str, int]]:
    """Return (published column, identifier, values): how many published values are known to name a person.

    published: what `published_texts` yields.
    """
    usable = _usable(reader, known)
    found: list[tuple[str, str, int]] = []
    for comparison, condition in _CONDITIONS.items():
        found += _matches(reader, _shown(published, condition), usable[comparison])
    return found


def look_up_together(
    reader: Reader, marts: Mapping[str, tuple[Sequence[str], Mapping[str, str]]], known: Sequence[KnownIdentifier]
) -> None:
    """Look up the texts of several marts at once, for as long as somebody is `remembering`.

    marts: by name, the text columns and which of them have a hierarchy.
    """
    usable = _usable(reader, known)
    with ExitStack() as stack:
        published = [stack.enter_context(published_texts(reader, mart, *told)) for mart, told in marts.items()]
        for comparison, condition in _CONDITIONS.items():
            shown = " union ".join(f"select form from ({_shown(one, condition)}) as shown" for one in published)
            stack.enter_context(looked_up(reader, shown, usable[comparison]))


@contextmanager
def published_texts(reader: Reader, mart: str, columns: Sequence[str], hierarchies: Mapping[str, str]) -> Iterator[str]:
    """Yield the full name of a table of every different text that a mart shows, for the time of a `with`.

    (published_column, value, original, is_label): small and as it stands; whether its column's hierarchy has it.
    """
    table = f"{_SCHEMA}.{quoted(mart)}"
    reader.rows(f"create schema if not exists {_SCHEMA}")
    reader.rows(f"create or replace table {table} as {_published(reader, mart, columns, hierarchies)}")
    try:
        yield table
    finally:
        reader.rows(f"drop table if exists {table}")


def _usable(reader: Reader, known: Sequence[KnownIdentifier]) -> dict[Comparison, list[KnownIdentifier]]:
    """Return the identifiers that the night delivered, by how they are compared."""
    existing = columns_of_raw(reader, (identifier.table for identifier in known))
    there = [identifier for identifier in known if set(identifier.columns) <= existing[identifier.table]]
    return {kind: [one for one in there if one.comparison == kind] for kind in _CONDITIONS}


def values_that_look_like(reader: Reader, published: str) -> list[tuple[str, str, int]]:
    """Return (published column, shape, values): how many published values look like an identifier.

    published: what `published_texts` yields.
    """
    tests = [
        f"count(distinct case when regexp_matches(value, ?){_shape_exception(shape)} then value end)"
        for shape in _SHAPES
    ]
    found = reader.rows(
        f"select published_column, {', '.join(tests)} from {published}"
        " group by published_column order by published_column",
        list(_SHAPES.values()),
    )
    return [
        (column, shape, int(count))
        for column, *counts in found
        for shape, count in zip(_SHAPES, counts, strict=True)
        if count
    ]


def _shape_exception(shape: str) -> str:
    """Return the condition that lets labels, plain words and dates be what they are."""
    if shape not in _LABELS_MAY_LOOK_LIKE:
        return ""
    harmless = f"regexp_matches(value, '^({HARMLESS_SHAPES})$') or regexp_matches(original, '^{_WORDS}$')"
    return f" and not is_label and regexp_matches(value, '{_DIGIT}') and not ({harmless})"


def _published(reader: Reader, mart: str, columns: Sequence[str], hierarchies: Mapping[str, str]) -> str:
    """Return the query of every different text a mart shows, and whether its column's hierarchy has it."""
    nothing = "select '' as published_column, '' as value, '' as original, false as is_label where false"
    parts = [nothing]
    for column in columns:
        text = f"trim(cast({quoted(column)} as varchar))"
        labels = hierarchies.get(column)
        is_label = "false"
        if labels and column in columns_of(reader, labels):
            is_label = f"lower(original) in (select lower({text}) from {restricted(labels)})"
        parts.append(
            f"select '{_literal(column)}', lower(original), original, coalesce({is_label}, false)"
            f" from (select distinct {text} as original from"
            # Microdata has few different labels: they are told apart before anything is done to them.
            f" (select distinct {quoted(column)} from {candidate(mart)} where {quoted(column)} is not null) as shown)"
            " as texts"
        )
    return " union all ".join(parts)


def _literal(text: str) -> str:
    """Return the inside of a text literal."""
    return text.replace("'", "''")


# Which published values are worth comparing.
_CONDITIONS: Mapping[Comparison, str] = {
    "issued": "value <> 'unknown'",
    "telltale": f"regexp_matches(value, '^({_HEX})$|@')",
    "typed": (
        f"not is_label and regexp_matches(value, '{_DISTINCTIVE}') and not regexp_matches(value, '^({_CALENDAR})$')"
    ),
    "hashed": f"regexp_matches(value, '^({_HEX})$')",
}


def _shown(published: str, condition: str) -> str:
    """Return the query of the texts worth comparing, each in the forms in which it is looked up."""
    forms = (
        f"select published_column, value, {form} as form from chosen" for form in ("value", "original", "upper(value)")
    )
    return f"with chosen as (select * from {published} where {condition}) {' union '.join(forms)}"


def _matches(reader: Reader, shown: str, known: Sequence[KnownIdentifier]) -> list[tuple[str, str, int]]:
    """Count the published values that are among the known ones."""
    with looked_up(reader, shown, known) as hits:
        if hits is None:
            return []
        found = reader.rows(
            f"select published_column, identifier, count(distinct value) from ({shown}) as shown"
            f" join {hits} as hits on hits.form = shown.form"
            " group by published_column, identifier order by published_column, identifier"
        )
    return [(column, identifier, int(count)) for column, identifier, count in found]
