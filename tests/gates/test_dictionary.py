"""Whatever way a known value is written in, the dictionary finds it; made from its looks, it makes no more than needed."""

import base64
import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import pytest

from trustmart.gates.attacks.dictionary import rehashed

KNOWN = ["AT61 1904 3002 3457", "Gasse 7, Graz", "+43 660 1234567", "Ada7@Example.org"]
FORMS: dict[str, Callable[[str], str]] = {
    "as it stands": str,
    "in small letters": str.lower,
    "in capitals": str.upper,
    "its digits": lambda text: "".join(filter(str.isdigit, text)),
}
DIGESTS = [hashlib.md5, hashlib.sha1, hashlib.sha256, hashlib.sha512]
WRITINGS: dict[str, Callable[[bytes], str]] = {
    "hexadecimal": bytes.hex,
    "capital hexadecimal": lambda one: one.hex().upper(),
    "Base64": lambda one: base64.b64encode(one).decode(),
    "bare Base64": lambda one: base64.b64encode(one).decode().rstrip("="),
}


def ways(text: str) -> Iterator[tuple[str, str]]:
    """Yield every way in which somebody may have written a value, with its name, but what the plain check knows."""
    for form, made in FORMS.items():
        value = made(text)
        if len(value) < 6:
            continue
        yield f"{form}, reversed", value[::-1]
        for writing in ("Base64", "bare Base64", "hexadecimal"):
            yield f"{form}, {writing}", WRITINGS[writing](value.encode())
        for digest in DIGESTS:
            for writing, written in WRITINGS.items():
                for salted in (value, f"pepper{value}", f"{value}pepper")[: 3 if value == text else 1]:
                    hashed = digest(salted.encode())
                    is_plain = "exa" in writing and salted in (text, text.lower()) and hashed.name != "sha512"
                    if not is_plain:
                        yield f"{form}, {hashed.name}, {writing}", written(hashed.digest())


class Reader:
    """A mart with a text beside ordinary labels, and a raw table of known values."""

    def __init__(self, kind: str) -> None:
        """Make both; the labels look like a kind of published value that nobody is meant by."""
        self.connection = duckdb.connect()
        self.run("attach ':memory:' as restricted", "create schema restricted.anonymized_candidate")
        self.run("create table restricted.main.raw (value varchar)")
        self.run("create table restricted.anonymized_candidate.mart (x varchar)")
        self.connection.executemany("insert into restricted.main.raw values (?)", [[one] for one in KNOWN])
        self.run(f"insert into restricted.anonymized_candidate.mart select {kind} from range(5) as r(n)")

    def run(self, *statements: str) -> None:
        """Execute statements."""
        for statement in statements:
            self.connection.execute(statement)

    def rows(self, statement: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        """Return the rows a query yields."""
        return self.connection.execute(statement, list(parameters)).fetchall()


@pytest.mark.parametrize(
    ("kind", "text"),
    list(zip(["'2026-0' || n", "'spring_' || n", "'000000' || n", "null"], KNOWN, strict=True)),
    ids=["months", "campaigns", "numbers", "nothing"],
)
def test_every_way_of_writing_a_known_value_is_found(kind: str, text: str) -> None:
    """(S12) Forms, digests, salts and alphabets, one at a time among labels of every look."""
    reader = Reader(kind)
    asked = {"mart": "mart", "known_in": [["raw", "value"]], "hierarchies": {}, "salts": ["pepper"]}
    assert rehashed(reader, **asked).findings == ()
    missed = set()
    for way, value in ways(text):
        reader.run(f"insert into restricted.anonymized_candidate.mart values ('{value}')")
        missed |= {way} if not rehashed(reader, **asked).findings else set()
        reader.run(f"delete from restricted.anonymized_candidate.mart where x = '{value}'")
    reader.connection.close()
    assert not missed
