"""One box per dbt model in Airflow's graph. The scheduler completes them itself, so they cost no worker."""

from collections.abc import Iterable
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import BaseOperator, TaskGroup

from trustmart_airflow.nodes import PARENTS

GROUP = "models"
BUILT = ("success", "pass", "warn", "partial success")


def one_box_per_model() -> list[BaseOperator]:
    """Draw dbt's lineage as empty tasks, and return those that wait for no other model.

    A box that is left out is skipped, and everything below it with it: green means that dbt built it tonight.
    """
    with TaskGroup(GROUP, tooltip="One box per dbt model; dbt_build decides which of them turn green"):
        boxes = {model: EmptyOperator(task_id=model) for model in PARENTS}
    for model, parents in PARENTS.items():
        for parent in parents:
            boxes[parent] >> boxes[model]
    return [boxes[model] for model, parents in PARENTS.items() if not parents]


def boxes_to_leave_out(dag: Any, models: Iterable[dict[str, Any]]) -> list[BaseOperator]:
    """Return the boxes of models that dbt did not build, or whose tests failed."""
    built = {row["name"] for row in models if row["status"] in BUILT}
    marker = f"{GROUP}."
    return [task for task in dag.tasks if marker in task.task_id and task.task_id.rpartition(".")[2] not in built]
