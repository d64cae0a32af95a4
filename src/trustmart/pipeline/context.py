"""What every stage is handed: settings, policy, warehouse, ledger, and where its report goes."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trustmart.identity import derive_key
from trustmart.ledger import Ledger, ReleaseChain
from trustmart.legal_basis import Ground, Status, grounds_of, statuses_of
from trustmart.policy import Policy, load_policy
from trustmart.settings import Settings
from trustmart.warehouse import DuckDBWarehouse


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The tools of one deployment, the instant the night speaks for, and what follows from the policy.

    statuses: where every use case stands. grounds: what those that may run ask of a person.
    """

    settings: Settings
    policy: Policy
    warehouse: DuckDBWarehouse
    ledger: Ledger
    as_of: datetime
    now: datetime
    statuses: Mapping[str, Status] = field(init=False)
    grounds: Mapping[str, Ground] = field(init=False)

    def __post_init__(self) -> None:
        """Decide on every use case once."""
        statuses = statuses_of(self.policy)
        object.__setattr__(self, "statuses", statuses)
        object.__setattr__(self, "grounds", grounds_of(self.policy, statuses))

    @property
    def sends_at(self) -> datetime:
        """Return the instant for which consent is decided before anything leaves: never earlier than the clock."""
        return max(self.as_of, self.now)

    @property
    def releases(self) -> ReleaseChain:
        """Return the chain of releases; raises KeyMissing."""
        return ReleaseChain(self.settings.releases_folder, derive_key(self.settings.secret_key, "releases"))

    @property
    def run_folder(self) -> Path:
        """Return the folder of this night's reports."""
        folder = self.settings.runs_folder / self.as_of.strftime("%Y%m%dT%H%M%SZ")
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def keep(self, stage: str, report: dict[str, Any]) -> dict[str, Any]:
        """Write a stage's report (counts only) for the night's page, and return it."""
        path = self.run_folder / f"{stage}.json"
        beside = path.with_suffix(".next")
        beside.write_text(json.dumps(report, indent=1, sort_keys=True))
        os.replace(beside, path)
        return report

    def kept(self, stage: str) -> dict[str, Any] | None:
        """Return what a stage of this night reported, or None where it has not run."""
        path = self.run_folder / f"{stage}.json"
        return json.loads(path.read_text()) if path.exists() else None


def open_context(
    *, as_of: datetime | None = None, now: datetime | None = None, settings: Settings | None = None
) -> Context:
    """Read settings and policy, and return the tools; raises PolicyFault, KeyMissing.

    as_of: the instant the marts speak for, with its time zone; now, to the second, unless given. now: what the clock
    says, for tests.
    """
    settings = settings or Settings()
    clock = (now or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0)
    moment = (as_of or clock).astimezone(UTC).replace(microsecond=0)
    return Context(
        settings=settings,
        policy=load_policy(settings.policy_folder),
        warehouse=DuckDBWarehouse(settings),
        ledger=Ledger(settings.ledger_file),
        as_of=moment,
        now=clock,
    )
