"""`make up`: Airflow with its UI on this machine, until Ctrl-C."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from trustmart.settings import Settings
from trustmart_airflow.environment import USER, airflow_environment, password

ENDED = (
    "select end_date, state, dag_id, task_id from task_instance where end_date > ?"
    " and state in ('success', 'failed', 'upstream_failed') and operator <> 'EmptyOperator' order by end_date"
)
HEALTHY = ("metadatabase", "scheduler", "triggerer", "dag_processor")
PATIENCE = 240

# `airflow standalone` starts the same four, and two servers of log files that listen to the whole network; they are
# left out, because here the API server reads the files itself. The scheduler comes last: its tasks need the API.
SERVER = ["api-server"]
OTHERS = (["dag-processor"], ["triggerer", "--skip-serve-logs"], ["scheduler", "--skip-serve-logs"])


@dataclass(frozen=True, kw_only=True)
class Running:
    """An Airflow that runs."""

    url: str
    password: str
    log: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def broken(self) -> bool:
        """True once a part of it has ended by itself."""
        return any(process.poll() is not None for process in self.processes)


@contextmanager
def airflow(settings: Settings, *, port: int) -> Iterator[Running]:
    """Start Airflow in sessions of its own, wait until it is healthy, and end all of it afterwards."""
    _require_free(port)
    environment = airflow_environment(settings, port=port)
    home = Path(environment["AIRFLOW_HOME"])
    secret = password(home)
    _prepare(environment)
    log = home / "logs" / "up.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_bytes(b"")
    running = Running(url=f"http://127.0.0.1:{port}", password=secret, log=log)
    try:
        _start(running, SERVER, environment)
        # The part that tasks talk to is set up when it is first asked for something.
        _wait_until(running, lambda: bool(_answer(f"{running.url}/execution/health")))
        for command in OTHERS:
            _start(running, command, environment)
        _wait_until(running, lambda: _is_healthy(running.url))
        yield running
    finally:
        _end(running.processes)


def _start(running: Running, command: list[str], environment: dict[str, str]) -> None:
    """Start a part of Airflow."""
    program = str(Path(sys.executable).parent / "airflow")
    with running.log.open("ab") as output:
        process = subprocess.Popen(
            [program, *command],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    running.processes.append(process)


def _prepare(environment: dict[str, str]) -> None:
    """Make tables and pool, read the DAGs; in a process of its own, because the environment comes first."""
    code = "from trustmart_airflow import database; database.prepare(); database.load_dags()"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"Airflow's database could not be prepared:\n{done.stderr[-2000:]}")


def _require_free(port: int) -> None:
    """Say it now, and not after a minute, where something else listens."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise SystemExit(f"Port {port} is taken. Use another one: TRUSTMART_PORT=8090 make up")


def _wait_until(running: Running, well: Callable[[], bool]) -> None:
    """Return when all is well; give up when a part has ended, or after some minutes."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and not running.broken:
        if well():
            return
        time.sleep(0.5)
    end = running.log.read_text(errors="replace")[-2000:]
    raise SystemExit(f"Airflow did not become healthy; the end of {running.log}:\n{end}")


def _is_healthy(url: str) -> bool:
    """True when all four parts of Airflow say they are well."""
    health = _answer(f"{url}/api/v2/monitor/health")
    return all(health.get(part, {}).get("status") == "healthy" for part in HEALTHY)


def _answer(url: str) -> dict[str, Any]:
    """Return what Airflow says at a URL; nothing at all while it does not answer."""
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            said: dict[str, Any] = json.load(answer)
            return said
    except (urllib.error.URLError, OSError, ValueError):
        return {}


def _end(processes: list[subprocess.Popen[bytes]]) -> None:
    """End every process of Airflow's sessions: children outlive their parents otherwise."""
    sessions = {process.pid for process in processes}
    members = [child for child in psutil.process_iter() if _session(child.pid) in sessions]
    for ask, seconds in ((psutil.Process.terminate, 15), (psutil.Process.kill, 5)):
        for member in filter(_is_alive, members):
            with suppress(psutil.NoSuchProcess):
                ask(member)
        deadline = time.monotonic() + seconds
        while any(map(_is_alive, members)) and time.monotonic() < deadline:
            time.sleep(0.2)
    for process in processes:
        process.wait()


def _is_alive(process: psutil.Process) -> bool:
    """True unless the process has ended; one whose parent has not noticed yet has ended too."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _session(pid: int) -> int:
    """Return a process's session, or 0 where it is gone."""
    try:
        return os.getsid(pid)
    except OSError:
        return 0


def _follow(running: Running, database: Path) -> None:
    """Tell of every task that ends, for as long as Airflow runs."""
    last = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"
    while not running.broken:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=60)) as connection:
            ended = connection.execute(ENDED, [last]).fetchall()
        for _, state, dag, task in ended:
            sys.stdout.write(f"  {state:<8} {dag:<19} {task}\n")
        last = ended[-1][0] if ended else last
        sys.stdout.flush()
        time.sleep(2)
    sys.stdout.write(f"A part of Airflow has ended by itself; see {running.log}\n")


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
            _follow(running, settings.data_folder / "airflow" / "airflow.db")
    except KeyboardInterrupt:
        sys.stdout.write("\nAirflow has ended.\n")
    return 0


def _welcome(running: Running) -> str:
    """Return where to go, and as whom."""
    return (
        f"\n  Airflow   {running.url}\n  user      {USER}\n  password  {running.password}\n\n"
        "  The four DAGs are loaded and on. Trigger ingest_crm: assets trigger the rest.\n"
        "  The reports are under Privacy in the menu. No CRM yet? `make demo` makes one.\n"
        f"  Airflow's log: {running.log}\n  Ctrl-C ends Airflow. Tasks as they end:\n\n"
    )


if __name__ == "__main__":
    sys.exit(main())
