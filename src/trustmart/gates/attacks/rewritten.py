"""G0, dictionary: everybody's known identifiers against what is published, letter by letter and digit by digit.

Blanks, dashes, dots, accents and capitals are left out on both sides, and what is published is also read backwards, in
letters that only look like these, as an address, turned by thirteen letters, spelled out (`at`, `dot`), word by word,
and two columns of a row together.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import permutations

from trustmart.gates.attacks.outcome import Attacked, attacked
from trustmart.gates.attacks.published import tabled
from trustmart.gates.identifiers import HARMLESS_SHAPES
from trustmart.gates.known_forms import KnownForms, known_forms, letters_of
from trustmart.gates.measures_sql import Reader, candidate, candidate_columns, quoted
from trustmart.gates.report import Finding

_LEAST = 6
# Joined, a given name and a surname may be a word by chance (Mari Gold): short ones only where a sign stands between.
_LEAST_OF_A_WORD = 10
_ALPHABET = "abcdefghijklmnopqrstuvwxyz"
_TURNED = _ALPHABET[13:] + _ALPHABET[:13]
# Letters that look like Latin ones: those of full width, and of the Cyrillic and Greek alphabets.
_PRINTED = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in "'\\")
_WIDE = "".join(chr(ord(letter) + 0xFEE0) for letter in _PRINTED)
_FOREIGN, _ALIKE = (
    "аеорсухіјѕһԁԛԝАВЕКМНОРСТХІЈЅοανικρτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
    "aeopcyxijshdqwABEKMHOPCTXIJSoavikptuxABEZHIKMNOPTYX",
)
_READINGS = (
    "value",
    f"translate(value, '{_WIDE}{_FOREIGN}', '{_PRINTED}{_ALIKE}')",
    "reverse(value)",
    "url_decode(value)",
    f"translate(lower(value), '{_ALPHABET}', '{_TURNED}')",
    r"regexp_replace(lower(value), '[\s\[(]+(at|dot)[\s\])]+', '', 'g')",
)


def rewritten(
    reader: Reader, *, mart: str, known_in: Sequence[Sequence[str]], hierarchies: Mapping[str, str]
) -> Attacked:
    """Count the published texts that are somebody's identifier or full name but for how it is written.

    known_in: (raw table, column), or (raw table, given name, surname). hierarchies: columns whose labels are judged by
    their hierarchy. Shorter than six letters and digits says nothing. Of e-mails the part before the sign counts too.
    """
    texts = [
        name
        for name, kind in candidate_columns(reader, mart).items()
        if kind.startswith("VARCHAR") and name not in hierarchies
    ]
    orders = [[table, *order] for table, *columns in known_in for order in permutations(columns)]
    known = known_forms(reader, orders)
    if not texts or not known:
        return attacked("G0", rewritten=0)
    with _read(reader, mart, texts) as shown:
        if not reader.rows(f"select 1 from {shown} limit 1"):
            return attacked("G0", rewritten=0)
        letters, small = _known(known)
        found = reader.rows(
            f"with hits as materialized (select distinct published_column, value, is_whole from {shown} as shown"
            f" join ({letters}) as known on known.letters = hash(shown.letters)),"
            # As it stands, a text is judged by `no_direct_identifiers`, which knows ordinary words.
            f" plain as (select distinct value from hits join ({small}) as known on known.small = hash(lower(value)))"
            " select published_column, count(distinct value) from hits"
            " where not (is_whole and value in (select value from plain))"
            " group by published_column order by published_column"
        )
    return attacked("G0", [_leak(column, int(count)) for column, count in found], rewritten=sum(n for _, n in found))


@contextmanager
def _read(reader: Reader, mart: str, columns: Sequence[str]) -> Iterator[str]:
    """Yield the table of every text worth comparing, and of every two columns of a row, in all its readings.

    Rows and texts are made tables first: an engine would tell them apart anew for each column and reading.
    """
    chosen, of = ", ".join(f"{_text(column)} as {quoted(column)}" for column in columns), " ".join(columns)
    different = f"select distinct {', '.join(map(quoted, columns))} from {candidate(mart)}"
    with (
        tabled(reader, mart, f"rows of {of}", f"select {chosen} from ({different}) as different") as rows,
        tabled(reader, mart, f"texts of {of}", _texts(rows, columns)) as texts,
        tabled(reader, mart, f"readings of {of}", _readings(texts)) as readings,
    ):
        yield readings


def _texts(rows: str, columns: Sequence[str]) -> str:
    """Return the query of all texts and pairs of texts."""
    singles = [f"select '{_literal(column)}', {quoted(column)}, true from {rows} as shown_rows" for column in columns]
    pairs = [
        f"select '{_literal(one)} and {_literal(other)}', concat({quoted(one)}, ' ', {quoted(other)}), false"
        f" from {rows} as shown_rows"
        for one, other in permutations(columns, 2)
    ]
    return (
        "select distinct published_column, value, is_whole from"
        f" ({' union all '.join([*singles, *pairs])}) as every_text(published_column, value, is_whole)"
        f" where {_is_worth_comparing('value')}"
    )


def _readings(texts: str) -> str:
    """Return the query of all texts in all readings, and of their words."""
    read = ", ".join(letters_of(reading) for reading in _READINGS)
    return (
        "select * from (select distinct published_column, value, is_whole, unnest([{read}]) as letters from {texts}"
        # A word of a text may be a number of somebody; what has no digit is judged by `names_in_text`.
        " union select published_column, value, true, {word} from (select published_column, value,"
        r" unnest(regexp_split_to_array(value, '[\s,;:|+&/]+')) as word from {texts} where is_whole) as by_word"
        " where regexp_matches(word, '[0-9]') and {is_worth_comparing}) as readings"
        " where length(letters) >= {least} and (length(letters) >= {least_of_a_word}"
        r" or regexp_matches(value, '[^\p{{L}}]|\p{{Ll}}\p{{Lu}}'))"
    ).format(
        read=read,
        texts=texts,
        word=letters_of("word"),
        is_worth_comparing=_is_worth_comparing("word"),
        least=_LEAST,
        least_of_a_word=_LEAST_OF_A_WORD,
    )


def _is_worth_comparing(text: str) -> str:
    """Return the condition that leaves out what a calendar or a price list writes."""
    return f"{text} is not null and not regexp_matches(lower({text}), '^({HARMLESS_SHAPES})$')"


def _known(forms: Sequence[KnownForms]) -> tuple[str, str]:
    """Return the queries of everybody's `letters`, also of those before an e-mail's sign, and of texts as they stand.

    Each reads what is kept where it stands: an engine that named it once would copy it first.
    """
    letters = " union all ".join(
        f"select {column} as letters from {one.hashes} as known where {column} is not null"
        for one in forms
        for column in ("letters", "local")
    )
    small = " union all ".join(f"select small from {one.hashes} as known" for one in forms)
    return letters, small


def _text(column: str) -> str:
    """Return a column as text."""
    return f"trim(cast({quoted(column)} as varchar))"


def _literal(text: str) -> str:
    """Return the inside of a text literal."""
    return text.replace("'", "''")


def _leak(column: str, count: int) -> Finding:
    """Say that columns show identifiers in another writing."""
    return Finding(
        what=f"{count} texts of {column} are known identifiers or names, written in another way",
        count=count,
        next_step=f"drop {column}, or publish labels of a hierarchy instead",
    )
