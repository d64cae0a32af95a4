"""What the restricted zone knows of everybody, in the forms in which it is compared: each worked out once a night.

Forms are kept as hashes of 64 bits, which is all that a comparison needs: for millions of people, texts would fill the
memory. Among 20 million of them a published text is taken for somebody's by chance once in a million million.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trustmart.gates.measures_sql import Reader, columns_of_raw, quoted, restricted
from trustmart.gates.remembering import kept, remembered

# Every sign but a digit, so many at once: one by one takes several times as long.
NO_DIGITS = "[^0-9]+"
# What stands before an e-mail's sign may be words that a mart uses as well (summer2026, customer.service).
_LEAST_OF_AN_ADDRESS = 12
# Fewer digits are everybody's.
_LEAST_DIGITS = 5
_SAMPLE = 1000
# An engine hashes a null as well.
_SMALL_AND_DIGITS = (
    "hash(lower(form)) as small, case when digits is not null then hash(digits) end as digits,"
    " try_cast(digits as double) as number"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownForms:
    """Everybody's values of one identifier, whichever tables deliver it.

    texts: a query of `form`, the value without blanks around it; values may come twice.
    hashes: a relation of hashes of the value in small letters (`small`), of its small letters and digits without
        accents (`letters`), of its digits alone (`digits`; where it has five and is no address), of the letters before
        an address's sign (`local`), and of the digits as a `number`; null where there is no such form.
    """

    texts: str
    hashes: str


def known_forms(reader: Reader, known_in: Iterable[Sequence[str]]) -> list[KnownForms]:
    """Return the forms of every identifier that the night delivered.

    known_in: (raw table, column), or (raw table, given name, surname). The same columns of several tables are the same
    identifier: a customer's number stands in millions of rows, and is worked on once.
    """
    places = [(table, tuple(columns)) for table, *columns in known_in]
    present = columns_of_raw(reader, (table for table, _ in places))
    tables: dict[tuple[str, ...], list[str]] = {}
    for table, columns in dict.fromkeys(places):
        if set(columns) <= present[table]:
            tables.setdefault(columns, []).append(table)
    return [_forms(reader, columns, tuple(delivered)) for columns, delivered in tables.items()]


def letters_of(value: str) -> str:
    """Return the expression of the letters and digits of a text, small and without accents."""
    return rf"regexp_replace(lower(strip_accents({value})), '[^\p{{L}}\p{{N}}]+', '', 'g')"


def _forms(reader: Reader, columns: tuple[str, ...], tables: tuple[str, ...]) -> KnownForms:
    """Return an identifier's forms, made now or remembered."""
    known = remembered()
    if known is not None and (columns, tables) in known.facts:
        return known.facts[columns, tables]
    value = " || ' ' || ".join(f"trim(cast({quoted(column)} as varchar))" for column in columns)
    is_known = " and ".join(f"{quoted(column)} is not null" for column in columns)
    each = [f"select {value} as form from {restricted(table)} where {is_known}" for table in tables]
    texts = each[0]
    if len(each) > 1:
        different = f"select distinct form from ({' union all '.join(each)}) as forms"
        texts = f"select form from {kept(reader, different)} as known_texts"
    if known is None:
        return KnownForms(texts=texts, hashes=f"({_of_texts(texts)})")
    made = KnownForms(texts=texts, hashes=_kept_hashes(reader, texts))
    known.facts[columns, tables] = made
    return made


def _kept_hashes(reader: Reader, texts: str) -> str:
    """Return the relation of an identifier's hashes, made now."""
    letters = _letters_before_digits(reader, texts)
    if letters is None:
        return kept(reader, _of_texts(texts))
    numbers = kept(reader, _of_numbers(texts, letters))
    return f"(select *, small as letters, cast(null as ubigint) as local from {numbers} as numbers)"


def _letters_before_digits(reader: Reader, texts: str) -> int | None:
    """Return how many letters stand before nothing but digits in every value; None where that is not how they look.

    Such numbers need no search for other signs, which is most of the work.
    """
    looks_so = "count(*) > 0 and bool_and(regexp_full_match(form, '[A-Za-z]{{{0}}}[0-9]+'))"
    ((found,),) = reader.rows(
        f"select min(length(regexp_extract(form, '^[A-Za-z]*'))) from (select form from ({texts}) as texts"
        f" limit {_SAMPLE}) as sample"
    )
    for relation in (f"select form from ({texts}) as texts limit {_SAMPLE}", texts):
        if found is None or not reader.rows(f"select {looks_so.format(found)} from ({relation}) as forms")[0][0]:
            return None
    return int(found)


def _of_numbers(texts: str, letters: int) -> str:
    """Return the query of the hashes of values that are so many letters and then digits."""
    digits = f"case when length(form) >= {letters + _LEAST_DIGITS} then substr(form, {letters + 1}) end"
    return f"select {_SMALL_AND_DIGITS} from (select form, {digits} as digits from ({texts}) as texts) as forms"


def _of_texts(texts: str) -> str:
    """Return the query of the hashes of any values.

    Of an address, what stands before its sign is wanted as well: so the two parts are read apart, once each.
    """
    local = "split_part(form, '@', 1)"
    rest = f"substr(form, length({local}) + 1)"
    is_number = f"not contains(form, '@') and regexp_matches(form, '([0-9][^0-9]*){{{_LEAST_DIGITS}}}')"
    is_address = (
        f"contains(form, '@') and length({local}) >= {_LEAST_OF_AN_ADDRESS} and regexp_matches({local}, '[0-9]')"
    )
    forms = (
        f"select form, {letters_of(local)} as local_letters, {letters_of(rest)} as other_letters,"
        f" case when {is_number} then regexp_replace(form, '{NO_DIGITS}', '', 'g') end as digits"
        f" from ({texts}) as texts"
    )
    return (
        f"select {_SMALL_AND_DIGITS}, hash(concat(local_letters, other_letters)) as letters,"
        f" case when {is_address} then hash(local_letters) end as local from ({forms}) as forms"
    )
