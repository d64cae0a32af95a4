"""Lines of a CSV file that need none of its quoting rules: Arrow splits thousands of them at once."""

import csv
from collections.abc import Callable

import pyarrow as pa
from pyarrow.csv import ConvertOptions, ParseOptions, ReadOptions, read_csv

_BLANK_LINES = frozenset({"\n", "\r\n", "\r"})


def plain_line(delimiter: str, width: int) -> Callable[[str], bool]:
    """Return the test for lines that are whole records by themselves, of the right width and free of quotes."""
    longest = csv.field_size_limit()
    if not delimiter.isascii() or delimiter in '\r\n"\0':
        return lambda line: False  # Arrow cannot split at it

    def is_plain(line: str) -> bool:
        return (
            line.count(delimiter) == width - 1
            and '"' not in line
            and len(line) <= longest
            and line not in _BLANK_LINES
            and is_clean(line)
        )

    return is_plain


def split(lines: list[str], delimiter: str, width: int) -> list[pa.ChunkedArray]:
    """Return the values of plain lines, column by column."""
    if not lines:
        return [pa.chunked_array([], pa.string()) for _ in range(width)]
    # Behind a line that is skipped: Arrow would take U+FEFF in the very first value for a byte order mark.
    content = "".join(["\n", *lines]).encode()
    names = [str(position) for position in range(width)]
    table = read_csv(
        pa.BufferReader(content),
        ReadOptions(use_threads=False, block_size=len(content) + 1, column_names=names, skip_rows=1),
        ParseOptions(delimiter=delimiter, quote_char=False, double_quote=False),
        ConvertOptions(check_utf8=False, column_types=dict.fromkeys(names, pa.string())),
    )
    columns: list[pa.ChunkedArray] = table.columns
    return columns


def is_clean(text: str) -> bool:
    """True where every byte was valid in the file's encoding."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
