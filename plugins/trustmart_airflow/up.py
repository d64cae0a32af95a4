"""`make up`: Airflow with its UI on this machine, until Ctrl-C."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from trustmart.settings import Settings
from trustmart_airflow.environment import USER, airflow_environment, password

COMPONENTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")
PATIENCE = 180


@dataclass(frozen=True, kw_only=True)
class Running:
    """An Airflow that runs."""

    url: str
    password: str
    log: Path
    process: subprocess.Popen[bytes]


@contextmanager
def airflow(settings: Settings, *, port: int) -> Iterator[Running]:
    """Start Airflow in a session of its own, wait until it is healthy, and end all of it afterwards."""
    _require_free(port)
    environment = airflow_environment(settings, port=port)
    secret = password(Path(environment["AIRFLOW_HOME"]))
    _prepare(environment)
    log = Path(environment["AIRFLOW_HOME"]) / "logs" / "standalone.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [str(Path(sys.executable).parent / "airflow"), "standalone"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    running = Running(url=f"http://127.0.0.1:{port}", password=secret, log=log, process=process)
    try:
        _wait_until_healthy(running)
        yield running
    finally:
        _end(process)


def _prepare(environment: dict[str, str]) -> None:
    """Make the tables and the pool, in a process of its own because the environment must come first."""
    code = "from trustmart_airflow import database; database.prepare()"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"Airflow's database could not be prepared:\n{done.stderr[-2000:]}")


def _require_free(port: int) -> None:
    """Say it now, and not after a minute, where something else listens."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise SystemExit(f"Port {port} is taken. Use another one: TRUSTMART_PORT=8090 make up")


def _wait_until_healthy(running: Running) -> None:
    """Return when all four parts of Airflow say they are well."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if running.process.poll() is not None:
            break
        health = _health(running.url)
        if all(health.get(part, {}).get("status") == "healthy" for part in COMPONENTS):
            return
        time.sleep(1)
    end = running.log.read_text()[-2000:]
    raise SystemExit(f"Airflow did not become healthy; the end of {running.log}:\n{end}")


def _health(url: str) -> dict[str, Any]:
    """Ask Airflow how it is; nothing at all while it does not answer."""
    try:
        with urllib.request.urlopen(f"{url}/api/v2/monitor/health", timeout=5) as answer:
            health: dict[str, Any] = json.load(answer)
            return health
    except (urllib.error.URLError, OSError, ValueError):
        return {}


def _end(process: subprocess.Popen[bytes]) -> None:
    """End every process of Airflow's session: its children outlive it otherwise."""
    members = [child for child in psutil.process_iter() if _session(child.pid) == process.pid]
    for member in members:
        with suppress(psutil.NoSuchProcess):
            member.terminate()
    _, alive = psutil.wait_procs(members, timeout=15)
    for member in alive:
        with suppress(psutil.NoSuchProcess):
            member.kill()
    process.wait()


def _session(pid: int) -> int:
    """Return a process's session, or 0 where it is gone."""
    try:
        return os.getsid(pid)
    except OSError:
        return 0


def _follow(running: Running) -> None:
    """Copy Airflow's log to the terminal for as long as it runs."""
    with running.log.open(errors="replace") as lines:
        lines.seek(0, os.SEEK_END)
        while running.process.poll() is None:
            if line := lines.readline():
                sys.stdout.write(line)
            else:
                sys.stdout.flush()
                time.sleep(0.5)


def main() -> int:
    """Start, say where to log in, and follow until Ctrl-C."""
    settings = Settings()
    port = int(os.environ.get("TRUSTMART_PORT", "8080"))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.stdout.write("Airflow is starting, which takes about a minute ...\n")
        sys.stdout.flush()
        with airflow(settings, port=port) as running:
            sys.stdout.write(_welcome(running))
            sys.stdout.flush()
            _follow(running)
    except KeyboardInterrupt:
        sys.stdout.write("\nAirflow has ended.\n")
    return 0


def _welcome(running: Running) -> str:
    """Return where to go, and as whom."""
    return (
        f"\n  Airflow   {running.url}\n  user      {USER}\n  password  {running.password}\n\n"
        "  The four DAGs are loaded and on. Trigger ingest_crm: assets trigger the rest.\n"
        "  The reports are under Privacy in the menu. No CRM yet? `trustmart generate` makes one.\n"
        "  Ctrl-C ends Airflow.\n\n"
    )


if __name__ == "__main__":
    sys.exit(main())
