"""The words the generator draws from, as flat lists that SQL can index. Pure once the word files are read."""

import csv
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from itertools import accumulate

# Letters that Unicode does not decompose into a base letter and an accent.
UNDECOMPOSABLE = str.maketrans({"ø": "o", "ł": "l", "ß": "ss", "æ": "ae", "œ": "oe", "đ": "d"})

EDUCATIONS = ("primary", "secondary", "tertiary", "unknown")
MARITAL_STATUSES = ("married", "single", "divorced")

Words = dict[str, list[str] | list[int] | list[float]]


def vocabulary() -> Words:
    """Every word list by the name under which the SQL asks for it."""
    languages = [row["language"] for row in read_words("surnames")]
    return {
        **person_words(),
        **place_words(languages),
        **job_words(),
        **mail_words(),
        **curious_words(),
    }


def read_words(name: str) -> list[dict[str, str]]:
    """The rows of one shipped word file."""
    text = (resources.files(__package__) / "words" / f"{name}.csv").read_text(encoding="utf-8")
    delimiter = ";" if ";" in text.partition("\n")[0] else ","
    return list(csv.DictReader(text.splitlines(), delimiter=delimiter))


def slug(name: str) -> str:
    """The name as the local part of an e-mail address spells it."""
    plain = unicodedata.normalize("NFKD", name.lower().translate(UNDECOMPOSABLE))
    return "".join(letter for letter in plain if letter.isascii() and letter.isalpha())


def apportion(weights: Mapping[str, float], seats: int) -> list[str]:
    """A list of exactly `seats` words, each as often as its weight asks and none left out."""
    total = sum(weights.values())
    counts = {word: max(1, int(seats * weight / total)) for word, weight in weights.items()}
    heaviest = max(counts, key=lambda word: counts[word])
    counts[heaviest] += seats - sum(counts.values())
    return [word for word, count in counts.items() for _ in range(count)]


def person_words() -> Words:
    """Given names in blocks of language and gender, surnames in blocks of language, both with their slugs."""
    given_names = [name for row in read_words("given_names") for name in row["names"].split()]
    surnames = [name for row in read_words("surnames") for name in row["names"].split(", ")]
    return {
        "given_name": given_names,
        "given_slug": [slug(name) for name in given_names],
        "surname": surnames,
        "surname_slug": [slug(name) for name in surnames],
        "street": [street for row in read_words("streets") for street in row["streets"].split(", ")],
    }


def place_words(languages: Sequence[str]) -> Words:
    """Countries with their telephone plan, and the cities of each as one block of the city list."""
    countries, cities = read_words("countries"), read_words("cities")
    city_counts = [sum(city["country"] == row["country"] for city in cities) for row in countries]
    weights = {str(number): float(row["weight"]) for number, row in enumerate(countries, start=1)}
    return {
        "country": column(countries, "country"),
        "country_draw": [int(number) for number in apportion(weights, 1000)],
        "country_language": [languages.index(row["language"]) for row in countries],
        "calling_code": column(countries, "calling_code"),
        "trunk": column(countries, "trunk"),
        "mobile_prefix": column(countries, "mobile_prefix"),
        "mobile_digits": [int(row["mobile_digits"]) for row in countries],
        "city_first": list(accumulate(city_counts, initial=0))[:-1],
        "city_count": city_counts,
        "city": column(cities, "city"),
        "postcode_prefix": column(cities, "postcode_prefix"),
        "postcode_digits": [int(row["postcode_digits"]) for row in cities],
        "postcode_suffix": column(cities, "postcode_suffix"),
    }


def job_words() -> Words:
    """Jobs, and for each job one block of a hundred educations and one of a hundred marital statuses."""
    jobs = read_words("jobs")
    weights = {str(number): float(row["weight"]) for number, row in enumerate(jobs, start=1)}
    return {
        "job": column(jobs, "job"),
        "job_draw": [int(number) for number in apportion(weights, 1000)],
        "education_draw": blocks_of_a_hundred(jobs, EDUCATIONS),
        "marital_draw": blocks_of_a_hundred(jobs, MARITAL_STATUSES),
        "job_youngest": [int(row["youngest"]) for row in jobs],
        "job_oldest": [int(row["oldest"]) for row in jobs],
        "job_wealth": [float(row["wealth"]) for row in jobs],
    }


def mail_words() -> Words:
    """Mail domains that RFC 2606 reserves, so that no address can belong to anybody."""
    weights = {row["domain"]: float(row["weight"]) for row in read_words("mail_domains")}
    return {"mail_domain_draw": apportion(weights, 100)}


def curious_words() -> Words:
    """Names that break naive software, and the column each of them belongs in."""
    rows = read_words("curious_names")
    return {"curious_part": column(rows, "part"), "curious_name": column(rows, "name")}


def column(rows: Iterable[Mapping[str, str]], name: str) -> list[str]:
    """One column of a word file."""
    return [row[name] for row in rows]


def blocks_of_a_hundred(rows: Iterable[Mapping[str, str]], names: Sequence[str]) -> list[str]:
    """For every row a block of a hundred words, shared out by the row's weights."""
    return [word for row in rows for word in apportion({name: float(row[name]) for name in names}, 100)]
