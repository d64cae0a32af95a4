"""The page about the corpus, docs/gate-corpus.md, made from the corpus: `python tests/support/corpus_page.py`."""

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.corpus import PROJECT, Case, cases
from support.planted import PlantedCase, planted_cases

PAGE = PROJECT / "docs" / "gate-corpus.md"
_RULES = {
    "direct_identifier": "identifiers under another name or in another form",
    "finer_than_policy": "labels finer than policy, or rows hidden behind them",
    "membership": "whether somebody is among the rows: joins, filters, orders by identity",
    "uncounted_class": "classes that nothing proves to be large",
    "one_persons_value": "one person's value in place of a pooled one",
    "unlisted_sensitive": "sensitive attributes that the release does not list",
    "another_attribute": "a column made of another attribute than policy says",
    "unlisted_column": "a column that policy does not know",
    "undetermined": "SQL that cannot be followed",
    "door": "personal marts around their door",
    "rows_are_people": "rows of people in place of classes",
    "narrowed": "labels narrowed to one value by a filter",
}
_HEAD = """# The corpus of leaks

What the gate is held to: {leaks} ways to leak, each of which must be held by the check that is named for it, and {clean} marts that let nobody out,
each of which must be released. They ship in `tests/gates/corpus/`, as data: SQL, the verdict, who must catch it. This page is made from them
(`python tests/support/corpus_page.py`), and a test keeps the two equal. {leaks} of {leaks} leaks are held, {clean} of {clean} clean marts
are released: 0 misses, 0 false holds.

Not in it, because the data alone do not show it: a hash cut below eight digits or turned into a figure, numbers that were given
out without gaps as a figure (negated, multiplied, or split over two), an identifier in a language or cipher of its own, a day of
birth in words or as a figure, an initial with a surname, a phone number in the decimals of a mean, NaN or infinity as a signal, a
class's mean that is one person's balance. The type check holds these by where they come from, whatever they look like. What it does
not hold: two half-open ranges in two steps, a mean of whole multiples (`avg(floor(x / 90000))`, taken as a share), whether a phone is
there as a label, `x - x` as a hidden zero in one branch of a union.
"""


def page() -> str:
    """Return the page's text."""
    by_type, by_data = cases("leaks_by_type.yml"), planted_cases("leaks_by_data.yml")
    clean_type, clean_data = cases("clean_by_type.yml"), planted_cases("clean_by_data.yml")
    head = _HEAD.format(leaks=len(by_type) + len(by_data), clean=len(clean_type) + len(clean_data))
    return "\n".join(
        [
            head,
            "## Leaks in a model's text: `trustmart check`, before any data moves",
            *_table("rule of the type check", _typed(by_type)),
            "## Leaks in a mart's data: the whole gate, on the bytes that would be published",
            *_table("caught by", _planted(by_data)),
            "## Marts that must not be held",
            "| family | marts | false holds |",
            "|---|---|---|",
            f"| models that let nobody out, by the type check | {len(clean_type)} | 0 |",
            *(f"| {family} | {number} | 0 |" for family, number in _families(clean_data).items()),
            f"| **all** | **{len(clean_type) + len(clean_data)}** | **0** |",
            "",
            "## Every variant by name",
            *_names([(_RULES[one.rule], one.name) for one in by_type]),
            *_names([(one.family, one.name) for one in by_data]),
            "### Released",
            *_names([("models that let nobody out", one.name) for one in clean_type]),
            *_names([(one.family, one.name) for one in clean_data]),
            "",
        ]
    )


def _typed(leaks: Iterable[Case]) -> list[tuple[str, int, str]]:
    """Return (family, variants, caught by) of the leaks in text, the largest family first."""
    return [(_RULES[rule], number, f"`{rule}`") for rule, number in Counter(one.rule for one in leaks).most_common()]


def _planted(leaks: list[PlantedCase]) -> list[tuple[str, int, str]]:
    """Return (family, variants, caught by) of the leaks in data, in the file's order."""
    found = []
    for family, number in _families(leaks).items():
        checks = Counter(check for one in leaks if one.family == family for check in one.caught_by)
        found.append((family, number, ", ".join(f"`{check}` {count}" for check, count in checks.most_common())))
    return found


def _families(found: Iterable[PlantedCase]) -> Counter[str]:
    """Return how many cases each family has."""
    return Counter(one.family for one in found)


def _table(caught: str, rows: list[tuple[str, int, str]]) -> list[str]:
    """Return a table of families."""
    return [
        f"| family | variants | {caught} | misses |",
        "|---|---|---|---|",
        *(f"| {family} | {number} | {by} | 0 |" for family, number, by in rows),
        f"| **all** | **{sum(number for _, number, _ in rows)}** | | **0** |",
        "",
    ]


def _names(found: Iterable[tuple[str, str]]) -> list[str]:
    """Return a line per family with the names of its variants."""
    by_family = defaultdict(list)
    for family, name in found:
        by_family[family].append(name)
    return [f"- **{family}**: {'; '.join(names)}" for family, names in by_family.items()]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
