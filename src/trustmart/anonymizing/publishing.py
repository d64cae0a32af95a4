"""Verify and apply a recoding: one statement that generalizes, suppresses what is still rare, and writes."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from trustmart.anonymity.closeness import Path as Way
from trustmart.anonymity.diversity import TOLERANCE
from trustmart.anonymity.encoding import lay_out
from trustmart.anonymity.models import (
    DistinctDiversity,
    EntropyDiversity,
    Model,
    RecursiveDiversity,
    Requirements,
    TCloseness,
)
from trustmart.anonymity.recoding import Recoding
from trustmart.anonymity.search import SensitiveColumn
from trustmart.anonymizing.class_sql import diversity, hierarchical_t, ordered_t
from trustmart.anonymizing.encoding_sql import Encoding, Profile
from trustmart.anonymizing.files import TableFile
from trustmart.anonymizing.words import kept, listed, quoted
from trustmart.errors import AccountingMismatch
from trustmart.warehouse import Session


def publish(
    session: Session,
    table: TableFile,
    recoding: Recoding,
    requirements: Requirements,
    references: Mapping[str, SensitiveColumn],
    *,
    columns: Sequence[str],
    output: Path,
    profiled: Profile,
) -> int:
    """Write what may be published of a table as Parquet; return how many records that is.

    references: per sensitive column the values and their shares that closeness is measured against.
    columns: what is published as it is, beside the generalized quasi-identifiers. profiled: of this very table.
    The file appears whole or not at all.
    """
    layout = lay_out(recoding.hierarchies, floor=recoding.levels)
    encoding = Encoding(table, layout, profiled, recoding.levels)
    with encoding.codes(session), _references(session, requirements, references):
        return write_whole(session, published_rows(encoding, requirements, columns), output)


def write_whole(session: Session, statement: str, output: Path, *, records: int | None = None) -> int:
    """Write what a statement yields as Parquet, whole or not at all; return how many rows that is.

    records: how many there must be, where that is known. Raises AccountingMismatch before the file appears.
    """
    beside = output.with_name(f".{output.name}.writing")
    try:
        written = session.write_parquet(statement, beside)
        if records is not None and written != records:
            raise AccountingMismatch(f"{records:,} records were to be published, {written:,} were written")
        os.replace(beside, output)
    finally:
        beside.unlink(missing_ok=True)
    return written


def publish_into(
    session: Session,
    target: str,
    table: TableFile,
    recoding: Recoding,
    requirements: Requirements,
    references: Mapping[str, SensitiveColumn],
    *,
    columns: Sequence[str],
    profiled: Profile,
) -> int:
    """Write what may be published into a passing table of the engine; return how many records that is."""
    encoding = Encoding(table, lay_out(recoding.hierarchies, floor=recoding.levels), profiled, recoding.levels)
    with encoding.codes(session), _references(session, requirements, references):
        session.keep(target, published_rows(encoding, requirements, columns))
    return int(session.value(f"select count(*) from {target}"))


def keep_safe_classes(
    session: Session,
    rows: str,
    requirements: Requirements,
    references: Mapping[str, SensitiveColumn],
    *,
    of: str | None = None,
) -> None:
    """Keep as `rows` those whose class (column class_id) satisfies every model. of: where they are, if elsewhere."""
    source = of or rows
    with _references(session, requirements, references):
        codes, joins = _value_codes(requirements)
        safe, steps = _safe_classes(["class_id"], requirements)
        encoded = f"encoded as (select {listed(['class_id', *codes])} from {source} as source{joins})"
        session.keep(
            rows,
            f"with {listed([encoded, *steps])}, safe as ({safe})"
            f" select * from {source} where class_id in (select class_id from safe)",
        )


def published_rows(encoding: Encoding, requirements: Requirements, columns: Sequence[str]) -> str:
    """Return the statement that yields what may be published.

    Rows are encoded once. Labels are found per class, of which there are few, and not per row.
    Rows whose value has no label (outside, and no fallback) have no key, so they are in no class and stay back.
    """
    keys, names = encoding.key_names, [hierarchy.name for hierarchy in encoding.layout.hierarchies]
    encoded = [f"{expression} as {key}" for expression, key in zip(encoding.keys(), keys, strict=True)]
    plain = [f"source.{quoted(column)} as plain_{place}" for place, column in enumerate(columns)]
    codes, joins = _value_codes(requirements)
    labels = [f"{label} as label_{place}" for place, label in enumerate(encoding.labels())]
    same = " and ".join(f"named.{key} = encoded.{key}" for key in keys)
    chosen = [f"named.label_{place} as {quoted(name)}" for place, name in enumerate(names)]
    chosen += [f"encoded.plain_{place} as {quoted(column)}" for place, column in enumerate(columns)]
    rows = f"select {listed(encoded + plain + codes)} from {encoding.joined()}{joins}"
    safe, steps = _safe_classes(keys, requirements)
    statements = [
        f"encoded as {kept(rows, encoding.table.dialect)}",
        *steps,
        f"safe as ({safe})",
        f"named as (select {listed([f'safe.{key}' for key in keys] + labels)} from {encoding.labelled('safe')})",
    ]
    return f"with {', '.join(statements)} select {listed(chosen)} from encoded join named on {same}"


def _value_codes(requirements: Requirements) -> tuple[list[str], str]:
    """Return the codes of a row's sensitive values, code_0, code_1 …, and the joins that find them."""
    codes = [f"coalesce(values_{place}.code, 0) as code_{place}" for place in range(len(requirements.sensitive))]
    joins = "".join(
        f" left join values_{place} on values_{place}.value = source.{quoted(column)}"
        for place, column in enumerate(requirements.sensitive)
    )
    return codes, joins


def _safe_classes(keys: Sequence[str], requirements: Requirements) -> tuple[str, list[str]]:
    """Return what yields the keys of the classes that satisfy every model, and the expressions it needs beforehand."""
    key = listed(keys)
    if not requirements.sensitive:
        return f"select {key} from encoded group by {key} having count(*) >= {requirements.k}", []
    statements, passed = [], []
    for place, models in enumerate(requirements.sensitive.values()):
        counted, shares = f"counted_{place}", f"values_{place}"
        statements.append(
            f"{counted} as (select {key}, code_{place} as code, count(*) as people from encoded"
            f" where {keys[0]} is not null group by {key}, code_{place})"
        )
        ls = sorted({model.l for model in models if isinstance(model, RecursiveDiversity)})
        statements += diversity(f"judged_{place}", counted, shares, keys, ls)
        conditions = [f"size >= {requirements.k}"]
        for number, model in enumerate(models):
            held, more = _condition(f"distance_{place}_{number}", model, counted, shares, keys)
            conditions.append(held)
            statements += more
        passed.append(f"select {key} from judged_{place} as judged where {' and '.join(conditions)}")
    return " intersect ".join(passed), statements


def _condition(name: str, model: Model, counted: str, shares: str, keys: Sequence[str]) -> tuple[str, list[str]]:
    """Return what a class must satisfy for a model, and the expressions it needs beforehand."""
    if isinstance(model, DistinctDiversity):
        return f"distinct_values >= {model.l}", []
    if isinstance(model, EntropyDiversity):
        return f"entropy >= {model.l - TOLERANCE!r}", []
    if isinstance(model, RecursiveDiversity):
        return f"coalesce(ratio_{model.l} < {model.c!r}, false)", []
    if model.distance == "equal":
        return f"t <= {model.t + TOLERANCE!r}", []
    if model.distance == "ordered":
        found = ordered_t(name, counted, shares, keys, len(model.order))
    else:
        found = hierarchical_t(name, counted, shares, keys, len(next(iter(model.paths.values()))))
    same = " and ".join(f"distance.{key} = judged.{key}" for key in keys)
    return f"(select max(t) from {name} as distance where {same}) <= {model.t + TOLERANCE!r}", found


@contextmanager
def _references(
    session: Session, requirements: Requirements, references: Mapping[str, SensitiveColumn]
) -> Iterator[None]:
    """Let statements join sensitive values with their code, share, place and ancestors, as values_0, values_1 …"""
    for place, (column, models) in enumerate(requirements.sensitive.items()):
        session.register(f"values_{place}", _reference(references[column], models))
    yield
    for place in range(len(requirements.sensitive)):
        session.unregister(f"values_{place}")


def _reference(column: SensitiveColumn, models: Sequence[Model]) -> pa.Table:
    """Return a sensitive column's values as a table.

    Code 0 is for null, and for values that the reference has never seen: those are as far from it as can be.
    """
    known = [value for value in column.values if value is not None]
    shares = dict(zip(column.values, column.shares.tolist(), strict=True))
    content: dict[str, list[Any]] = {
        "value": [None, *known],
        "code": list(range(len(known) + 1)),
        "share": [shares.get(value, 0.0) for value in [None, *known]],
    }
    for model in models:
        if isinstance(model, TCloseness) and model.order:
            _add_places(content, model.order)
        if isinstance(model, TCloseness) and model.paths:
            _add_nodes(content, model.paths)
    return pa.table(content)


def _add_places(content: dict[str, list[Any]], order: Sequence[Any]) -> None:
    """Add each value's place in the order, and the values that the order knows but the reference has not."""
    rank = {value: place for place, value in enumerate(order)}
    content["place"] = [rank.get(value, -1) for value in content["value"]]
    for value in set(order) - set(content["value"]):
        content["value"].append(value)
        content["code"].append(len(content["code"]))
        content["share"].append(0.0)
        content["place"].append(rank[value])


def _add_nodes(content: dict[str, list[Any]], paths: Mapping[Any, Way]) -> None:
    """Add each value's ancestors. A node is told from others of its label by the way that leads to it from the root."""
    root = next(iter(paths.values()))
    unseen = (*("never seen",) * (len(root) - 1), root[-1])
    for level in range(len(root)):
        found = [paths.get(value, unseen)[level:] for value in content["value"]]
        content[f"node_{level + 1}"] = ["/".join(map(str, way)) for way in found]
