"""What an anonymized mart must prove, one function each: SQL in the warehouse, findings out.

Great Expectations asks these functions through its own connection (expectations.py); where it says no, the
gate asks once more through the warehouse's session, to say why. Arguments are what a suite can keep.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from trustmart.gates.identifiers import (
    look_up_together,
    published_texts,
    telling_names,
    values_that_look_like,
    values_that_match,
)
from trustmart.gates.known_texts import KnownIdentifier
from trustmart.gates.measures_sql import (
    SUPPRESSION_TABLE,
    Reader,
    candidate,
    candidate_columns,
    columns_of,
    measure_mart,
    people_published,
    quoted,
    restricted,
    suppression_of,
)
from trustmart.gates.report import Finding

Check = Callable[..., list[Finding]]

# Every mart may say so where it does not know (policy: contract with the hierarchies' seeds).
UNKNOWN_LABEL = "unknown"

_SIGNED = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "INT", "LONG"})
_INTEGERS = _SIGNED | {f"U{name}" for name in _SIGNED}
_NUMBERS = _INTEGERS | {"FLOAT", "DOUBLE", "REAL", "DECIMAL"}
_CALENDAR = frozenset({"DATE", "TIME", "TIMESTAMP"})
_TEXTS = frozenset({"VARCHAR", "ENUM", "STRING", "CHAR", "TEXT"})


def k_anonymity(
    reader: Reader, *, mart: str, columns: Sequence[str], class_size: str | None, minimum_class_size: int
) -> list[Finding]:
    """Nobody may stand out: every combination of published labels is shared by enough people."""
    present = candidate_columns(reader, mart)
    if missing := [column for column in (*columns, class_size) if column and column not in present]:
        return [_unmeasurable(missing)]
    if class_size and _kind(present[class_size]) not in _INTEGERS:
        return [_not_counted(class_size, present[class_size])]
    measured = measure_mart(reader, mart, columns=columns, class_size=class_size, minimum=minimum_class_size)
    if not measured.rows:
        return [Finding(what="it has no rows", count=0, next_step="look why the mart's model returns nothing")]
    found = []
    if below := measured.classes_below:
        found.append(
            Finding(
                what=(
                    f"{_classes(below)} of {measured.classes} {_has(below)} fewer than {minimum_class_size}"
                    f" people (the smallest has {measured.smallest_class},"
                    f" policy asks for {minimum_class_size})"
                ),
                count=below,
                next_step=(
                    f"coarsen a quasi-identifier ({', '.join(columns)}), or suppress the rare classes at the door"
                ),
            )
        )
    if repeated := measured.classes_in_several_rows:
        found.append(
            Finding(
                what=f"{_classes(repeated)} {_has(repeated)} more than one row",
                count=repeated,
                next_step=f"group the mart's model by {', '.join(columns)} and nothing else",
            )
        )
    return found


def listed_columns(reader: Reader, *, mart: str, columns: Sequence[str], figures: Sequence[str]) -> list[Finding]:
    """Unknown is restricted: the mart has the columns that policy lists, and its figures are figures."""
    present = candidate_columns(reader, mart)
    found = []
    if extra := [column for column in present if column not in columns]:
        found.append(
            Finding(
                what=f"{_many(len(extra), 'column')} that policy does not list: {', '.join(extra)}",
                count=len(extra),
                next_step="drop it from the model, or have policy/releases.yml list it",
            )
        )
    if missing := [column for column in columns if column not in present]:
        found.append(
            Finding(
                what=f"{_many(len(missing), 'listed column')} missing: {', '.join(missing)}",
                count=len(missing),
                next_step="add it to the model, or take it out of policy/releases.yml",
            )
        )
    allowed = _NUMBERS | _CALENDAR | {"BOOLEAN"}
    if texts := [name for name in figures if name in present and _kind(present[name]) not in allowed]:
        found.append(
            Finding(
                what=f"{_many(len(texts), 'figure')} with a type that can hold text: {', '.join(texts)}",
                count=len(texts),
                next_step="publish a number, or list the column among the quasi-identifiers",
            )
        )
    # A copy keeps the whole list of such a type, also what no row shows.
    if enums := [name for name in columns if name in present and _kind(present[name]) == "ENUM"]:
        found.append(
            Finding(
                what=f"{_many(len(enums), 'column')} with a type that lists values of its own: {', '.join(enums)}",
                count=len(enums),
                next_step="cast it to varchar",
            )
        )
    return found


def no_direct_identifiers(
    reader: Reader,
    *,
    mart: str,
    identifiers: Sequence[str],
    known_in: Sequence[Sequence[Any]],
    hierarchies: Mapping[str, str],
) -> list[Finding]:
    """Hashing is not anonymization: no column holds an identifier, as it is, hashed or renamed."""
    present = candidate_columns(reader, mart)
    texts = _texts(present)
    opaque = [n for n, t in present.items() if _kind(t) not in _TEXTS | _NUMBERS | _CALENDAR | {"BOOLEAN"}]
    known = [KnownIdentifier.of(*place) for place in known_in]
    raw_tables = {identifier.table for identifier in known}
    found = [_telling_name(column) for column in telling_names(present, identifiers)]
    found += [_opaque(column, present[column]) for column in opaque]
    if raw_tables and not any(columns_of(reader, table) for table in raw_tables):
        found.append(_nothing_to_compare(len(raw_tables)))
    with published_texts(reader, mart, texts, hierarchies) as published:
        matching = values_that_match(reader, published, known=known)
        looking = values_that_look_like(reader, published)
    found += [
        _leak(column, f"{_many(count, 'value')} of {column} {_is(count)} a known {name}", count)
        for column, name, count in matching
    ]
    found += [
        _leak(column, f"{_many(count, 'value')} of {column} {_looks(count)} like {shape}", count)
        for column, shape, count in looking
    ]
    return found


def look_up_texts(reader: Reader, asked: Sequence[Mapping[str, Any]]) -> None:
    """Compare the texts of several marts with everybody's identifiers in one pass; the check itself then remembers.

    asked: the arguments of `no_direct_identifiers` for each mart. Whatever cannot be looked up here is the check's own.
    """
    for known_in in {str(one["known_in"]): one["known_in"] for one in asked}.values():
        marts = {
            one["mart"]: (_texts(candidate_columns(reader, one["mart"])), one["hierarchies"])
            for one in asked
            if one["known_in"] == known_in
        }
        look_up_together(reader, marts, [KnownIdentifier.of(*place) for place in known_in])


def _texts(present: Mapping[str, str]) -> list[str]:
    """Return the columns that hold text."""
    return [name for name, data_type in present.items() if _kind(data_type) in _TEXTS]


def labels_of_hierarchy(
    reader: Reader, *, mart: str, column: str, hierarchy: str, totals: bool = False, level: str = ""
) -> list[Finding]:
    """A column shows the labels of its hierarchy and nothing finer; `*` where the mart publishes totals.

    level: the column of the seed whose labels these are; the one of the same name unless given.
    """
    level = level or column
    if column not in candidate_columns(reader, mart):
        return [_unmeasurable([column])]
    if level not in columns_of(reader, hierarchy):
        return [
            Finding(
                what=f"{column} cannot be compared with its hierarchy: no {hierarchy} with a column {level}",
                count=1,
                next_step=f"add the hierarchy {hierarchy} to dbt_project/seeds/hierarchies",
            )
        ]
    total = " union select '*'" if totals else ""
    ((nulls, outside),) = reader.rows(
        f"with labels as (select cast({quoted(level)} as varchar) as label from {restricted(hierarchy)}"
        f" where {quoted(level)} is not null union select '{UNKNOWN_LABEL}'{total}),"
        f" shown as (select distinct cast({quoted(column)} as varchar) as label from {candidate(mart)})"
        " select sum(case when shown.label is null then 1 else 0 end),"
        " sum(case when shown.label is not null and labels.label is null then 1 else 0 end)"
        " from shown left join labels on labels.label = shown.label"
    )
    found = []
    if outside:
        found.append(
            Finding(
                what=f"{_many(outside, 'label')} of {column} {_is(outside)} not in the hierarchy {hierarchy}",
                count=int(outside),
                next_step=f"map it in {hierarchy}.csv, or let the model say '{UNKNOWN_LABEL}'",
            )
        )
    if nulls:
        found.append(
            Finding(
                what=f"{column} has nulls",
                count=int(nulls),
                next_step=f"let the model say '{UNKNOWN_LABEL}' where it does not know",
            )
        )
    return found


def suppression(reader: Reader, *, mart: str, class_size: str | None, maximum_suppressed: float) -> list[Finding]:
    """A mart that leaves too many people out says too little to stand for everybody."""
    stated = suppression_of(reader, mart)
    share = suppressed_share_of(reader, mart, class_size=class_size)
    if stated is None or share is None:
        what = f"no {SUPPRESSION_TABLE}" if stated is None else f"{len(stated)} usable rows in {SUPPRESSION_TABLE}"
        return [
            Finding(
                what=f"nobody knows how many people were left out ({what}, one is needed)",
                count=len(stated or []),
                next_step=f"build {SUPPRESSION_TABLE} with one row for every anonymized mart",
            )
        ]
    if share <= maximum_suppressed:
        return []
    return [
        Finding(
            what=f"{share:.1%} of the people were suppressed, policy allows {maximum_suppressed:.1%}",
            count=stated[0].people_suppressed,
            next_step="coarsen a quasi-identifier, so that fewer classes are rare",
        )
    ]


def suppressed_share_of(reader: Reader, mart: str, *, class_size: str | None) -> float | None:
    """Return the share of people left out; None where it is not known.

    The pipeline's own count is believed only as far as the published rows bear it out: whoever is neither
    published nor counted as suppressed was left out all the same.
    """
    stated = suppression_of(reader, mart)
    present = candidate_columns(reader, mart)
    if stated is None or len(stated) != 1:
        return None
    if class_size and _kind(present.get(class_size, "")) not in _INTEGERS:
        return None
    total, kept = stated[0].people_total, stated[0].people_suppressed
    if total <= 0 or not 0 <= kept <= total:
        return None
    return max(kept, total - people_published(reader, mart, class_size)) / total


CHECKS: Mapping[str, Check] = {
    check.__name__: check
    for check in (k_anonymity, listed_columns, no_direct_identifiers, labels_of_hierarchy, suppression)
}


def _kind(data_type: str) -> str:
    """Return a type's plain name: DECIMAL(18,2) is a DECIMAL, VARCHAR[] is none of ours."""
    if data_type.endswith("]"):
        return data_type
    return data_type.partition("(")[0].partition(" ")[0].partition("_")[0]


def _telling_name(column: str) -> Finding:
    """Say that a column is called like an identifier."""
    return Finding(
        what=f"the column {column} is called like a direct identifier",
        count=1,
        next_step=f"drop {column} from the model; if it holds no identifier, rename it",
    )


def _opaque(column: str, data_type: str) -> Finding:
    """Say that a column cannot be looked into."""
    return Finding(
        what=f"the column {column} has a type that may hide values ({_kind(data_type)[:20]})",
        count=1,
        next_step=f"publish {column} as text, number, date or truth value",
    )


def _leak(column: str, what: str, count: int) -> Finding:
    """Say that a column shows identifiers."""
    return Finding(what=what, count=count, next_step=f"drop or generalize {column}: a hash is no anonymization either")


def _unmeasurable(missing: Sequence[str]) -> Finding:
    """Say that there is nothing to measure."""
    return Finding(
        what=f"it cannot be measured without {', '.join(missing)}",
        count=len(missing),
        next_step="add the missing column to the model",
    )


def _not_counted(class_size: str, data_type: str) -> Finding:
    """Say that the class size is no whole number (a NaN is larger than any minimum)."""
    return Finding(
        what=f"{class_size} must be a whole number of people, and is {_kind(data_type)[:20]}",
        count=1,
        next_step=f"cast {class_size} to bigint in the model",
    )


def _nothing_to_compare(tables: int) -> Finding:
    """Say that identifiers are not known, so nothing can be compared with them."""
    return Finding(
        what=f"none of the {tables} raw tables that know direct identifiers exists",
        count=tables,
        next_step="ingest the CRM first: trustmart ingest",
    )


def _many(count: int, one: str, more: str | None = None) -> str:
    """Return a number with its noun."""
    return f"{count} {one if count == 1 else more or f'{one}s'}"


def _classes(count: int) -> str:
    """Return a number of equivalence classes."""
    return _many(count, "equivalence class", "equivalence classes")


def _has(count: int) -> str:
    return "has" if count == 1 else "have"


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def _looks(count: int) -> str:
    return "looks" if count == 1 else "look"
