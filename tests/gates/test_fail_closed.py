"""Great Expectations swallows exceptions; the gate takes no silence for a yes, and repeats no message."""

import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from support.corpus import PROJECT, cases, corpus_policy, manifest_of
from support.planted import PlantedCase, judged, make_ground, planted, planted_policy
from trustmart.errors import ModelsFailed, ReleaseHeld, TypesHeld
from trustmart.gates import checks, inspect_all
from trustmart.gates.attacks import ATTACKS
from trustmart.gates.suites import requirements
from trustmart.lineage import check_types
from trustmart.pipeline.types import check_types_aside
from trustmart.policy import Policy
from trustmart.settings import Settings
from trustmart.warehouse import DuckDBWarehouse

Plant = Callable[..., None]
EMAIL = b"ada.planted@example.org"
KEY = b"a-key-that-must-not-be-found-anywhere"


def _break(reader: Any, **_: Any) -> list[Any]:
    raise ValueError(f"could not convert {EMAIL.decode()}")


@pytest.mark.parametrize("check", ["k_anonymity", "no_direct_identifiers", "suppression"])
def test_a_check_that_breaks_holds_and_tells_only_the_type(
    check: str, policy: Policy, warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S12: an error inside a metric holds the mart."""
    monkeypatch.setitem(checks.CHECKS, check, _break)  # type: ignore[arg-type]
    for report in inspect_all(policy=policy, warehouse=warehouse):
        assert len(report.findings) == 1
        assert "could not be measured (ValueError)" in report.reasons[0]
        assert "planted" not in str(report.as_dict())


def test_a_check_that_breaks_only_inside_great_expectations_holds(
    policy: Policy, warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S12: both ways of asking must agree."""
    from trustmart.gates import expectations

    def broken(*_: Any) -> int:
        raise expectations.NotMeasured(f"{expectations.NOT_MEASURED}CatalogException")

    monkeypatch.setattr(expectations, "_findings", broken)
    for report in inspect_all(policy=policy, warehouse=warehouse):
        assert len(report.findings) == len(requirements(policy, report.mart))
        assert all("by Great Expectations (CatalogException)" in reason for reason in report.reasons)


def test_a_no_that_nobody_can_explain_holds(
    policy: Policy, warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S12: the gate needs two yeses."""
    from trustmart.gates import expectations

    monkeypatch.setattr(expectations, "_findings", lambda *_: 1)
    for report in inspect_all(policy=policy, warehouse=warehouse):
        assert all("is not met, though a second count finds nothing" in reason for reason in report.reasons)
        assert report.held


def test_a_yes_of_great_expectations_alone_does_not_release(
    policy: Policy, warehouse: DuckDBWarehouse, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S12: the gate needs two yeses."""
    from trustmart.gates import expectations

    plant("insert into anonymized_candidate.dim_segments values ('65+', 'north', 1, 5.0)")
    monkeypatch.setattr(expectations, "_findings", lambda *_: 0)
    segments, _ = inspect_all(policy=policy, warehouse=warehouse)
    assert segments.held


def test_great_expectations_that_does_not_start_holds(
    policy: Policy, warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S12: no gate, no release."""
    monkeypatch.setitem(sys.modules, "great_expectations", None)
    for report in inspect_all(policy=policy, warehouse=warehouse):
        assert all("by Great Expectations (ModuleNotFoundError)" in reason for reason in report.reasons)
        assert report.held


def test_nothing_of_a_person_and_no_key_leaves_the_warehouse(
    policy: Policy,
    warehouse: DuckDBWarehouse,
    plant: Plant,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """S12: pages, logs and reports hold counts and names of columns, even where a mart is full of e-mails."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    plant(
        f"insert into anonymized_candidate.dim_segments values ('{EMAIL.decode()}', 'bo@hidden.example', 50, 1.0)",
        f"alter table anonymized_candidate.fct_outcomes add column mail varchar default '{EMAIL.decode()}'",
    )
    with caplog.at_level(logging.DEBUG):
        reports = inspect_all(policy=policy, warehouse=warehouse, data_docs_folder=tmp_path / "docs")
    assert all(report.held for report in reports)
    printed = capfd.readouterr()
    said = "\n".join([caplog.text, printed.out, printed.err, *(str(report) for report in reports)]).encode()
    written = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    pages = [path for path in written if path.suffix == ".html"]
    assert len(pages) == 6  # an index, the way to it, and two of each mart
    assert not any(
        b"http:" in written[page].replace(b"http://www.w3.org", b"") or b"https:" in written[page] for page in pages
    )
    for content in (said, *written.values()):
        for secret in (EMAIL, b"hidden.example", KEY, warehouse.key("restricted").encode()):
            assert secret not in content.lower()
    assert not list(home.iterdir())


def test_importing_the_gates_is_cheap() -> None:
    """STYLE: a DAG is parsed every few seconds; Great Expectations costs seconds to import."""
    program = (
        "import sys, trustmart.gates;"
        "print({'great_expectations', 'pandas', 'sqlalchemy', 'duckdb_engine'} & set(sys.modules))"
    )
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, env=environment)
    assert done.stdout.strip() == "set()"


BAD_INPUT = {
    "a mart with zero rows": ("segments", "delete from anonymized_candidate.segments", "it has no rows", "Look why"),
    "a mart that is not there": (
        "segments",
        "drop table anonymized_candidate.segments",
        "there is no candidate",
        "Build",
    ),
    "a missing seed of a hierarchy": ("segments", "drop table regions", "no regions with a column region", "seeds"),
    "a seed without its column": (
        "segments",
        "alter table regions rename column region to area",
        "no regions with a column region",
        "seeds",
    ),
    "no history": ("people", "drop table members_before", "history of releases are missing", "trustmart transform"),
    "no releases": ("people", "drop table releases_before", "history of releases are missing", "trustmart transform"),
    "a history of other columns": (
        "people",
        "alter table members_before drop column since",
        "history of releases are missing",
        "trustmart transform",
    ),
    "damaged rows of the history": (
        "people",
        "update members_before set until = since where rowid < 5",
        "rows of the history are damaged",
        "trustmart transform",
    ),
    "members without their release": (
        "people",
        "delete from releases_before where mart = 'people'",
        "rows of the history are damaged",
        "trustmart transform",
    ),
    "no members of tonight": (
        "people",
        "drop table anonymized_door.people__members",
        "tonight's members",
        "trustmart transform",
    ),
    "no records of tonight": (
        "people",
        "delete from anonymized_door.people",
        "records are empty",
        "Trustmart transform",
    ),
    "no CRM to compare with": (
        "segments",
        "drop view labelled; drop table raw_crm__customers",
        "raw tables that know direct identifiers",
        "trustmart ingest",
    ),
}


@pytest.fixture(scope="module")
def planted_ground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the warehouse that every planted case starts from."""
    return make_ground(tmp_path_factory.mktemp("ground"))


@pytest.mark.parametrize("bad", BAD_INPUT)
def test_bad_input_is_held_with_its_reason_and_the_next_step(
    bad: str, policy: Policy, planted_ground: Path, tmp_path: Path
) -> None:
    """Whatever is empty, missing or damaged holds the mart, and says why and what to type next (S12, S17)."""
    mart, sql, reason, step = BAD_INPUT[bad]
    case = PlantedCase(name=bad, family="bad input", mart=mart, expected="held", sql=sql)
    of_corpus = planted_policy(policy.model_dump(mode="json", by_alias=True, exclude_unset=True))
    report = judged(case, of_corpus, planted(case, tmp_path, planted_ground))
    assert [one for one in report.reasons if reason in one and step in one], report.reasons
    with pytest.raises(ReleaseHeld, match=r"is held: (.|\n)*trustmart transform, trustmart release$"):
        report.raise_if_held()


def test_a_hierarchy_that_policy_lacks_is_refused_when_policy_is_read(policy: Policy) -> None:
    """A mart whose hierarchy is declared nowhere never gets as far as the gate (S18)."""
    plain = policy.model_dump(mode="json", by_alias=True, exclude_unset=True)
    of_corpus = planted_policy(plain)
    blind = of_corpus.model_copy(update={"hierarchies": {}})
    asked = [one for one in requirements(blind, "people") if one.check == "declared_labels"]
    assert [one.arguments["rule"] for one in asked] == [None, None]
    (finding,) = ATTACKS["declared_labels"](_Nobody(), **{**asked[0].arguments}).findings
    assert "there is none of that name" in finding.what
    assert finding.next_step == "declare days in policy/hierarchies.yml, then: trustmart check"


class _Nobody:
    """A reader of a mart that has the one column."""

    def rows(self, statement: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        """Return the column and its type."""
        return [("birth_date", "VARCHAR")]


def test_a_model_that_cannot_be_followed_is_held() -> None:
    """SQL that cannot be parsed, and a program in SQL's place, hold the build, with what to write instead (S12, S13)."""
    case = next(one for one in cases("leaks_by_type.yml") if one.name == "SQL that cannot be parsed")
    unparsable = manifest_of(case)
    mart = unparsable.models["model.corpus.dim_corpus"]
    program = replace(mart, asides=("a program instead of a query",))
    in_python = replace(unparsable, models={**unparsable.models, "model.corpus.dim_corpus": program})
    for manifest, why in ((unparsable, "cannot be parsed"), (in_python, "a program")):
        with pytest.raises(TypesHeld, match=rf"{why}(.|\n)*write it as one plain SELECT(.|\n)*trustmart check"):
            check_types(manifest, corpus_policy()).raise_if_held()


@pytest.mark.slow
def test_an_unknown_macro_holds_the_build(tmp_path: Path) -> None:
    """A macro that nobody wrote stops everything before any data moves, and says how to see why (S13)."""
    home = tmp_path / "project"
    for folder in ("dbt_project", "policy"):
        shutil.copytree(PROJECT / folder, home / folder)
    broken = home / "dbt_project" / "models" / "intermediate" / "int_broken.sql"
    broken.write_text("select {{ a_macro_of_nobody('x') }} as a\n", encoding="utf-8")
    with pytest.raises(ModelsFailed, match="dbt could not compile the models"):
        check_types_aside(Settings(home=home, data=tmp_path / "data", key=SecretStr(KEY.decode())))
