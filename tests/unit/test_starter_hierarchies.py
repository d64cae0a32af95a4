"""The starter hierarchies are trees that a release can use as they stand."""

import csv
from pathlib import Path

import pytest

from trustmart.anonymity.declared import read_hierarchy
from trustmart.anonymity.hierarchy import Hierarchy

FOLDER = Path(__file__).parents[2] / "policy" / "hierarchies"
FILES = sorted(FOLDER.glob("*.csv"))


def _read(name: str) -> Hierarchy:
    """Read one of them."""
    return read_hierarchy(name, FOLDER / f"{name}.csv", fallback="outside")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_file_is_a_tree_that_says_its_levels(path: Path) -> None:
    """S18: a name per level, finest first, every value once, ever fewer labels up to `*`; room for a fallback."""
    hierarchy = read_hierarchy(path.stem, path, fallback="outside")
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert (*header, "*") == hierarchy.level_names
    assert len(rows) == len(hierarchy.keys)
    sizes = [len(labels) for labels in hierarchy.labels]
    assert sizes == sorted(sizes, reverse=True)
    assert all(field == field.strip() != "" for row in rows for field in row)


def test_every_country_has_a_place() -> None:
    """S18: all 249 codes of ISO 3166-1, Norway among them, which YAML would read as a no."""
    countries = _read("countries")
    assert len(countries.keys) == 249
    assert [countries.generalize("NO", level) for level in range(4)] == ["NO", "Northern Europe", "Europe", "*"]
    assert countries.generalize("FR", 1) == "Western Europe"


def test_the_bank_s_job_words_and_codes_that_begin_with_nought_are_found() -> None:
    """S18: codes are text, so 01 is not 1; each word of the bank's jobs has a kind of work."""
    assert _read("occupations_isco08").generalize("01", 2) == "Armed forces occupations"
    with (FOLDER.parents[1] / "dbt_project/seeds/hierarchies/job_groups.csv").open(encoding="utf-8") as file:
        jobs = {row["job"] for row in csv.DictReader(file)}
    assert jobs <= set(_read("occupations_bank").keys)
    assert [_read("ages").generalize(37, level) for level in range(5)] == ["37", "35-39", "30-39", "20-39", "20-59"]
