"""One deployment per way of running a night, and the search for people in what it left behind."""

import csv
import json
import os
import re
import socket
import socketserver
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from trustmart.settings import Settings
from trustmart.sources.synthetic import generate

PROJECT = Path(__file__).parents[2]
CUSTOMERS = 6_000
AS_OF = "2026-11-21T02:00:00+00:00"


def environment(data: Path, **more: str) -> dict[str, str]:
    """Return an environment with nothing of the developer's own deployment in it."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("TRUSTMART_", "AIRFLOW"))}
    return {**clean, "TRUSTMART_DATA": str(data), "AIRFLOW_HOME": str(data / "airflow"), **more}


@pytest.fixture(scope="session")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """The modules of the plugin that import Airflow, which makes itself a home when that happens."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))
        from trustmart_airflow import failures, instants, notifiers
    return SimpleNamespace(failures=failures, instants=instants, notifiers=notifiers)


def read_dags(folder: Path, home: Path) -> dict[str, Any]:
    """Parse a folder of DAG files in a process of its own."""
    command = [sys.executable, str(Path(__file__).with_name("parse_dags.py")), str(folder)]
    done = subprocess.run(
        command, env=environment(home) | {"PYTHONDONTWRITEBYTECODE": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="session")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What Airflow reads in dags/."""
    return read_dags(PROJECT / "dags", tmp_path_factory.mktemp("parse"))


@dataclass(frozen=True)
class Deployment:
    """A folder in which nights have been run."""

    data: Path
    output: str = ""
    returncode: int = 0

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Ask Airflow's database."""
        connection = sqlite3.connect(self.data / "airflow" / "airflow.db")
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()

    def states(self, dag: str) -> dict[str, str]:
        """Return the state of every task of a DAG's last run."""
        rows = self.query(
            f"select task_id, t.state from task_instance as t join dag_run as r using (dag_id, run_id)"
            f" where dag_id = '{dag}' order by r.id"
        )
        return dict(rows)

    def stage(self, name: str) -> dict[str, Any]:
        """Return what a stage reported."""
        (path,) = (self.data / "runs").glob(f"2*/{name}.json")
        report: dict[str, Any] = json.loads(path.read_text())
        return report

    def said(self) -> str:
        """Return every word of logs, XComs, asset events, run parameters and reports."""
        logs = [path.read_text(errors="replace") for path in (self.data / "airflow" / "logs").rglob("*.log")]
        pages = [path.read_text() for path in (self.data / "runs").rglob("*.*") if path.suffix in (".json", ".html")]
        rows = self.query("select value from xcom") + self.query("select extra from asset_event")
        rows += self.query("select conf from dag_run")
        return "\n".join([*logs, *pages, *(str(row) for row in rows), self.output])


def run_night(data: Path, **more: str) -> Deployment:
    """Generate a CRM and run one night through Airflow in one process."""
    generate(data / "crm", customers=CUSTOMERS)
    command = [sys.executable, "-m", "trustmart_airflow.night", "--as-of", AS_OF]
    done = subprocess.run(command, env=environment(data, **more), capture_output=True, text=True, check=False)
    return Deployment(data, done.stdout + done.stderr, done.returncode)


@pytest.fixture(scope="session")
def night(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """A night that went well."""
    return run_night(tmp_path_factory.mktemp("night"))


class Airflow:
    """Airflow's REST API, as a person who has logged in sees it."""

    def __init__(self, url: str, password: str) -> None:
        """Log in."""
        self.url, self.token = url, ""
        self.token = self.ask("/auth/token", {"username": "admin", "password": password})["access_token"]

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Send a request: POST where there is a body."""
        status, text = self.status_of(path, body, token=self.token)
        assert status < 300, text
        return json.loads(text)

    def status_of(self, path: str, body: dict[str, Any] | None = None, *, token: str = "") -> tuple[int, str]:
        """Return status and text of the answer."""
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()

    def runs(self, dag: str = "~", *, kind: str | None = None) -> list[dict[str, Any]]:
        """Return a DAG's runs, newest first."""
        found = self.ask(f"/api/v2/dags/{dag}/dagRuns?order_by=-id")["dag_runs"]
        return [run for run in found if kind in (None, run["run_type"])]

    def wait_for(self, dag: str, *, kind: str, runs: int = 1, seconds: float = 240) -> dict[str, Any]:
        """Return the newest of that many runs once they have ended."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = self.runs(dag, kind=kind)
            if len(found) >= runs and all(run["state"] in ("success", "failed") for run in found):
                return found[0]
            time.sleep(1)
        pytest.fail(f"{dag} had no {runs} {kind} runs within {seconds:.0f} s: {self.runs()}")


@dataclass(frozen=True)
class Scheduled:
    """A deployment whose scheduler is running."""

    airflow: Airflow
    deployment: Deployment


@pytest.fixture(scope="session")
def scheduled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scheduled]:
    """Airflow standalone, and a night of which only ingest_crm was triggered by hand."""
    from trustmart_airflow import up

    data = tmp_path_factory.mktemp("scheduled")
    generate(data / "crm", customers=CUSTOMERS)
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(("TRUSTMART_", "AIRFLOW")):
                patch.delenv(name)
        with up.airflow(Settings(data=data), port=free_port()) as running:
            airflow = Airflow(running.url, running.password)
            airflow.ask("/api/v2/dags/ingest_crm/dagRuns", {"logical_date": None, "conf": {"as_of": AS_OF}})
            airflow.wait_for("activate_audiences", kind="asset_triggered")
            airflow.wait_for("build_marts", kind="asset_triggered")
            airflow.wait_for("forget_subjects", kind="asset_triggered")
            yield Scheduled(airflow, Deployment(data))


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class People:
    """Whoever is in a CRM, so that they can be looked for."""

    def __init__(self, crm: Path) -> None:
        """Read e-mail addresses, customer numbers and telephone numbers."""
        with (crm / "customers.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        self.mails = {row["email"].strip().lower() for row in rows if "@" in (row["email"] or "")}
        self.numbers = {row["customer_id"] for row in rows if row["customer_id"]}
        self.phones = {digits for row in rows if len(digits := re.sub(r"\D", "", row["phone"] or "")) > 8}

    def in_text(self, text: str) -> int:
        """Count the people whose mail, number or telephone stands in a text."""
        mails = {word.strip(".").lower() for word in re.findall(r"[\w.+'-]+@[\w.-]+", text)}
        numbers = set(re.findall(r"\bC\d{5,}\b", text))
        phones = {re.sub(r"\D", "", word) for word in re.findall(r"\+?\d[\d ()/-]{8,}\d", text)}
        return len(mails & self.mails) + len(numbers & self.numbers) + len(phones & self.phones)


@pytest.fixture
def parse(tmp_path: Path) -> Any:
    """Parse another folder of DAG files."""
    return lambda folder: read_dags(folder, tmp_path / "home")


@pytest.fixture
def a_night() -> Any:
    """Run a night of one's own."""
    return run_night


class Mailbox(socketserver.ThreadingTCPServer):
    """A mail server of this machine that keeps what it is sent."""

    daemon_threads = True

    def __init__(self) -> None:
        """Take a free port."""
        super().__init__(("127.0.0.1", 0), MailConversation)
        self.letters: list[str] = []


class MailConversation(socketserver.StreamRequestHandler):
    """Speaks just enough SMTP."""

    def handle(self) -> None:
        """Say yes to everything, and keep the text."""
        self._say("220 here")
        while line := self.rfile.readline():
            word = line[:4].upper().strip()
            if word == b"DATA":
                self._say("354 go on")
                self.server.letters.append(b"".join(iter(self.rfile.readline, b".\r\n")).decode())
            self._say("221 bye" if word == b"QUIT" else "250 yes")

    def _say(self, answer: str) -> None:
        """Send a line."""
        self.wfile.write(f"{answer}\r\n".encode())


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """A mail server for the time of a test."""
    with Mailbox() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def people() -> Any:
    """Return whoever is in a deployment's CRM."""
    return lambda data: People(data / "crm")
