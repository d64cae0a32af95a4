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

# What a day and an instant look like. A cast alone would take `infinity`, `epoch`, years BC and `2026-01-05xyz`.
_DATE = "[1-9][0-9]{3}[-/][0-9]{1,2}[-/][0-9]{1,2}"
_OFFSET = "[+-](0?[0-9]|1[0-4])(:?[0-5][0-9]){0,2}"
# No named zone but UTC: DuckDB 1.5 reads the rows behind `… Europe/Oslo` that have no offset as Oslo's time, too.
_TIME = f"[T ][0-9:.]+( ?(Z|UTC|GMT)| ?{_OFFSET})?"
_INSTANT = f"{_DATE}({_TIME})?"

# What Python's str.strip() takes away, by which customer numbers are compared.
_BLANKS = " || ".join(f"chr({ord(blank)})" for blank in map(chr, range(0x3001)) if blank.isspace())


def sql_type(column: Column) -> str:
    """Return the type a conformed column has."""
    return _SQL_TYPES[column.type]


def conformed(table: Table, columns: tuple[str, ...], *, as_of: datetime, made: tuple[str, ...] = ()) -> str:
    """Return a query over the registered text table `page`.

    columns: the source's own. made: columns of the page that we added and that pass as they are (`_x` becomes `x`).
    Columns out: `_line`; ours, typed; the source's unmapped ones as text; `_digest` (of the record as delivered);
    `_faults` (`reason:column` for each fault, with commas between; empty where the row is sound).
    """
    texts = {name: f"text_{position}" for position, name in enumerate(columns)}
    mapped = {name: column for name, column in table.columns.items() if column.source_name in columns}
    known = {column.source_name for column in mapped.values()}
    # Every value is read once, in the inner query, under a name that no source can have: the outer one judges it.
    read = [LINE, *made, *(f"{quoted(name)} as {text}" for name, text in texts.items())]
    read += [f"{_value(column, quoted(column.source_name))} as value_of_{name}" for name, column in mapped.items()]
    outputs = [f"value_of_{name} as {quoted(name)}" for name in mapped]
    outputs += [f"{text} as {quoted(drifted(name))}" for name, text in texts.items() if name not in known]
    outputs += [f"{name} as {name.removeprefix('_')}" for name in made]
    faults = []
    for name, column in mapped.items():
        faults += _faults(name, column, texts[column.source_name], as_of, is_subject=name == table.subject)
    # As JSON, because whatever character stood between the values could stand in them too.
    record = ", ".join(texts[name] for name in sorted(columns))
    return (
        f"select {LINE}, {', '.join(outputs)}, md5(to_json([{record}])) as _digest,"
        f" concat_ws(',', {', '.join(faults)}) as _faults from (select {', '.join(read)} from page)"
    )


def drifted(source_name: str) -> str:
    """Return the name under which an unmapped column is kept: recognisable, and never one of ours."""
    return f"unmapped_{source_name}"


def quoted(name: str) -> str:
    """Quote a column's name for SQL, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def _value(column: Column, text: str) -> str:
    """Return the expression that reads a column, with blanks around it or not; null where it cannot be read."""
    match column.type:
        case "text":
            return f"nullif({text}, '')"
        case "date":
            return f"case when regexp_full_match({text}, ' *{_INSTANT} *') then try_cast({text} as date) end"
        case "timestamp":
            # An instant without an offset is UTC (the session's time zone). Few have blanks around them.
            return (
                f"case when regexp_full_match({text}, '{_INSTANT}') then {_instant(text)}"
                f" when regexp_full_match({text}, ' *{_INSTANT} *') then {_instant(f'trim({text})')} end"
            )
        case "integer":
            # A cast alone would round 12.7 to 13.
            return f"case when regexp_full_match({text}, ' *[+-]?[0-9]+ *') then try_cast({text} as bigint) end"
        case "boolean":
            given = f"lower(trim({text}))"
            return (
                f"case when {given} in ('yes', 'y', 'true', 't', '1') then true"
                f" when {given} in ('no', 'n', 'false', 'f', '0') then false end"
            )
        case other:
            return f"try_cast({text} as {_SQL_TYPES[other]})"


def _instant(text: str) -> str:
    """Return the expression that reads an instant, as UTC without saying so."""
    return f"timezone('UTC', try_cast({text} as timestamptz))"


def _faults(name: str, column: Column, text: str, as_of: datetime, *, is_subject: bool) -> list[str]:
    """Return expressions, each `reason:column` where the column is at fault and null where it is not."""
    value = f"value_of_{name}"
    faults = []
    if column.required:
        is_blank = f"({text} < '!' and trim({text}) = '')"  # the comparison spares most rows the trimming
        if is_subject:
            # Somebody whose number is made of blanks, of whatever kind, is nobody.
            is_blank = f"(({text} < '!' or {text} > '~') and trim({text}, {_BLANKS}) = '')"
        faults.append(f"case when {text} is null or {is_blank} then 'missing_value:{name}' end")
    reason = {
        "date": "impossible_date",
        "timestamp": "impossible_date",
        "integer": "not_a_number",
        "decimal": "not_a_number",
        "boolean": "not_yes_or_no",
    }.get(column.type)
    if reason:
        faults.append(f"case when {value} is null and trim({text}) <> '' then '{reason}:{name}' end")
    day = value if column.type == "date" else f"cast({value} as date)"
    if column.not_before is not None:
        faults.append(f"case when {day} < date '{column.not_before}' then 'date_out_of_range:{name}' end")
    if column.not_after is not None:
        latest = naive_utc(as_of).date() if column.not_after == "as_of" else column.not_after
        faults.append(f"case when {day} > date '{latest}' then 'date_out_of_range:{name}' end")
    return faults
