"""Forget people soon after they ask, not only at night."""

from airflow.sdk import AssetOrTimeSchedule, dag

from trustmart_airflow.assets import PRIVACY_REQUESTS
from trustmart_airflow.defaults import AS_OF, DEFAULTS, EVERY_QUARTER
from trustmart_airflow.operators import Forget


@dag(schedule=AssetOrTimeSchedule(timetable=EVERY_QUARTER, assets=PRIVACY_REQUESTS), params=AS_OF, **DEFAULTS)
def forget_subjects():
    """Erase, restrict and withdraw every quarter of an hour, and at once when a request arrives."""
    Forget(task_id="forget")


forget_subjects()
