"""The Privacy page inside Airflow's UI: the report of every night, for those who may see the DAG."""
