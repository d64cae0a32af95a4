"""A real PostgreSQL server of one's own, from Debian's packages: private folder, free port, thrown away at the end."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

USER = "crm_reader"
PASSWORD = "swordfish-of-the-crm"
DATABASE = "klantenbestand"


def missing() -> str | None:
    """Say why no server can be started here, or nothing where one can."""
    if _programs() is None:
        return "PostgreSQL is not installed here: apt-get install -y postgresql"
    if os.geteuid() == 0 and _other_user() is None:
        return "PostgreSQL does not run as root, and this machine has no user 'postgres' or 'nobody'"
    return None


class PostgresServer:
    """A running server with one database and one user."""

    def __init__(self, folder: Path, port: int) -> None:
        """Remember where it is."""
        self._folder = folder
        self._port = port

    @property
    def url(self) -> str:
        """Return the URL a data engineer would put into the environment."""
        return f"postgresql+psycopg://{USER}:{PASSWORD}@127.0.0.1:{self._port}/{DATABASE}"

    def run(self, statement: str, parameters: Sequence[Any] = (), *, database: str = DATABASE) -> None:
        """Execute statements."""
        with self._connect(database) as connection:
            connection.execute(statement, parameters or None)

    def fill(self, table: str, rows: Sequence[Sequence[Any]]) -> None:
        """Copy rows into a table; its name as SQL wants it."""
        with self._connect(DATABASE) as connection, connection.cursor() as cursor:
            with cursor.copy(f"copy {table} from stdin") as copy:
                for row in rows:
                    copy.write_row(row)

    def stop(self) -> None:
        """Stop at once, as a crash would."""
        _as_other_user("pg_ctl", "-D", str(self._folder / "data"), "-m", "immediate", "-w", "stop")

    def _connect(self, database: str) -> psycopg.Connection[Any]:
        """Connect as the user."""
        return psycopg.connect(
            host="127.0.0.1", port=self._port, user=USER, password=PASSWORD, dbname=database, autocommit=True
        )


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Start a server for the time of a `with`."""
    folder = Path(tempfile.mkdtemp(prefix="trustmart-postgres-"))
    port = _free_port()
    server = PostgresServer(folder, port)
    try:
        (folder / "password").write_text(PASSWORD)
        _give_to_other_user(folder)
        data = str(folder / "data")
        where = ("-D", data, "-U", USER, "--pwfile", str(folder / "password"))
        _as_other_user("initdb", *where, "--auth=scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync")
        options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder} -c fsync=off"
        _as_other_user("pg_ctl", "-D", data, "-o", options, "-l", str(folder / "log"), "-w", "start")
        server.run(f"create database {DATABASE}", database="postgres")
        yield server
    finally:
        if (folder / "data" / "postmaster.pid").exists():
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path | None:
    """Return the folder of the newest server's programs: Debian keeps them off the path."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"),
        key=lambda path: int(path.parts[-3]) if path.parts[-3].isdigit() else 0,
    )
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


def _other_user() -> str | None:
    """Return a user without rights: the server refuses to run as root."""
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in names), None)


def _give_to_other_user(folder: Path) -> None:
    """Let the server's user own its folder."""
    if os.geteuid() == 0:
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, _other_user())


def _as_other_user(program: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs, not as root."""
    programs = _programs()
    assert programs is not None
    command = [str(programs / program), *arguments]
    if os.geteuid() == 0:
        command = ["runuser", "-u", str(_other_user()), "--", *command]
    # Its output goes to a file: a server that keeps a pipe open would keep us waiting.
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, cwd="/", timeout=120, check=False)
        output.seek(0)
        assert done.returncode == 0, f"{program}: {output.read().decode(errors='replace')[-2000:]}"


def _free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
