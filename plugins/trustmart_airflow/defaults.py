"""What every DAG of ours has in common, written once."""

from datetime import timedelta
from typing import Any

from airflow.sdk import CronTriggerTimetable, Param

from trustmart_airflow.notifiers import TellSomebody

# One slot: a zone is one file with one writer, so the tasks of all DAGs take turns (see dags/README.md).
POOL = "trustmart_warehouse"

# A scheduler that is started for the first time waits for its hour, and does not make up for the last one. (Airflow 3.3
# takes False for "unless the last one is less than a tenth of the period ago", which is until 04:24 for a night.)
NEVER_LATE = timedelta(0)
EVERY_NIGHT = CronTriggerTimetable("0 2 * * *", timezone="UTC", run_immediately=NEVER_LATE)
EVERY_QUARTER = CronTriggerTimetable("*/15 * * * *", timezone="UTC", run_immediately=NEVER_LATE)

DEFAULTS: dict[str, Any] = {
    "catchup": False,
    "max_active_runs": 1,
    "tags": ["trustmart"],
    "default_args": {
        "pool": POOL,
        "retries": 2,
        "retry_delay": timedelta(seconds=30),
        "on_failure_callback": TellSomebody(),
    },
}

AS_OF = {
    "as_of": Param(
        None,
        type=["null", "string"],
        format="date-time",
        description="The instant to decide for, to rebuild a past night. Empty: the run's own date.",
    )
}
