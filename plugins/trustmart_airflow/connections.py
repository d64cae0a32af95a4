"""Secrets from Airflow's connections, looked up while a task runs and handed on, never written anywhere."""

import os

from airflow.sdk import BaseHook, Connection
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.sdk.log import mask_secret
from pydantic import SecretStr

from trustmart.policy import Policy
from trustmart.settings import Settings

KEY_CONNECTION = "trustmart_key"
CRM_CONNECTION = "trustmart_crm"


def settings_with_key() -> Settings:
    """Return the settings; the key is TRUSTMART_KEY, else the password of `trustmart_key`, else a file's."""
    settings = Settings()
    if settings.key is None and (connection := _connection(KEY_CONNECTION)) and connection.password:
        settings = Settings(key=SecretStr(connection.password))
    if settings.key is not None:
        mask_secret(settings.key.get_secret_value())
    return settings


def lend_database_urls(policy: Policy) -> None:
    """Put the URL of `trustmart_crm` where the policy's database sources look, if nothing is there yet."""
    wanted = {source.location.url_env for source in policy.sources.values()} - {None, *os.environ}
    if wanted and (connection := _connection(CRM_CONNECTION)):
        # Airflow says postgres://, SQLAlchemy no longer knows that name.
        url = connection.get_uri().replace("postgres://", "postgresql+psycopg://", 1)
        mask_secret(url)
        os.environ.update({name: url for name in wanted if name})


def _connection(name: str) -> Connection | None:
    """Return a connection, or None where there is none of that name."""
    try:
        return BaseHook.get_connection(name)
    except AirflowNotFoundException:
        return None
