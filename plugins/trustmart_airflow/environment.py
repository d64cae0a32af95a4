"""The environment in which Airflow runs here: all below var/airflow, on this machine only, phoning nobody."""

import json
import os
import secrets
import sys
from pathlib import Path

from trustmart.settings import Settings, private_folder

USER = "admin"
SILENCE = {
    "DO_NOT_TRACK": "1",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "GX_ANALYTICS_ENABLED": "false",
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    "PYTHONWARNINGS": "ignore",
}


# On a small machine Airflow's processes wait for each other longer than they expect to.
SQLITE_PATIENCE = {"timeout": 60}
PATIENCE = {
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONNECT_ARGS": f"{__name__}.SQLITE_PATIENCE",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONNECT_ARGS_ASYNC": f"{__name__}.SQLITE_PATIENCE",
    "AIRFLOW__WORKERS__EXECUTION_API_RETRIES": "8",
    "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
}


def airflow_environment(settings: Settings, *, port: int = 8080) -> dict[str, str]:
    """Return the variables of this process and ours; what somebody has set already stays as it is.

    A key is made where there is none: this is the environment for trying Trustmart out, not for a server.
    """
    home = private_folder(settings.data_folder / "airflow")
    ours = {
        **SILENCE,
        **PATIENCE,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__CORE__AUTH_MANAGER": (
            "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"
        ),
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(settings.home / "dags"),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(settings.home / "plugins"),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords_file(home)),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "TRUSTMART_CRM_FOLDER": str(settings.data_folder / "crm"),
        "TRUSTMART_GENERATE_KEY": "1",
        "TRUSTMART_OUTBOX": str(settings.data_folder / "outbox"),
    }
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    places = {"TRUSTMART_DATA": str(settings.data_folder), "TRUSTMART_HOME": str(settings.home)}
    return {**ours, **os.environ, **places, "PATH": path}


def enter(settings: Settings) -> None:
    """Put the environment on; only worth anything before airflow is imported."""
    os.environ.update(airflow_environment(settings))


def passwords_file(home: Path) -> Path:
    """Return the file with the password of the local login."""
    return home / "passwords.json"


def password(home: Path) -> str:
    """Return the password of the local login; make one, readable by its owner only, where there is none."""
    path = passwords_file(home)
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump({USER: secrets.token_urlsafe(12)}, file)
    known: dict[str, str] = json.loads(path.read_text())
    return known[USER]
