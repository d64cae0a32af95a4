"""Two implementations agree: what the engine publishes, and what plain Python would."""

from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.exhaustive import apply, optimum
from trustmart.anonymity.models import Requirements
from trustmart.anonymity.recoding import Recoding
from trustmart.anonymity.search import SensitiveColumn
from trustmart.anonymizing.anonymize import anonymize
from trustmart.anonymizing.config import ReleaseConfig
from trustmart.anonymizing.encoding_sql import profile
from trustmart.anonymizing.files import engine, open_table
from trustmart.anonymizing.publishing import publish
from trustmart.anonymizing.requirements import requirements_of
from trustmart.errors import NoRecoding, TableUnfit

TREE = {"airways": ["flu", "cold"], "joints": ["gout"]}
QUASI_IDENTIFIERS = {
    "age": {"hierarchy": {"ranges": {"from": 0, "to": 8, "widths": [1, 4]}}, "fallback": "other"},
    "born": {"hierarchy": {"calendar": {"from": "1999-12-30", "to": "2000-01-03"}}, "minimum_level": "month"},
    "place": {"hierarchy": {"tree": {"A": ["A1", "A2"], "B": ["B1"]}}, "fallback": "elsewhere", "weight": 2},
}
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "age": st.one_of(st.none(), st.integers(0, 9)),
            "born": st.one_of(st.none(), st.sampled_from(["1999-12-30", "2000-01-01", "2000-01-03"])),
            "place": st.sampled_from(["A1", "A2", "B1", "\U0001f30d", None]),
            "illness": st.sampled_from(["flu", "flu", "gout", "cold", None]),
        }
    ),
    min_size=1,
    max_size=30,
)
SENSITIVE: dict[str, Any] = {
    "k": {},
    "distinct": {"illness": {"distinct": 2}},
    "entropy": {"illness": {"entropy": 1.5}},
    "recursive": {"illness": {"recursive_c": 1.5, "recursive_l": 2}},
    "equal": {"illness": {"t": 0.3}},
    "ordered": {"illness": {"t": 0.2, "distance": "ordered", "order": ["flu", "cold", "fever", "gout"]}},
    "hierarchical": {"illness": {"t": 0.3, "distance": "hierarchical", "tree": TREE}},
    "several": {"illness": {"distinct": 2, "t": 0.4, "recursive_c": 3, "recursive_l": 2}},
}
SCHEMA = pa.schema([("age", pa.int64()), ("born", pa.string()), ("place", pa.string()), ("illness", pa.string())])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return one folder for all examples."""
    return tmp_path_factory.mktemp("published")


@pytest.mark.parametrize("model", sorted(SENSITIVE))
@settings(max_examples=12)
@given(rows=ROWS, k=st.integers(2, 3), budget=st.sampled_from([0.0, 0.2, 0.5]))
def test_the_engine_publishes_what_python_would(folder: Path, model: str, rows: Any, k: int, budget: float) -> None:
    """S12: same optimum, same labels, same suppressed rows under every model; nulls, strangers and emoji included."""
    source, output = folder / "in.parquet", folder / "out.parquet"
    parquet.write_table(pa.Table.from_pylist(rows, SCHEMA), source)
    config = ReleaseConfig.model_validate(
        {
            "minimum_class_size": k,
            "maximum_suppressed": budget,
            "quasi_identifiers": QUASI_IDENTIFIERS,
            "sensitive": SENSITIVE[model],
        }
    )
    with engine() as session:
        try:
            done = anonymize(session, open_table(session, source), config, output)
        except (NoRecoding, TableUnfit):
            return
    everybody = Counter(row["illness"] for row in rows)
    column = SensitiveColumn(tuple(everybody), [])  # type: ignore[arg-type]
    asked = requirements_of(config, dict.fromkeys(config.sensitive, column))
    weights, hierarchies = {"age": 1, "born": 1, "place": 2}, done.recoding.hierarchies
    best = optimum(rows, hierarchies, asked, weights, (0, 1, 0))
    expected = apply(rows, hierarchies, done.fitted.levels, asked, weights)
    assert best is not None
    assert done.fitted.loss == pytest.approx(best.loss) == pytest.approx(expected.loss)
    published = parquet.read_table(output).to_pylist()
    columns = ["age", "born", "place", *config.sensitive]
    assert Counter(tuple(row[c] for c in columns) for row in published) == Counter(
        tuple(row[c] for c in columns) for row in expected.published
    )
    assert done.measures.suppressed == done.fitted.suppressed == len(rows) - len(published)
    assert sum(done.loss_by_column[c] * weights[c] for c in weights) / 4 == pytest.approx(best.loss)
    assert done.fallbacks["age"] == sum(row["age"] is not None and row["age"] > 7 for row in rows)


def test_another_night_is_judged_by_the_frozen_recoding(tmp_path: Path) -> None:
    """S12: new values without a label stay back, and sensitive values never seen before count against their class."""
    first = [
        {"place": place, "illness": illness} for place in ("A1", "A2") for illness in ("flu", "cold") for _ in range(2)
    ]
    later = [*first, {"place": "Z9", "illness": "flu"}, *({"place": "A1", "illness": "plague"} for _ in range(4))]
    config = ReleaseConfig.model_validate(
        {
            "minimum_class_size": 2,
            "quasi_identifiers": {"place": {"hierarchy": {"tree": {"A": ["A1", "A2"]}}}},
            "sensitive": {"illness": {"t": 0.2}},
        }
    )
    source, output = tmp_path / "in.parquet", tmp_path / "out.parquet"
    parquet.write_table(pa.Table.from_pylist(first), source)
    with engine() as session:
        done = anonymize(session, open_table(session, source), config, output)
        assert done.measures.records == 8
        parquet.write_table(pa.Table.from_pylist(later), source)
        reference = {"illness": SensitiveColumn(("flu", "cold"), pa.array([0.5, 0.5]).to_numpy())}
        asked: Requirements = requirements_of(config, reference)
        recoding = Recoding(done.recoding.hierarchies, done.fitted.levels)
        table = open_table(session, source)
        profiled = profile(session, table, ["place"])
        written = publish(
            session, table, recoding, asked, reference, columns=["illness"], output=output, profiled=profiled
        )
    assert written == 4
    with duckdb.connect() as connection:
        assert connection.execute(f"select distinct place, illness from '{output}' order by all").fetchall() == [
            ("A2", "cold"),
            ("A2", "flu"),
        ]
