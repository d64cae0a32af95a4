"""G0, dictionary: everybody's known identifiers, hashed and written in every usual way, looked up in what is published.

Made on top of `no_direct_identifiers`, which knows plain values, and MD5, SHA-1 and SHA-256 of them in hexadecimal.
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from trustmart.gates.attacks.outcome import Attacked, attacked
from trustmart.gates.attacks.published import literal
from trustmart.gates.known_forms import NO_DIGITS, KnownForms, known_forms
from trustmart.gates.measures_sql import Reader, candidate, candidate_columns, quoted
from trustmart.gates.report import Finding

# Values worth the trouble: written like a digest or an encoding. Words and labels are not.
_LIKE_A_DIGEST = r"^([0-9a-fA-F]{16,}|[A-Za-z0-9+/_-]{22,}={0,2})$"
_LIKE_A_CODE = r"^(?=.*[0-9=])[A-Za-z0-9+/=_.@-]{6,}$"
# A digest that was cut: shorter than eight digits, many people share one by chance.
_CUT = r"^[0-9a-fA-F]{8,31}$"
_SHA512 = r"^([0-9a-fA-F]{128}|[A-Za-z0-9+/_-]{86}={0,2})$"
# The digests that engines know, with their bytes.
_DIGESTS = {"md5": 16, "sha1": 20, "sha256": 32}
_CHUNK = 50_000
# How a known value is written before it is hashed or encoded: as it stands, small, capital, digits alone.
_FORMS = ("form", "lower(form)", "upper(form)", f"regexp_replace(form, '{NO_DIGITS}', '', 'g')")


def rehashed(
    reader: Reader,
    *,
    mart: str,
    known_in: Sequence[Sequence[str]],
    hierarchies: Mapping[str, str],
    salts: Sequence[str] = (),
) -> Attacked:
    """Hash everybody's identifiers anew and count the published values among the results.

    known_in: (raw table, column), or (raw table, given name, surname). hierarchies: columns whose labels are judged by
    their hierarchy. salts: put before and behind the value, as they are known to policy. Forms: as it stands, trimmed,
    small, capital, digits alone; digests MD5, SHA-1, SHA-256, SHA-512; hexadecimal, Base64 (both alphabets) with and
    without its padding; Base64, hexadecimal and reversed writing of the value itself; and the first or last digits of
    a digest, eight or more.
    """
    texts = [
        name
        for name, kind in candidate_columns(reader, mart).items()
        if kind.startswith("VARCHAR") and name not in hierarchies
    ]
    known = known_forms(reader, known_in)
    shown = {column: _shown(mart, column) for column in texts}
    found = {
        column: _matches_of_any(reader, shown[column], known, salts)
        + _matches_of_sha512(reader, shown[column], [one.texts for one in known], salts)
        + sum(_matches_of_cut(reader, shown[column], one.texts, salts) for one in known)
        for column in texts
        if _any(reader, shown[column], _LIKE_A_DIGEST) or _any(reader, shown[column], _LIKE_A_CODE)
    }
    return attacked("G0", [_leak(column, count) for column, count in found.items()], rehashed=sum(found.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """What the values of a column could be by their look alone; what none of them can be need not be made.

    digests, encoded_digests: names of digests that a value is as long as, in hexadecimal and in Base64. base64,
    hexadecimal: whether a value is written in that alphabet.
    """

    digests: frozenset[str]
    encoded_digests: frozenset[str]
    base64: bool
    hexadecimal: bool


def _looks_of(reader: Reader, shown: str) -> Looks:
    """Look at the values of a column once."""
    hexadecimal, encoded = (
        "regexp_matches(value, '^[0-9a-fA-F]+$')",
        "regexp_matches(value, '^[A-Za-z0-9+/_-]+={0,2}$')",
    )
    tests = [
        *(f"{hexadecimal} and length(value) = {size * 2}" for size in _DIGESTS.values()),
        *(f"{encoded} and length(rtrim(value, '=')) = {-(-size * 4 // 3)}" for size in _DIGESTS.values()),
        encoded,
        hexadecimal,
    ]
    asked = ", ".join(f"coalesce(max(case when {test} then 1 else 0 end), 0)" for test in tests)
    (found,) = reader.rows(f"select {asked} from ({shown}) as all_shown where length(value) >= 6")
    names = len(_DIGESTS)
    return Looks(
        digests=frozenset(name for name, one in zip(_DIGESTS, found[:names], strict=True) if one),
        encoded_digests=frozenset(name for name, one in zip(_DIGESTS, found[names : 2 * names], strict=True) if one),
        base64=bool(found[-2]),
        hexadecimal=bool(found[-1]),
    )


def _shown(mart: str, column: str) -> str:
    """Return a query of a column's different values."""
    return f"select distinct trim(cast({quoted(column)} as varchar)) as value from {candidate(mart)}"


def _any(reader: Reader, shown: str, pattern: str) -> bool:
    """Return whether any value is written in a way (Python's lookahead is RE2's two tests)."""
    tests = [f"regexp_matches(value, {literal(pattern.replace('(?=.*[0-9=])', ''))})"]
    if "(?=" in pattern:
        tests.append("regexp_matches(value, '[0-9=]')")
    return bool(reader.rows(f"select 1 from ({shown}) as shown where {' and '.join(tests)} limit 1"))


def _matches_of_any(reader: Reader, shown: str, known: Sequence[KnownForms], salts: Sequence[str]) -> int:
    """Count the values that any known column turns into."""
    looks = _looks_of(reader, shown)
    digested = sum(_digested(reader, shown, one.texts, salts, looks) for one in known)
    return digested + (_undone(reader, shown, known, looks) if known else 0)


def _undone(reader: Reader, shown: str, known: Sequence[KnownForms], looks: Looks) -> int:
    """Count the values that are somebody's backwards, or once their encoding is undone in the few that are shown."""
    forms = " union all ".join(
        f"select {form} as form from {one.hashes} as known" for one in known for form in ("small", "digits")
    )
    ((count,),) = reader.rows(
        f"with shown as ({_written(shown)}), read as ({_read(looks)}) select count(distinct read.value) from read"
        f" join ({forms}) as known on known.form = hash(lower(read.form))"
    )
    return int(count)


def _digested(reader: Reader, shown: str, known: str, salts: Sequence[str], looks: Looks) -> int:
    """Count the values that are digests of one known text, other than those that the plain check knows."""
    ways = list(_ways(looks, salts))
    if not ways:
        return 0
    forms = " union ".join(f"select {form} as form from raws" for form in _FORMS)
    plain = [f"select {name}({form}) from raws" for name in sorted(looks.digests) for form in ("form", "lower(form)")]
    # A digest is made of everybody's values.
    tried = [f"select s.value from shown as s join forms as f on {place} = {way}" for place, way in ways]
    ((count,),) = reader.rows(
        f"with shown as ({_written(shown)}), raws as ({known}), forms as ({forms}),"
        f" hits as ({' union all '.join(tried)})"
        + (f", plain as (select value from shown where small in ({' union all '.join(plain)}))" if plain else "")
        + " select count(distinct value) from hits"
        + (" where value not in (select value from plain)" if plain else "")
    )
    return int(count)


def _written(shown: str) -> str:
    """Return the query of the values worth the trouble, in small letters and in the first alphabet of Base64."""
    return (
        f"select value, lower(value) as small, translate(value, '-_', '+/') as plain from ({shown}) as all_shown"
        " where length(value) >= 6"
    )


def _ways(looks: Looks, salts: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield how a form may have been digested, and what of a shown value that is compared with."""
    for name in _DIGESTS:
        for digest in (f"{name}({form})" for form in _salted("form", salts)):
            if name in looks.digests:
                yield "s.small", digest
            if name in looks.encoded_digests:
                yield "s.plain", f"to_base64(unhex({digest}))"
                yield "s.plain", f"rtrim(to_base64(unhex({digest})), '=')"


def _read(looks: Looks) -> str:
    """Return the query of (value, form): what a shown value says backwards, or once its encoding is undone."""
    bare = "rtrim(plain, '=')"
    padded = f"{bare} || repeat('=', (4 - length({bare}) % 4) % 4)"
    parts = ["select value, reverse(value) as form from shown"]
    parts += [f"select value, try(decode(from_base64({padded}))) from shown"] if looks.base64 else []
    parts += ["select value, try(decode(unhex(small))) from shown"] if looks.hexadecimal else []
    return " union all ".join(parts)


def _matches_of_cut(reader: Reader, shown: str, known: str, salts: Sequence[str]) -> int:
    """Count the values that are the first or the last digits of a digest of one known text."""
    lengths = reader.rows(
        f"select distinct length(value) from ({shown}) as shown where regexp_matches(value, {literal(_CUT)})"
    )
    if not lengths:
        return 0
    tried = " union all ".join(
        f"select s.value from shown as s join forms as f on s.value = {side}({digest}({form}), {int(length)})"
        for (length,) in lengths
        for digest in _DIGESTS
        for form in _salted("f.form", salts)
        for side in ("left", "right")
    )
    ((count,),) = reader.rows(
        f"with shown as (select lower(value) as value from ({shown}) as all_shown"
        f" where regexp_matches(value, {literal(_CUT)})),"
        f" raws as ({known}),"
        " forms as (select form from raws union select lower(form) from raws union select upper(form) from raws),"
        f" hits as ({tried}) select count(distinct value) from hits"
    )
    return int(count)


def _salted(form: str, salts: Sequence[str]) -> list[str]:
    """Return a form alone, and with every salt before and behind it."""
    return [form, *(text for salt in salts for text in (f"{literal(salt)} || {form}", f"{form} || {literal(salt)}"))]


def _matches_of_sha512(reader: Reader, shown: str, known: Sequence[str], salts: Sequence[str]) -> int:
    """Count the SHA-512 digests of known values; the engine has no such function, so it is Python's."""
    if not _any(reader, shown, _SHA512):
        return 0
    found = reader.rows(f"select value from ({shown}) as shown where regexp_matches(value, {literal(_SHA512)})")
    wanted = {_plain(value) for (value,) in found}
    hits = {form for one in known for form in _sha512s(reader, one, salts) if form in wanted}
    return len(hits)


def _sha512s(reader: Reader, known: str, salts: Sequence[str]) -> Iterator[str]:
    """Yield the digests of a known text, a chunk of it at a time."""
    start = ""
    while found := reader.rows(
        f"select form from ({known}) as known_texts where form > ? order by form limit {_CHUNK}",
        [start],
    ):
        for (text,) in found:
            for form in {text, text.lower(), text.upper(), "".join(filter(str.isdigit, text))}:
                for salted in (form, *(s + form for s in salts), *(form + s for s in salts)):
                    digest = hashlib.sha512(salted.encode())
                    yield digest.hexdigest()
                    yield _plain(base64.b64encode(digest.digest()).decode())
        start = found[-1][0]


def _plain(value: str) -> str:
    """Return a digest as it is compared: hexadecimal in small letters, Base64 in its first alphabet, unpadded."""
    if len(value) == 128:
        return value.lower()
    return value.rstrip("=").replace("-", "+").replace("_", "/")


def _leak(column: str, count: int) -> Finding | None:
    """Say that a column shows identifiers in disguise."""
    if not count:
        return None
    return Finding(
        what=f"{count} values of {column} are known identifiers, hashed or written in another way",
        count=count,
        next_step=f"drop {column}: whoever knows an identifier can make the same value from it",
    )
