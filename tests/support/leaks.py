"""Search files and tables for anything that names a customer of a CRM: every value of everybody, in seconds.

All values are looked for at every byte (Rabin and Karp's idea: compare windows with the beginnings of all
patterns at once), whatever stands before or behind them and whatever the file is.
"""

import base64
import csv
import hashlib
import html
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote_to_bytes

import duckdb
import numpy as np

WINDOW = 7  # "c123456", the shortest value that says enough by itself wherever it stands
_CHUNK = 1 << 22
_HEX_BEHIND, _HEX_BEFORE = re.compile(rb"[0-9a-f]*"), re.compile(rb"[0-9a-f]*$")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{8,}")
_BETWEEN_WORDS = re.compile(r"(?:[^\w.]|_|\.(?!\d))+")  # a decimal stays one word
_ESCAPES = (
    (re.compile(r"\\u([0-9a-fA-F]{4})"), lambda found: chr(int(found[1], 16))),
    (re.compile(r'\\([nrt"/\\])'), lambda found: {"n": "\n", "r": "\r", "t": "\t"}.get(found[1], found[1])),
)


class PersonalValues:
    """Everything that names a customer of a CRM, by kind, in small letters."""

    def __init__(self, crm: Path, *, subject_ids: Iterable[str] = ()) -> None:
        """Collect the values of a folder of CSV files; subject_ids: our own names for the same people."""
        self.kinds: dict[str, set[str]] = defaultdict(set)
        for row in _rows(crm / "customers.csv"):
            self._add_customer(row)
        for row in _rows(crm / "transactions.csv"):
            self._add("memo", row["memo"])
        self.kinds["subject_id"] = set(subject_ids)
        self._finder: Finder | None = None

    def _add_customer(self, row: Mapping[str, str]) -> None:
        """Collect what one customer record tells."""
        number, email, phone = row["customer_id"], row["email"].strip(), row["phone"].strip()
        self._add("customer_id", number)
        self._add("street", row["street"])
        self._add("notes", row["notes"])
        for first, last in (("given_name", "surname"), ("surname", "given_name")):
            self._add("full name", f"{row[first].strip()} {row[last].strip()}")
            if len(row[first].strip() + row[last].strip()) >= 10:
                self._add("full name", row[first].strip() + row[last].strip())
        if "@" in email:
            self._add("email", email)
        digits = "".join(character for character in phone if character.isdigit())
        for form in (phone, digits, digits.removeprefix("00")):
            self._add("phone", form)
        for text in {number, email, email.lower()} - {""}:
            for function in (hashlib.sha256, hashlib.sha1, hashlib.md5):
                self.kinds["hash"].add(function(text.encode()).hexdigest())

    def _add(self, kind: str, text: str) -> None:
        """Collect a value, and its words alone; what is shorter than three characters names nobody."""
        forms = {text.strip().lower()}
        if kind in ("street", "notes", "memo", "full name", "phone"):
            forms.add(_words(text.lower()))
        self.kinds[kind] |= {form for form in forms if len(form) > 2}

    @property
    def finder(self) -> "Finder":
        """Return the finder of all values."""
        if self._finder is None:
            self._finder = Finder({value: kind for kind, values in self.kinds.items() for value in values})
        return self._finder

    def in_text(self, text: str) -> Counter[str]:
        """Count the values in a text, however it writes them: JSON, HTML, with line breaks, with blanks."""
        views = {text, html.unescape(text)}
        for view in tuple(views):
            for escape, meaning in _ESCAPES:
                view = escape.sub(meaning, view)
            views |= {view, _words(view)}
        found: Counter[str] = Counter()
        for view in views:
            found |= self.finder.find(view.lower().encode(errors="replace"))
        return found

    def in_file(self, path: Path) -> Counter[str]:
        """Count the values in a file: in its bytes, and in what they say as text."""
        content = path.read_bytes()
        found = self.finder.find(content.lower())
        if b"\x00" not in content:
            found |= self.in_text(content.decode(errors="replace"))
        for reading in decoded(content):
            # What is read out of noise is noise, in which short values turn up by chance.
            found |= self.finder.find(reading.lower(), shortest=WINDOW)
        return found

    def in_encrypted_file(self, path: Path) -> Counter[str]:
        """Count the values in the bytes of a file that should look like noise.

        Only values of ten bytes or more, in the letters they were given in: shorter ones turn up in noise by chance.
        """
        return self.finder.find(path.read_bytes(), shortest=10)

    def in_database(self, path: Path) -> Counter[str]:
        """Count the values in every column of every table and view of a DuckDB file."""
        found: Counter[str] = Counter()
        with duckdb.connect(str(path), read_only=True) as reader:
            for table, text in _database_texts(reader):
                found += Counter({f"{kind} in {table}": number for kind, number in self.in_text(text).items()})
        return found


def decoded(content: bytes) -> Iterator[bytes]:
    """Yield what bytes say to somebody who reads them as an address, as Base64, as UTF-16, or its escapes in JSON."""
    if b"%" in content:
        yield unquote_to_bytes(content).decode(errors="replace").lower().encode()
    yield b"\n".join(_from_base64(run) for run in _BASE64.findall(content))
    if b"\\u" in content:
        yield _ESCAPES[0][0].sub(_ESCAPES[0][1], content.decode(errors="replace")).lower().encode(errors="replace")
    if b"\x00" in content:
        for encoding in ("utf-16-le", "utf-16-be"):
            for start in (0, 1):
                yield content[start:].decode(encoding, errors="ignore").lower().encode(errors="replace")


def _from_base64(run: bytes) -> bytes:
    """Return what a run of letters says as Base64, of either alphabet, padded or not."""
    whole = run.translate(bytes.maketrans(b"-_", b"+/"))
    return base64.b64decode(whole[: len(whole) - (len(whole) % 4 == 1)] + b"=" * (-len(whole) % 4))


class Finder:
    """Finds any of many patterns at every byte of a text."""

    def __init__(self, patterns: Mapping[str, str]) -> None:
        """Sort the patterns by their first bytes; patterns: value -> what kind of value it is."""
        self._by_length: dict[int, dict[int, list[tuple[bytes, str]]]] = defaultdict(lambda: defaultdict(list))
        for value, kind in patterns.items():
            encoded = value.encode()
            length = min(len(encoded), WINDOW)
            self._by_length[length][int.from_bytes(encoded[:length], "little")].append((encoded, kind))
        self._beginnings = {
            length: (np.array(sorted(heads), dtype=np.uint64), _filter_of(heads))
            for length, heads in self._by_length.items()
        }

    def find(self, content: bytes, *, shortest: int = 0) -> Counter[str]:
        """Count the different values of each kind in bytes; shortest: leave out values with fewer bytes."""
        found: set[tuple[bytes, str]] = set()
        for length in self._by_length:
            for start in range(0, len(content), _CHUNK):
                piece = content[start : start + _CHUNK + length - 1]
                for position in self._candidates(piece, length):
                    found |= self._at(content, start + int(position), length, shortest)
        return Counter(kind for _, kind in found)

    def _candidates(self, piece: bytes, length: int) -> np.ndarray:
        """Return where a pattern may begin."""
        if len(piece) < length:
            return np.empty(0, dtype=np.int64)
        data = np.frombuffer(piece, dtype=np.uint8)
        windows = np.zeros(len(data) - length + 1, dtype=np.uint64)
        for offset in range(length):
            windows |= data[offset : offset + len(windows)].astype(np.uint64) << np.uint64(8 * offset)
        heads, is_likely = self._beginnings[length]
        likely = np.flatnonzero(is_likely[_slots(windows)])
        places = np.minimum(np.searchsorted(heads, windows[likely]), len(heads) - 1)
        return likely[heads[places] == windows[likely]]

    def _at(self, content: bytes, position: int, length: int, shortest: int) -> set[tuple[bytes, str]]:
        """Return the patterns that stand at a position."""
        head = int.from_bytes(content[position : position + length], "little")
        return {
            (value, kind)
            for value, kind in self._by_length[length][head]
            if len(value) >= shortest
            and content.startswith(value, position)
            and _stands_alone(content, position, value, kind)
        }


def _stands_alone(content: bytes, position: int, value: bytes, kind: str) -> bool:
    """True unless a number is the middle of a longer one, or a short word the middle of another."""
    before, behind = (
        content[position - 1 : position],
        content[position + len(value) : position + len(value) + 1],
    )
    if kind == "phone" and value.isdigit():
        return not (before.isdigit() or before == b"." or behind.isdigit())
    if kind == "customer_id":
        around = (
            _HEX_BEHIND.match(content, position)[0] + _HEX_BEFORE.search(content[max(0, position - 64) : position])[0]
        )
        return not behind.isdigit() and len(around) < 16  # a digest holds such a thing now and then
    return len(value) >= WINDOW or not (before.isalnum() or behind.isalnum())


def _words(text: str) -> str:
    """Return the words of a text with one blank between them, whatever stood there."""
    return _BETWEEN_WORDS.sub(" ", text).strip()


def _filter_of(heads: Iterable[int]) -> np.ndarray:
    """Return a table of bits that says no for nearly every window that begins no pattern."""
    table = np.zeros(1 << 24, dtype=bool)
    table[_slots(np.array(list(heads), dtype=np.uint64))] = True
    return table


def _slots(windows: np.ndarray) -> np.ndarray:
    """Spread windows over the table (Fibonacci hashing)."""
    return (windows * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(40)


def _rows(path: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of a CSV file; what is missing in a short one is empty."""
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, restval=""):
            yield {name: value for name, value in row.items() if name is not None}


def _database_texts(reader: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, str]]:
    """Yield each table's and view's name with all its values, and the catalogue with its own words."""
    relations = reader.execute(
        "select schema_name || '.' || table_name, 'table' from duckdb_tables() where not internal"
        " union all select schema_name || '.' || view_name, 'view' from duckdb_views() where not internal order by all"
    ).fetchall()
    for relation, _ in relations:
        schema, name = relation.split(".", 1)
        rows = reader.execute(f'from "{schema}"."{name}"').fetchall()
        yield relation, "\n".join("\t".join(map(str, row)) for row in rows)
    catalogue = reader.execute(
        "select sql from duckdb_tables() union all select sql from duckdb_views() where not internal"
        " union all select comment from duckdb_columns() where comment is not null"
    ).fetchall()
    yield "the catalogue", "\n".join(str(text) for (text,) in catalogue)


def files_below(*folders: Path, without: Iterable[Path] = ()) -> list[Path]:
    """Return every file below folders, less the ones (or whole folders) that are left out."""
    left_out = tuple(without)
    return sorted(
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and not any(path == other or other in path.parents for other in left_out)
    )


def leaks_in(values: PersonalValues, paths: Iterable[Path], root: Path) -> dict[str, dict[str, int]]:
    """Return what each file gives away: the file's name and counts, never a value."""
    found = {str(path.relative_to(root)): dict(values.in_file(path)) for path in paths}
    return {path: kinds for path, kinds in found.items() if kinds}


def secrets_in(secrets: Mapping[str, str], paths: Iterable[Path], root: Path) -> dict[str, list[str]]:
    """Return which secrets (name -> hex key) stand in which files, as text or as bytes."""
    forms = {name: (text.encode(), text.upper().encode(), bytes.fromhex(text)) for name, text in secrets.items()}
    found = defaultdict(list)
    for path in paths:
        content = path.read_bytes()
        for name, written in forms.items():
            if any(form in content for form in written):
                found[str(path.relative_to(root))].append(name)
    return dict(found)
