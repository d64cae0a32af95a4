"""Trustmart under Airflow: assets, operators, the Privacy page, and one night in one process."""
