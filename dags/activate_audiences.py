"""Publish the audiences whenever the personal zone has been opened."""

from airflow.sdk import dag

from trustmart_airflow.assets import PERSONAL
from trustmart_airflow.defaults import AS_OF, DEFAULTS
from trustmart_airflow.operators import Activate


@dag(schedule=[PERSONAL], params=AS_OF, **DEFAULTS)
def activate_audiences():
    """Decide consent once more, then send what changed: removals first."""
    Activate(task_id="activate")


activate_audiences()
