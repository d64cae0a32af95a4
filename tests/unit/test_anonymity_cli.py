"""The anonymity tool on the command line: right answers for odd tables, clear errors before any work is done."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
import yaml
from typer.testing import CliRunner, Result

from trustmart.cli import app

runner = CliRunner()
FLAT = {"hierarchy": {"flat": True}}


def _table(folder: Path, content: dict[str, list[Any]] | pa.Table) -> Path:
    """Write a Parquet file."""
    path = folder / "people.parquet"
    parquet.write_table(content if isinstance(content, pa.Table) else pa.table(content), path)
    return path


def _anonymize(folder: Path, source: Path, columns: dict[str, Any], **more: Any) -> Result:
    """Run the command with a configuration."""
    config = folder / "release.yml"
    config.write_text(
        yaml.safe_dump(
            {"minimum_class_size": 2, "quasi_identifiers": columns, **more}, allow_unicode=True, sort_keys=False
        )
    )
    output = folder / "out.parquet"
    return runner.invoke(app, ["anonymize", str(source), "--config", str(config), "--output", str(output), "--json"])


def _inspect(*arguments: str) -> dict[str, Any]:
    """Run the command, and read what it prints."""
    done = runner.invoke(app, ["inspect", *arguments, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_inspect_says_every_measure(tmp_path: Path) -> None:
    """S12: the keys that scripts read, with nulls as a class: pandas' groupby would say 3, the truth is 1."""
    source = _table(tmp_path, {"job": ["nurse"] * 3 + [None], "ill": ["a", "b", "b", "a"]})
    said = _inspect(str(source), "--quasi-identifiers", "job", "--sensitive", "ill", "--records-total", "5", "--k", "2")
    assert (said["smallest_class_size"], said["median_class_size"], said["smallest_diversity"]) == (1, 1, 1)
    assert (said["smallest_entropy_diversity"], said["largest_t"]) == (pytest.approx(1), 0.5)
    assert (said["suppressed_share"], said["maximum_risk"], said["records_below_k"]) == (0.2, 1.0, 1)
    assert said["sensitive"]["ill"]["recursive_c_for_l"] == {"2": None, "3": None}


def test_a_quick_look_says_the_same_k_l_and_t(tmp_path: Path) -> None:
    """S12: --quick is one statement with the same three figures, worst and by column; it draws no picture."""
    content = {"x": ["a", "a", None, None], "s": ["1", "2", "3", "3"], "r": ["1", "1", "1", "2"]}
    path = tmp_path / "people.parquet"
    parquet.write_table(pa.table(content), path)
    asked = ["inspect", str(path), "--quasi-identifiers", "x", "--sensitive", "s,r"]
    whole = json.loads(runner.invoke(app, [*asked, "--json"]).stdout)
    quick = json.loads(runner.invoke(app, [*asked, "--quick", "--json"]).stdout)
    for name in ("smallest_class_size", "smallest_diversity", "largest_t"):
        assert quick[name] == pytest.approx(whole[name]), name
    assert quick["sensitive"]["s"]["smallest_diversity"] == 1
    shown = runner.invoke(app, [*asked, "--quick"])
    assert "smallest class size" in shown.output
    refused = runner.invoke(app, [*asked, "--quick", "--picture", str(tmp_path / "classes.svg")])
    assert (refused.exit_code, "--picture" in refused.output) == (1, True)


def test_inspect_reads_csv_as_it_stands(tmp_path: Path) -> None:
    """S18: 01001 stays a postcode, semicolons are separators, an empty field is a null."""
    source = tmp_path / "people.csv"
    source.write_text("postcode;job\n01001;nurse\n1001;nurse\n;nurse\n", encoding="utf-8")
    said = _inspect(str(source), "--quasi-identifiers", "postcode")
    assert (said["classes"], said["smallest_class_size"]) == (3, 1)
    assert _inspect(str(source), "--quasi-identifiers", "job")["smallest_class_size"] == 3


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_a_picture_of_class_sizes_and_risk(tmp_path: Path, suffix: str) -> None:
    """S12: inspect draws what it measured, as SVG or PNG; of an empty table too."""
    for rows in (["a", "a", None], []):
        picture = tmp_path / f"{len(rows)}.{suffix}"
        source = _table(tmp_path, {"x": pa.array(rows, pa.string())})
        _inspect(str(source), "--quasi-identifiers", "x", "--picture", str(picture))
        assert picture.stat().st_size > 1000


def test_anonymize_writes_a_table_in_which_nobody_stands_out(tmp_path: Path) -> None:
    """S12, S18: birth date, postcode and job become coarse enough; columns that are not named stay out."""
    people = range(60)
    source = _table(
        tmp_path,
        {
            "name": [f"person {i}" for i in people],
            "born": [date(1980, 1, 1) + timedelta(days=97 * i) for i in people],
            "postcode": [f"7{i % 4}00{i % 2}" for i in people],
            "job": ["nurse" if i % 3 else "clerk" for i in people],
            "ill": ["flu" if i % 2 else "gout" for i in people],
        },
    )
    columns = {
        "born": {"hierarchy": {"calendar": {}}, "minimum_level": "month"},
        "postcode": {"hierarchy": {"prefixes": {"length": 5}}, "minimum_level": "3 characters"},
        "job": {"hierarchy": {"tree": {"work": ["nurse", "clerk"]}}},
    }
    done = _anonymize(tmp_path, source, columns, maximum_suppressed=0.1, sensitive={"ill": {"distinct": 2}})
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert said["optimal"] is True
    assert said["gap"] == 0
    assert said["smallest_class_size"] >= 2
    assert said["smallest_diversity"] == 2
    assert said["suppressed_share"] <= 0.1
    assert set(said["recoding"]["columns"]) == set(columns)
    written = parquet.read_table(tmp_path / "out.parquet")
    assert written.column_names == ["born", "postcode", "job", "ill"]
    assert written.num_rows == said["records"]
    again = _inspect(
        str(tmp_path / "out.parquet"), "--quasi-identifiers", "born,postcode,job", "--sensitive", "ill", "--k", "2"
    )
    assert {key: again[key] for key in ("smallest_class_size", "largest_t", "classes")} == {
        key: said[key] for key in ("smallest_class_size", "largest_t", "classes")
    }


def test_anonymize_tells_a_person_what_it_did(tmp_path: Path) -> None:
    """S12: without --json it is a table of levels, the loss, the proof, and what went to a fallback."""
    source = _table(tmp_path, {"job": ["nurse", "nurse", "astronaut", "pilot"]})
    config = tmp_path / "release.yml"
    config.write_text(
        "minimum_class_size: 2\nquasi_identifiers:\n  job: {hierarchy: {tree: {work: [nurse]}}, fallback: other}\n"
    )
    done = runner.invoke(
        app,
        [
            "anonymize",
            str(source),
            "--config",
            str(config),
            "--output",
            str(tmp_path / "out.parquet"),
            "--picture",
            str(tmp_path / "p.svg"),
        ],
    )
    assert done.exit_code == 0, done.output
    assert "no other recoding loses less" in done.output
    assert "2 values were outside its hierarchy and went to its fallback" in done.output
    assert "astronaut" not in done.output
    assert (tmp_path / "p.svg").exists()
    assert parquet.read_table(tmp_path / "out.parquet").to_pylist().count({"job": "other"}) == 2


NOBODY = pa.array([], pa.string())


@pytest.mark.parametrize(
    ("content", "columns", "more", "said"),
    [
        ({"x": NOBODY}, {"x": FLAT}, {}, "has no rows"),
        ({"x": ["a"]}, {"x": FLAT}, {}, "has 1 rows, a class must have 2"),
        ({"x": ["a", "b"]}, {"x": FLAT}, {"minimum_class_size": 3}, "has 2 rows, a class must have 3"),
        ({"x": ["a", "b"]}, {"y": FLAT}, {}, "has no column y"),
        ({"x": ["a", "b"]}, {"x": FLAT}, {"publish": ["z"]}, "has no column z"),
        ({"x": ["Ann", "b"]}, {"x": {"hierarchy": {"tree": {"g": ["b"]}}}}, {}, "x: 1 values are outside"),
        (
            {"x": [-5, 1]},
            {"x": {"hierarchy": {"ranges": {"from": 0, "to": 10, "widths": [5]}}}},
            {},
            "x: 1 values are outside",
        ),
        ({"x": ["a", "b"]}, {"x": {"hierarchy": {"csv": "torn.csv"}}}, {}, "no tree: 1 labels of level value"),
        ({"x": ["a", "b"]}, {"x": {"hierarchy": {"csv": "nowhere.csv"}}}, {}, "cannot be read"),
        ({"x": ["a", "b"]}, {"x": {"hierarchy": {"csv": "empty.csv"}}}, {}, "no line below the names"),
        ({"x": ["a", "b"]}, {"x": {**FLAT, "minimum_level": "month"}}, {}, "no level 'month'"),
        ({"x": ["a", "b"]}, {"x": {**FLAT, "color": 1}}, {}, "quasi_identifiers.x.color"),
        ({"x": ["a", "b"]}, {"x": {"hierarchy": {}}}, {}, "a hierarchy is one of"),
        ({"x": ["a", "b"]}, {"x": FLAT}, {"sensitive": {"x": {"distinct": 2}}}, "a column has one role"),
        (
            {"x": ["a", "b"], "s": ["u", "v"]},
            {"x": FLAT},
            {"sensitive": {"s": {"t": 0.1, "distance": "hierarchical"}}},
            "needs a tree",
        ),
        ({"x": ["a", "b"], "s": ["u", "v"]}, {"x": FLAT}, {"sensitive": {"s": {"recursive_c": 2}}}, "needs both"),
        (
            {"x": ["a", "b"], "s": ["Ann", "v"]},
            {"x": FLAT},
            {"sensitive": {"s": {"t": 0.1, "distance": "ordered", "order": ["v"]}}},
            "1 values that occur have no place",
        ),
        (
            {"x": ["a", "b"], "s": ["Ann", "v"]},
            {"x": FLAT},
            {"sensitive": {"s": {"t": 0.1, "distance": "hierarchical", "tree": {"g": ["v"]}}}},
            "1 sensitive values that occur are not in its tree",
        ),
        (
            {"x": ["a", "b"], "s": ["u", "u"]},
            {"x": FLAT},
            {"sensitive": {"s": {"distinct": 2}}},
            "none of 2 recodings meets",
        ),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_written(
    tmp_path: Path, content: Any, columns: Any, more: Any, said: str
) -> None:
    """S12: one paragraph with counts and names of columns, exit 1, no file, no value of a person."""
    (tmp_path / "torn.csv").write_text("exact,value,big\na,g,1\nb,g,2\n")
    (tmp_path / "empty.csv").write_text("exact,value\n")
    refused = _anonymize(tmp_path, _table(tmp_path, content), columns, **more)
    assert refused.exit_code == 1
    assert said in refused.output
    assert "Ann" not in refused.output
    assert "Traceback" not in refused.output
    assert not (tmp_path / "out.parquet").exists()


def test_a_file_that_is_no_table_is_refused(tmp_path: Path) -> None:
    """S12: no file, another format, bytes that are no Parquet, nothing in it, two columns of one name."""
    (tmp_path / "people.xlsx").write_text("no")
    (tmp_path / "bad.parquet").write_text("no Parquet")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "torn.csv").write_text("job,town\nnurse,Lyon\nclerk\n")
    (tmp_path / "latin.csv").write_bytes("job\ncaf\u00e9\n".encode("latin-1"))
    (tmp_path / "twice.csv").write_text("job,Job\nnurse,clerk\n")
    parquet.write_table(
        pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]), tmp_path / "twice.parquet"
    )
    for name, said in (
        ("nowhere.csv", "there is no file"),
        ("people.xlsx", "neither .csv nor .parquet"),
        ("bad.parquet", "cannot be read as Parquet"),
        ("empty.csv", "is empty"),
        ("torn.csv", "1 lines have more or fewer fields than its header's 2"),
        ("latin.csv", "cannot be read as CSV in UTF-8"),
        ("twice.csv", "several columns called job"),
        ("twice.parquet", "several columns called a"),
    ):
        refused = runner.invoke(app, ["inspect", str(tmp_path / name), "--quasi-identifiers", "job"])
        assert (refused.exit_code, said in refused.output) == (1, True), refused.output


def test_options_that_cannot_be_are_refused(tmp_path: Path) -> None:
    """S12: a picture of another format, a column in two roles, fewer records before than after, the input as output."""
    source = str(_table(tmp_path, {"x": ["a", "a"], "s": ["u", "v"]}))
    config = tmp_path / "release.yml"
    config.write_text("minimum_class_size: 2\nquasi_identifiers: {x: {hierarchy: {flat: true}}}\n")
    bad_config = tmp_path / "bad.yml"
    bad_config.write_text("minimum_class_size: [\n")
    for arguments, said in (
        (["inspect", source, "--quasi-identifiers", "x", "--picture", "p.gif"], ".svg, .png"),
        (["inspect", source, "--quasi-identifiers", ","], "at least one column"),
        (["inspect", source, "--quasi-identifiers", "x", "--sensitive", "x"], "not both"),
        (["inspect", source, "--quasi-identifiers", "x", "--records-total", "1"], "cannot come from 1"),
        (["anonymize", source, "--config", str(config), "--output", source], "the input"),
        (["anonymize", source, "--config", str(config), "--output", "out.csv"], "written as .parquet"),
        (["anonymize", source, "--config", str(bad_config), "--output", "out.parquet"], "no YAML"),
    ):
        refused = runner.invoke(app, arguments)
        assert refused.exit_code == 1, refused.output
        assert said in refused.output.replace("\n", " ")


def test_all_null_and_constant_columns_are_one_class(tmp_path: Path) -> None:
    """S12: a column without values, and one with a single value, cost nothing; nulls stay null."""
    source = _table(
        tmp_path,
        {"x": pa.array([None, None], pa.string()), "born": pa.array([None, None], pa.date32()), "y": ["a", "a"]},
    )
    columns = {"x": FLAT, "born": {"hierarchy": {"calendar": {}}}, "y": FLAT}
    done = _anonymize(tmp_path, source, columns)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["loss"] == 0
    assert parquet.read_table(tmp_path / "out.parquet").to_pylist() == [{"x": None, "born": None, "y": "a"}] * 2


def test_every_type_finds_its_leaf(tmp_path: Path) -> None:
    """S18: whole numbers, decimals, days, instants with a zone, truth values and emoji are generalized alike."""
    day = date(2000, 2, 29)
    source = _table(
        tmp_path,
        {
            "whole": [41, 44],
            "decimal": [Decimal("0.10"), Decimal("0.40")],
            "day": [day, date(2000, 2, 1)],
            "instant": pa.array(
                [datetime(2000, 2, 28, 23, 30, tzinfo=UTC), datetime(2000, 2, 1, tzinfo=UTC)],
                pa.timestamp("us", "Asia/Tokyo"),
            ),
            "truth": [True, True],
            "emoji": ["\U0001f469\U0001f3fd‍⚕️", "\U0001f469\U0001f3fd‍⚕️"],
        },
    )
    columns = {
        "whole": {"hierarchy": {"ranges": {"from": 0, "to": 100, "widths": [1, 5]}}},
        "decimal": {"hierarchy": {"ranges": {"from": 0, "to": 1, "widths": [0.1, 0.5]}}},
        "day": {"hierarchy": {"calendar": {}}},
        "instant": {"hierarchy": {"calendar": {"from": "2000-01-01", "to": "2000-12-31"}}},
        "truth": FLAT,
        "emoji": FLAT,
    }
    done = _anonymize(tmp_path, source, columns)
    assert done.exit_code == 0, done.output
    expected = {
        "whole": "40-44",
        "decimal": "[0, 0.5)",
        "day": "2000-02",
        "instant": "2000-02",
        "truth": "true",
        "emoji": "\U0001f469\U0001f3fd‍⚕️",
    }
    assert parquet.read_table(tmp_path / "out.parquet").to_pylist() == [expected] * 2


def test_forty_quasi_identifiers_get_a_bounded_search_with_a_stated_gap(tmp_path: Path) -> None:
    """S18: a lattice of 3^40 nodes cannot be searched whole; what comes out is safe, and says how far it may be off."""
    people = range(300)
    # 25 kinds of people, and a tenth who differ from their kind in one column.
    kinds = [
        [(i % 25 * (n * 7 + 3) + n + i % 25 // 3 + (i % 10 == 0 and i % 40 == n)) % 4 for i in people]
        for n in range(40)
    ]
    source = _table(tmp_path, {f"c{n}": [str(value) for value in kinds[n]] for n in range(40)})
    columns = {f"c{n}": {"hierarchy": {"tree": {"low": ["0", "1"], "high": ["2", "3"]}}} for n in range(40)}
    done = _anonymize(tmp_path, source, columns, maximum_suppressed=0.05, time_limit_seconds=1.5)
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert said["lattice_nodes"] == 3**40
    assert said["smallest_class_size"] >= 2
    assert said["optimal"] is False
    assert 0 < said["gap"] <= said["loss"]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([date(1980, 5, 17), None], "calendar"),
        (["1980-05-17", "2001-01-01"], "calendar"),
        ([f"{i:05}" for i in range(30)], "prefixes"),
        (list(range(-3, 40)), "ranges"),
        ([i / 7 for i in range(40)], "ranges"),
        (["nurse", "clerk"], "flat"),
    ],
)
def test_a_draft_fits_the_column_and_can_be_used(tmp_path: Path, values: list[Any], kind: str) -> None:
    """S18: days get a calendar, codes prefixes, numbers ranges; what is drafted works as it stands."""
    source = _table(tmp_path, {"c": values * 2})
    done = runner.invoke(app, ["hierarchy", "draft", str(source), "--column", "c", "--json"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert list(said["quasi_identifier"]["hierarchy"]) == [kind]
    assert said["levels"][-1]["name"] == "*"
    assert said["levels"][0]["examples"] == []  # two people each: too few to show
    used = _anonymize(tmp_path, source, {"c": said["quasi_identifier"]})
    assert used.exit_code == 0, used.output
    assert json.loads(used.stdout)["fallbacks"] == {"c": 0}


def test_a_draft_of_amounts_is_as_fine_as_most_of_them_are(tmp_path: Path) -> None:
    """S18: one fortune does not put everybody else into one interval, and every interval begins at a round number."""
    amounts = [float(f"{50 * 1.01**i:.2f}") for i in range(600)] + [9_876_543.21]
    source = _table(tmp_path, {"c": amounts * 2})
    said = json.loads(runner.invoke(app, ["hierarchy", "draft", str(source), "--column", "c", "--json"]).stdout)
    ranges, levels = said["quasi_identifier"]["hierarchy"]["ranges"], said["levels"]
    assert levels[0]["labels_that_occur"] >= 30
    assert levels[0]["labels"] <= 200_000
    assert all(float(f"{width:.1g}") == width for width in ranges["widths"])
    assert levels[-2]["labels_that_occur"] <= 10
    used = _anonymize(tmp_path, source, {"c": said["quasi_identifier"]})
    assert json.loads(used.stdout)["fallbacks"] == {"c": 0}


def test_a_draft_is_shown_and_a_column_of_nothing_is_refused(tmp_path: Path) -> None:
    """S18: without --json it is YAML to copy, and a table of levels."""
    source = _table(tmp_path, {"c": [date(1980, 5, 17)] * 12, "nothing": pa.array([None] * 12, pa.string())})
    shown = runner.invoke(app, ["hierarchy", "draft", str(source), "--column", "c"]).output
    assert "minimum_level: month" in shown
    assert "decade" in shown
    refused = runner.invoke(app, ["hierarchy", "draft", str(source), "--column", "nothing"])
    assert (refused.exit_code, "has no value" in refused.output) == (1, True)


def test_the_example_of_the_documentation_works_as_it_stands(tmp_path: Path) -> None:
    """S12: what docs/anonymity.md tells a reader to save and type does what it says."""
    project = Path(__file__).parents[2]
    example = (project / "docs" / "anonymity.md").read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    config = tmp_path / "release.yml"
    config.write_text(example.replace("csv: dbt_project", f"csv: {project}/dbt_project"), encoding="utf-8")
    made = runner.invoke(app, ["generate", str(tmp_path / "people"), "--customers", "2000", "--file-format", "parquet"])
    assert made.exit_code == 0, made.output
    source, output = tmp_path / "people" / "customers.parquet", tmp_path / "anonymous.parquet"
    done = runner.invoke(app, ["anonymize", str(source), "--config", str(config), "--output", str(output), "--json"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    again = _inspect(str(output), "--quasi-identifiers", "birth_date,country,job", "--sensitive", "education")
    assert again["smallest_class_size"] == said["smallest_class_size"] >= 11
    assert again["smallest_diversity"] >= 2
