"""Anonymeter's verdict beside the gate's, on samples of the published microdata: make bench-anonymeter.

Needs a night that has run: TRUSTMART_DATA and TRUSTMART_KEY say which. Half of the people of a mart are the release
that Anonymeter attacks, the other half its control; the gate attacks everybody, and its control leaves one out.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from trustmart.errors import TrustmartError
from trustmart.gates.attacks.published import class_id, members_of, names, records_of
from trustmart.gates.looking import look
from trustmart.gates.measures_sql import candidate, candidate_columns, quoted
from trustmart.gates.suites import requirements
from trustmart.policy import Policy, load_policy
from trustmart.settings import Settings
from trustmart.warehouse import DuckDBWarehouse, Session

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "anonymeter.json"
THEIRS = HERE.parent / "var" / "anonymeter-venv" / "bin" / "python"
SAMPLE = 8_000
OURS = {"singling out": ("singling_out", "singling_out_risk"), "inference": ("inference", "inference_risk")}


def sample(session: Session, policy: Policy, mart: str, path: Path) -> tuple[list[str], str]:
    """Write everybody's published labels and sensitive value, half as release, half as control; at most SAMPLE rows."""
    release = policy.releases[mart]
    columns, (sensitive, *_) = list(release.quasi_identifiers), release.sensitive
    value = f"coalesce(cast(r.{quoted(sensitive)} as varchar), 'none')"
    session.run(
        f"copy (select case when hash(m.subject_id) % 2 = 0 then 'release' else 'control' end as part,"
        f" {names(columns)}, {value} as {quoted(sensitive)} from {members_of(mart)} as m"
        f" join (select distinct {class_id(columns)} as class_id, {names(columns)} from {candidate(mart)}) as l"
        f" using (class_id) join (select subject_id, {quoted(sensitive)} from {records_of(mart)}) as r"
        " using (subject_id)"
        f" order by hash(m.subject_id) limit {SAMPLE}) to '{path}' (format parquet)"
    )
    return columns, sensitive


def theirs(path: Path, columns: list[str], sensitive: str) -> dict[str, Any]:
    """Return what Anonymeter says of a sample."""
    command = [str(THEIRS), str(HERE / "anonymeter" / "attack.py"), str(path), ",".join(columns), sensitive]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def ours(session: Session, policy: Policy, mart: str) -> dict[str, dict[str, Any]]:
    """Return the gate's figures of the whole mart, by attack."""
    asked = {one.check: one.arguments for one in requirements(policy, mart)}
    figures = {name: look(check, session, asked[check]).figures for name, (check, _) in OURS.items()}
    found = {
        name: {"risk": figures[name][risk], "low": figures[name][f"{risk}_low"], "high": figures[name][f"{risk}_high"]}
        for name, (_, risk) in OURS.items()
    }
    linked = look("pair_classes", session, asked["pair_classes"]).figures if "pair_classes" in asked else {}
    return {**found, "linkability": dict(linked)}


def main() -> None:
    """Compare, print, and write the results."""
    settings = Settings()
    policy = load_policy(settings.policy_folder)
    results = {}
    with DuckDBWarehouse(settings).session(reads=["restricted"]) as session, tempfile.TemporaryDirectory() as folder:
        for mart, release in policy.releases.items():
            if not release.is_microdata or not candidate_columns(session, mart):
                continue
            path = Path(folder) / f"{mart}.parquet"
            results[mart] = {
                "anonymeter": theirs(path, *sample(session, policy, mart, path)),
                "gate": ours(session, policy, mart),
            }
    RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    try:
        main()
    except TrustmartError as error:
        sys.exit(str(error))
