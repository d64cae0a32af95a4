"""The search that says "nothing of a person is in there" finds it where something is."""

import base64
import csv
import html
import json
from pathlib import Path
from urllib.parse import quote

import duckdb
import pytest

from support.leaks import PersonalValues, secrets_in

COLUMNS = ("customer_id", "given_name", "surname", "email", "phone", "street", "notes")
PEOPLE = [
    ("C100001", "Anna", "Müller-Lüdenscheid", "  Anna.M@Web.De ", "+49 (151) 5508-4238", "5 Rose Lane", ""),
    (
        "C100002",
        "ka",
        "김",
        "ka@mail.example",
        "0853613534",
        '12 High St,\nFlat "B"',
        "Called Anna; owes rent",
    ),
    ("C100003", "Ole", '=HYPERLINK("x")', "", "", "1 Elm Way", ""),
]
SUBJECT = "0123456789abcdef0123456789abcdef"
PLANTED = {
    "customer_id": "C100002",
    "full name": "Anna Müller-Lüdenscheid",
    "email": "anna.m@web.de",
    "phone": "+49 (151) 5508-4238",
    "street": '12 High St,\nFlat "B"',
    "notes": "Called Anna; owes rent",
    "memo": "transfer to José María",
    "subject_id": SUBJECT,
    "hash": "8b04f6b2a01021fed66b1a0e1e4b60f7d1f1e2ccd5c2b7c8be6ee8e0a4f7d0aa",
}
HARMLESS = """region,job_group,customers
north,C1000021,11
"anna mullerludenscheid", 5 rose, 1085361353499, 0.0853613534, c10000, kaya 김치, müller
digest 9ac100002ffab0193ac100002ffab0193a
"""


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> PersonalValues:
    """Collect the values of three people."""
    crm = tmp_path_factory.mktemp("crm")
    write(crm / "customers.csv", [COLUMNS, *PEOPLE])
    write(crm / "transactions.csv", [("transaction_id", "memo"), ("T1", ""), ("T2", PLANTED["memo"])])
    return PersonalValues(crm, subject_ids=[SUBJECT])


@pytest.fixture(scope="module")
def planted(values: PersonalValues) -> dict[str, str]:
    """Return one value of each kind; the digest is one that the search itself expects."""
    return {**PLANTED, "hash": min(values.kinds["hash"])}


def write(path: Path, rows: list[tuple[str, ...]]) -> None:
    """Write a CSV file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


WRITINGS = {
    "as it is": lambda text: text,
    "in capitals": lambda text: text.upper(),
    "inside a line": lambda text: f"2026-11-20 ERROR could not convert '{text}' to INT32",
    "as JSON": lambda text: json.dumps({"message": [text]}),
    "as HTML": lambda text: f"<td>{html.escape(text)}</td>",
    "with blanks and breaks": lambda text: text.replace(" ", " \n  "),
}


@pytest.mark.parametrize("kind", PLANTED)
@pytest.mark.parametrize("writing", WRITINGS)
def test_a_planted_value_is_found_in_a_file(
    values: PersonalValues, planted: dict[str, str], tmp_path: Path, kind: str, writing: str
) -> None:
    """Each kind of value is found in a text file, however it is written there (S67)."""
    path = tmp_path / "run.log"
    path.write_text(HARMLESS + WRITINGS[writing](planted[kind]) + "\n", encoding="utf-8")
    assert values.in_file(path)[kind] > 0


ENCODINGS = {
    "UTF-16": lambda text: text.encode("utf-16"),
    "UTF-16 from the other end": lambda text: text.encode("utf-16-be"),
    "UTF-16 behind an odd byte": lambda text: b"\x07" + text.encode("utf-16-le"),
    "an address": lambda text: b"GET /?q=" + quote(text, safe="").encode(),
    "Base64": lambda text: b"Authorization: Basic " + base64.b64encode(text.encode()),
    "Base64 for addresses, unpadded": lambda text: b"?t=" + base64.urlsafe_b64encode(text.encode()).rstrip(b"="),
    "JSON between other bytes": lambda text: b"\x00\x01" + json.dumps(text).encode(),
}


@pytest.mark.parametrize("kind", sorted(set(PLANTED) - {"street", "notes"}))
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_planted_value_is_found_in_other_encodings(
    values: PersonalValues, planted: dict[str, str], tmp_path: Path, kind: str, encoding: str
) -> None:
    """Each kind of value is found where somebody encoded it on the way: as UTF-16, Base64, in an address (S67)."""
    path = tmp_path / "trace.bin"
    path.write_bytes(HARMLESS.encode() + ENCODINGS[encoding](planted[kind]))
    assert values.in_file(path)[kind] > 0


@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_value_is_found_in_bytes(
    values: PersonalValues, planted: dict[str, str], tmp_path: Path, kind: str
) -> None:
    """Each kind of value is found between the bytes of a binary file, wherever a chunk of it ends (S67)."""
    path = tmp_path / "anonymized.duckdb"
    for before in (0, 11, (1 << 22) - 3):
        path.write_bytes(b"\x00" * before + b"\x00" + planted[kind].encode() + b"\x00\x07")
        assert values.in_file(path)[kind] == 1


@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_value_is_found_in_a_table(
    values: PersonalValues, planted: dict[str, str], tmp_path: Path, kind: str
) -> None:
    """Each kind of value is found in one cell among many of a database file, and the table is named (S67)."""
    path = tmp_path / "anonymized.duckdb"
    with duckdb.connect(str(path)) as writer:
        writer.execute("create table marts as select range as customers, 'north' as region from range(5000)")
        writer.execute("create table quiet as select 1 as customers")
        writer.execute("insert into marts values (12, ?)", [planted[kind]])
    assert set(values.in_database(path)) >= {f"{kind} in main.marts"}
    assert not [name for name in values.in_database(path) if "quiet" in name]


def test_what_only_looks_alike_is_not_found(values: PersonalValues, tmp_path: Path) -> None:
    """Longer numbers, halves of names, decimals and digests are nobody's (S67)."""
    path = tmp_path / "report.html"
    path.write_text(HARMLESS, encoding="utf-8")
    assert values.in_file(path) == {}


def test_a_planted_key_is_found_as_text_and_as_bytes(tmp_path: Path) -> None:
    """A key is found in hex, in capitals and as the bytes it stands for (S67)."""
    key = "00ff" * 16
    for number, content in enumerate((f"key={key}".encode(), key.upper().encode(), bytes.fromhex(key))):
        (tmp_path / f"{number}.log").write_bytes(b"before" + content + b"behind")
    (tmp_path / "sound.log").write_bytes(key[:-2].encode())
    found = secrets_in({"master": key}, sorted(tmp_path.iterdir()), tmp_path)
    assert found == {"0.log": ["master"], "1.log": ["master"], "2.log": ["master"]}
