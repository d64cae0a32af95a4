"""Judge a page: cast every mapped column, and say of each row which of its columns cannot be."""

from datetime import datetime

from trustmart.policy import Column, Table
from trustmart.sources.pages import LINE
from trustmart.warehouse import naive_utc

_SQL_TYPES = {
    "text": "varchar",
    "date": "date",
    "timestamp": "timestamp",
    "integer": "bigint",
    "decimal": "decimal(18, 4)",
    "boolean": "boolean",
}


def sql_type(column: Column) -> str:
    """Return the type a conformed column has."""
    return _SQL_TYPES[column.type]


def conformed(table: Table, columns: tuple[str, ...], *, as_of: datetime, made: tuple[str, ...] = ()) -> str:
    """Return a query over the registered text table `page`.

    columns: the source's own. made: columns of the page that we added and that pass as they are (`_x` becomes `x`).
    Columns out: `_line`; ours, typed; the source's unmapped ones as text; `_digest` (of the record as delivered);
    `_faults` (`reason:column` for each fault, with commas between; empty where the row is sound).
    """
    mapped = {name: column for name, column in table.columns.items() if column.source_name in columns}
    known = {column.source_name for column in mapped.values()}
    faults = [fault for name, column in mapped.items() for fault in _faults(name, column, as_of)]
    outputs = [f"{_value(column)} as {name}" for name, column in mapped.items()]
    outputs += [f"{_identifier(name)} as {_identifier(drifted(name))}" for name in columns if name not in known]
    outputs += [f"{name} as {name.removeprefix('_')}" for name in made]
    record = ", ".join(f"coalesce({_identifier(name)}, chr(30))" for name in sorted(columns))
    return (
        f"select {LINE}, {', '.join(outputs)}, md5(concat_ws(chr(31), {record})) as _digest,"
        f" concat_ws(',', {', '.join(faults)}) as _faults from page"
    )


def drifted(source_name: str) -> str:
    """Return the name under which an unmapped column is kept: recognisable, and never one of ours."""
    return f"unmapped_{source_name}"


def _value(column: Column) -> str:
    """Return the expression that reads a column; null where it cannot be read."""
    text = _identifier(column.source_name)
    given = f"nullif(trim({text}), '')"
    match column.type:
        case "text":
            return text
        case "timestamp":
            # An instant without an offset is UTC (the session's time zone).
            return f"timezone('UTC', try_cast({given} as timestamptz))"
        case "integer":
            # A cast alone would round 12.7 to 13.
            return f"case when regexp_full_match({given}, '[+-]?[0-9]+') then try_cast({given} as bigint) end"
        case "boolean":
            return (
                f"case when lower({given}) in ('yes', 'y', 'true', 't', '1') then true"
                f" when lower({given}) in ('no', 'n', 'false', 'f', '0') then false end"
            )
        case other:
            return f"try_cast({given} as {_SQL_TYPES[other]})"


def _faults(name: str, column: Column, as_of: datetime) -> list[str]:
    """Return expressions, each `reason:column` where the column is at fault and null where it is not."""
    text, value = _identifier(column.source_name), _value(column)
    given = f"nullif(trim({text}), '')"
    faults = []
    if column.required:
        faults.append(f"case when {given} is null then 'missing_value:{name}' end")
    reason = {
        "date": "impossible_date",
        "timestamp": "impossible_date",
        "integer": "not_a_number",
        "decimal": "not_a_number",
        "boolean": "not_yes_or_no",
    }.get(column.type)
    if reason:
        faults.append(f"case when {given} is not null and {value} is null then '{reason}:{name}' end")
    if column.not_before is not None:
        faults.append(f"case when {value} < date '{column.not_before}' then 'date_out_of_range:{name}' end")
    if column.not_after is not None:
        latest = naive_utc(as_of).date() if column.not_after == "as_of" else column.not_after
        faults.append(f"case when {value} > date '{latest}' then 'date_out_of_range:{name}' end")
    return faults


def _identifier(name: str) -> str:
    """Quote a source's column name."""
    return '"' + name.replace('"', '""') + '"'
