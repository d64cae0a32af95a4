"""Take the CRM in, every night at two."""

from airflow.sdk import dag

from trustmart_airflow.defaults import AS_OF, DEFAULTS, EVERY_NIGHT
from trustmart_airflow.operators import Ingest


@dag(schedule=EVERY_NIGHT, params=AS_OF, **DEFAULTS)
def ingest_crm():
    """Take the CRM into the restricted zone; ring at once where people have asked for something."""
    Ingest(task_id="ingest")


ingest_crm()
