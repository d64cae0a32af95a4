"""Build the marts whenever the CRM has been taken in."""

from airflow.sdk import TaskGroup, dag

from trustmart_airflow.assets import RESTRICTED_CRM
from trustmart_airflow.boxes import one_box_per_model
from trustmart_airflow.defaults import AS_OF, DEFAULTS
from trustmart_airflow.operators import DbtBuild, Forget, HeldAlarm, ModelsFailedAlarm, Release


@dag(schedule=[RESTRICTED_CRM], params=AS_OF, **DEFAULTS)
def build_marts():
    """Forget whom we must, build from the rest, open what passes its gate.

    The two alarms are skipped on a good night. `models_failed` stops before anything is released; `held`
    turns red after what passed is open.
    """
    forget = Forget(task_id="forget")
    with TaskGroup("transform"):
        build = DbtBuild(task_id="dbt_build")
        failed = ModelsFailedAlarm(task_id="models_failed", about="transform.dbt_build")
        build >> one_box_per_model()
    release = Release(task_id="release", trigger_rule="none_failed_min_one_success")
    held = HeldAlarm(task_id="held", about="release")

    forget >> build >> [failed, release]
    failed >> release >> held


build_marts()
