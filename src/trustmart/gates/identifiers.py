"""Direct identifiers: how their columns are called, where their values are known, and how they look."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from trustmart.gates.measures_sql import Reader, candidate, columns_of, quoted, restricted
from trustmart.policy import Policy, Role

# Names that promise a person, whatever the policy calls its own columns.
_PERSONAL_WORDS = re.compile(
    r"(^|_)(ids?|uuid|guid|e?mails?|phones?|mobile|msisdn|iban|ssn|passport|token|hash|md5|sha\d*|surname|forename"
    r"|((first|last|full|given|family|middle|maiden|nick|user|login)_?names?))($|_)|^names?$|subject_id|email|phone"
)

# How identifiers look once trimmed and in small letters; a hierarchy's own labels may look like a phone
# number (100000-249999) or a token, never like the others.
_SHAPES = {
    "an e-mail address": r"\S@\S",
    "a phone number": r"\d([\s().\-/]{0,2}\d){6,}",
    "a hash": r"(^|[^0-9a-z])[0-9a-f]{16,}([^0-9a-z]|$)",
    "a UUID": r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    "a token": r"[a-z0-9+/]{22,}",
}
_LABELS_MAY_LOOK_LIKE = frozenset({"a phone number", "a token"})
# What a calendar writes (2026-05, 2026-05-01, 1980-1989) is no phone number.
_CALENDAR = r"\d{4}-\d{2}(-\d{2})?([ t]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?(z|[+-]\d{2}(:?\d{2})?)?|\d{4}-\d{4}"
_HEX = r"[0-9a-f]{16,}"
_DIGIT = r"[0-9]"
# People type what they like: one who writes "norway" or "retired" into a field must not hold a mart back.
_DISTINCTIVE = r"[\s@0-9]"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownIdentifier:
    """Where the restricted zone keeps values that name a person."""

    name: str
    table: str
    columns: tuple[str, ...]
    # Issued by a system: every match counts. Typed by people: ordinary words and the mart's labels do not.
    issued: bool = False
    hashed: bool = False

    def as_list(self) -> list[object]:
        """Return it in a form that a suite can keep."""
        return [self.name, self.table, list(self.columns), self.issued, self.hashed]


def known_identifiers(policy: Policy) -> list[KnownIdentifier]:
    """Return where to look: direct identifiers that a source maps, full names, what may have been hashed."""
    found: list[KnownIdentifier] = []
    for source_name, source in policy.sources.items():
        for table_name, table in source.tables.items():
            raw = f"raw_{source_name}__{table_name}"
            found += _known_in_table(policy, raw, tuple(table.columns))
            found.append(_issued("subject_id", raw))
            found.append(KnownIdentifier(name=table.subject, table=raw, columns=(table.subject,), hashed=True))
    return found


def _known_in_table(policy: Policy, raw: str, columns: Sequence[str]) -> Iterable[KnownIdentifier]:
    """Yield what one raw table knows. A name alone is not compared: a label may be an ordinary word."""
    direct = [column for column in columns if policy.attributes[column].role is Role.DIRECT_IDENTIFIER]
    names = {"first": "", "last": ""}
    for column in direct:
        category = policy.attributes[column].category
        if category.startswith("user.name"):
            names[category.rpartition(".")[2]] = column
        else:
            yield KnownIdentifier(name=column, table=raw, columns=(column,), issued=category == "user.unique_id")
        if policy.attributes[column].contact_point == "email":
            yield _issued("email_normalized", raw)
            yield KnownIdentifier(name=column, table=raw, columns=("email_normalized",), hashed=True)
    if names["first"] and names["last"]:
        yield KnownIdentifier(name="full name", table=raw, columns=(names["first"], names["last"]))
        yield KnownIdentifier(name="full name", table=raw, columns=(names["last"], names["first"]))


def _issued(column: str, raw: str) -> KnownIdentifier:
    """Return a column that the pipeline adds to raw tables."""
    return KnownIdentifier(name=column, table=raw, columns=(column,), issued=True)


def telling_names(columns: Iterable[str], identifiers: Iterable[str]) -> list[str]:
    """Return the columns whose name says that they hold a direct identifier."""
    known = tuple(name.lower() for name in identifiers)
    return [
        column
        for column in columns
        if _PERSONAL_WORDS.search(column.lower()) or any(name in column.lower() for name in known)
    ]


def values_that_match(
    reader: Reader,
    mart: str,
    *,
    text_columns: Sequence[str],
    hierarchies: Mapping[str, str],
    known: Sequence[KnownIdentifier],
) -> list[tuple[str, str, int]]:
    """Return (published column, identifier, values): how many published values are known to name a person."""
    if not text_columns:
        return []
    existing = {table: set(columns_of(reader, table)) for table in {identifier.table for identifier in known}}
    usable = [identifier for identifier in known if set(identifier.columns) <= existing[identifier.table]]
    plain = [_known_values(identifier) for identifier in usable if not identifier.hashed]
    hashes = [_known_hashes(identifier) for identifier in usable if identifier.hashed]
    published = _published(reader, mart, text_columns, hierarchies)
    found = _matches(reader, published, plain, "value <> 'unknown'", [_DISTINCTIVE])
    # Recomputing hashes of everybody is worth it only where something looks like one.
    looks_hashed = f"regexp_matches(value, '^({_HEX})$')"
    if hashes and reader.rows(f"with published as ({published}) select 1 from published where {looks_hashed} limit 1"):
        found += _matches(reader, published, hashes, looks_hashed, [])
    return found


def values_that_look_like(
    reader: Reader, mart: str, *, text_columns: Sequence[str], hierarchies: Mapping[str, str]
) -> list[tuple[str, str, int]]:
    """Return (published column, shape, values): how many published values look like an identifier."""
    if not text_columns:
        return []
    published = _published(reader, mart, text_columns, hierarchies)
    tests = [f"sum(case when regexp_matches(value, ?){_shape_exception(shape)} then 1 else 0 end)" for shape in _SHAPES]
    found = reader.rows(
        f"with published as ({published}) select published_column, {', '.join(tests)} from published"
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
    is_date = f"regexp_matches(value, '^({_CALENDAR})$')"
    return f" and not is_label and regexp_matches(value, '{_DIGIT}') and not {is_date}"


def _published(reader: Reader, mart: str, columns: Sequence[str], hierarchies: Mapping[str, str]) -> str:
    """Return the query of every distinct text a mart shows, and whether its column's hierarchy has it."""
    parts = []
    for column in columns:
        value = f"lower(trim(cast({quoted(column)} as varchar)))"
        labels = hierarchies.get(column)
        is_label = "false"
        if labels and column in columns_of(reader, labels):
            is_label = f"value in (select {value} from {restricted(labels)})"
        parts.append(
            f"select '{_literal(column)}' as published_column, value, coalesce({is_label}, false) as is_label"
            f" from (select distinct {value} as value from {candidate(mart)}"
            f" where {quoted(column)} is not null)"
        )
    return " union all ".join(parts)


def _literal(text: str) -> str:
    """Return the inside of a text literal."""
    return text.replace("'", "''")


def _known_values(identifier: KnownIdentifier) -> str:
    """Return the query of one identifier's values, as they would be compared."""
    value = " || ' ' || ".join(f"trim(cast({quoted(column)} as varchar))" for column in identifier.columns)
    issued = "true" if identifier.issued else "false"
    return (
        f"select lower(trim({value})) as value, '{identifier.name}' as identifier, {issued} as issued"
        f" from {restricted(identifier.table)}"
    )


def _known_hashes(identifier: KnownIdentifier) -> str:
    """Return the query of one identifier's hashes."""
    text = f"trim(cast({quoted(identifier.columns[0])} as varchar))"
    hashes = [(function, form) for function in ("md5", "sha1", "sha256") for form in (text, f"lower({text})")]
    return " union all ".join(
        f"select {function}({form}) as value, 'hashed {identifier.name}' as identifier, true as issued"
        f" from {restricted(identifier.table)}"
        for function, form in hashes
    )


def _matches(
    reader: Reader, published: str, known: Sequence[str], condition: str, parameters: Sequence[str]
) -> list[tuple[str, str, int]]:
    """Count the published values that are among the known ones."""
    if not known:
        return []
    typed = "not is_label and regexp_matches(published.value, ?)" if parameters else "false"
    found = reader.rows(
        f"with published as ({published}), shown as (select * from published where {condition}),"
        f" known as ({' union all '.join(known)})"
        " select published_column, identifier, count(distinct published.value)"
        " from shown as published join known on known.value = published.value"
        f" where issued or ({typed})"
        " group by published_column, identifier order by published_column, identifier",
        list(parameters),
    )
    return [(column, identifier, int(count)) for column, identifier, count in found]
