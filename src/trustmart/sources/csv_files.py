"""CSV files as the world writes them: torn quotes, wrong encodings and short rows cost one record, never the file."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pyarrow as pa

from trustmart.errors import SourceUnreadable
from trustmart.policy import Location
from trustmart.sources.pages import PAGE_ROWS, Page, Unreadable, as_text

# A value may hold newlines (RFC 4180), but a record of more lines than this is a quote that was never closed.
LONGEST_RECORD_LINES = 100


class _QuoteNeverClosed(Exception):
    """The record goes on and on: somewhere a quote was opened and not closed."""


class _Lines:
    """The file's lines, with the ones of the current record at hand so that reading can start again behind it."""

    def __init__(self, lines: Iterator[str], *, number: int) -> None:
        self._lines = lines
        self._again: list[str] = []
        self.current: list[str] = []
        self.number = number

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if len(self.current) >= LONGEST_RECORD_LINES:
            raise _QuoteNeverClosed
        line = self._again.pop() if self._again else next(self._lines)
        self.current.append(line)
        self.number += 1
        return line

    def next_record(self) -> None:
        """Forget the lines of the record that was read."""
        self.current.clear()

    def give_back_all_but_first(self) -> str:
        """Return the record's first line; the others will be read again."""
        first, *others = self.current
        self._again.extend(reversed(others))
        self.number -= len(others)
        self.current.clear()
        return first


def header(path: Path, location: Location) -> tuple[str, ...]:
    """Return the column names in the first line."""
    with _open(path, location) as file:
        try:
            names = next(csv.reader(file, delimiter=location.delimiter, strict=True), [])
        except csv.Error:
            names = []
    if not any(name.strip() for name in names):
        raise SourceUnreadable(f"{path.name} has no header line with the names of its columns")
    return tuple(name.strip() for name in names)


def pages(path: Path, location: Location, columns: tuple[str, ...]) -> Iterator[Page]:
    """Yield the file's records; what cannot be read comes along as Unreadable. Blank lines are not records."""
    records: list[list[str]] = []
    lines: list[int] = []
    unreadable: list[Unreadable] = []
    for line, record in _records(path, location):
        if isinstance(record, Unreadable):
            unreadable.append(record)
        elif len(record) == len(columns):
            records.append(record)
            lines.append(line)
        else:
            text = location.delimiter.join(record)
            unreadable.append(Unreadable(line=line, reason="wrong_number_of_columns", text=_printable(text)))
        if len(records) + len(unreadable) >= PAGE_ROWS:
            yield _page(columns, records, lines, unreadable)
            records, lines, unreadable = [], [], []
    if records or unreadable:
        yield _page(columns, records, lines, unreadable)


def _records(path: Path, location: Location) -> Iterator[tuple[int, list[str] | Unreadable]]:
    """Yield (line, record) behind the header: at full speed as far as the quoting is sound, with care from there on."""
    sound = 0
    with _open(path, location) as file:
        reader = csv.reader(file, delimiter=location.delimiter, strict=True)
        try:
            next(reader, None)
            sound = reader.line_num
            for record in reader:
                if record:
                    yield sound + 1, record
                sound = reader.line_num
            return
        except csv.Error:
            pass
    with _open(path, location) as file:
        for _ in zip(range(sound), file, strict=False):
            pass
        yield from _careful_records(_Lines(file, number=sound), location.delimiter)


def _careful_records(source: _Lines, delimiter: str) -> Iterator[tuple[int, list[str] | Unreadable]]:
    """Yield (line, record); after a broken record, begin again with the line behind its first one."""
    while True:
        reader = csv.reader(source, delimiter=delimiter, strict=True)
        line = source.number + 1
        try:
            for record in reader:
                if record:
                    yield line, record
                source.next_record()
                line = source.number + 1
            return
        except (csv.Error, _QuoteNeverClosed):
            text = source.give_back_all_but_first()
            yield line, Unreadable(line=line, reason="broken_quoting", text=_printable(text))


def _open(path: Path, location: Location) -> TextIO:
    """Open for reading; bytes that are not in the encoding survive as escapes, to be judged record by record."""
    return path.open(encoding=_encoding(location), errors="surrogateescape", newline="")


def _page(columns: tuple[str, ...], records: list[list[str]], lines: list[int], bad: list[Unreadable]) -> Page:
    """Turn records into text columns; records that are not in the file's encoding are unreadable."""
    try:
        arrays = _arrays(columns, records)
    except UnicodeEncodeError:
        readable = []
        for line, record in zip(lines, records, strict=True):
            text = ",".join(record)
            if text.isascii() or _is_clean(text):
                readable.append((line, record))
            else:
                bad = [*bad, Unreadable(line=line, reason="wrong_encoding", text=_printable(text))]
        lines = [line for line, _ in readable]
        arrays = _arrays(columns, [record for _, record in readable])
    return Page(records=as_text(columns, arrays, pa.array(lines, pa.int64())), unreadable=tuple(bad))


def _arrays(columns: tuple[str, ...], records: list[list[str]]) -> list[pa.Array]:
    """Turn rows into columns."""
    if not records:
        return [pa.array([], pa.string()) for _ in columns]
    return [pa.array(values, pa.string()) for values in zip(*records, strict=True)]


def _is_clean(text: str) -> bool:
    """True where every byte was valid in the file's encoding."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _printable(text: str) -> str:
    """Return the text with its invalid bytes written as escapes, so that it can be kept."""
    return text.rstrip("\r\n").encode(errors="backslashreplace").decode()


def _encoding(location: Location) -> str:
    """Read over a byte order mark, as spreadsheets write it."""
    return "utf-8-sig" if location.encoding.lower() in ("utf-8", "utf8") else location.encoding
