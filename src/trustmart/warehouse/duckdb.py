"""Zones as DuckDB files: restricted and personal encrypted, anonymized in clear and replaced as a whole."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import duckdb_extension_httpfs
from filelock import FileLock, Timeout

from trustmart.errors import WarehouseBusy, WarehouseLocked
from trustmart.identity import derive_key
from trustmart.settings import Settings
from trustmart.warehouse.duckdb_session import DuckDBSession, path_literal
from trustmart.warehouse.protocol import Session, Zone

__all__ = ["ENCRYPTED", "DuckDBSession", "DuckDBWarehouse", "encryption_extension", "flush"]

ENCRYPTED: frozenset[str] = frozenset({"restricted", "personal"})


class DuckDBWarehouse:
    """The three zone files in one private folder."""

    def __init__(self, settings: Settings, *, wait_seconds: float = 600) -> None:
        """Remember where the files are; nothing is opened yet."""
        self._settings = settings
        self._folder = settings.warehouse_folder
        self._lock = FileLock(self._folder / ".writing", timeout=wait_seconds)

    def path(self, zone: Zone) -> Path:
        """Return a zone's file."""
        return self._folder / f"{zone}.duckdb"

    def key(self, zone: Zone) -> str:
        """Return the key of an encrypted zone."""
        return derive_key(self._settings.secret_key, f"zone/{zone}")

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep other processes from writing; waits for them, then raises WarehouseBusy."""
        try:
            self._lock.acquire()
        except Timeout:
            raise WarehouseBusy(
                f"another run has been writing to {self._folder.name}/ for {self._lock.timeout:.0f} s;"
                " wait for it to end, or look for a process that hangs: trustmart status"
            ) from None
        try:
            yield
        finally:
            self._lock.release()

    @contextmanager
    def session(self, *, writes: Zone | None = None, reads: Sequence[Zone] = ()) -> Iterator[Session]:
        """Open zones; the written one is made where it does not exist, the read ones must."""
        with self.exclusive(), self._connect() as connection:
            if writes:
                self._attach(connection, writes)
            for zone in reads:
                self._attach(connection, zone, read_only=True)
            yield DuckDBSession(connection)

    @contextmanager
    def new_release(
        self, *, archived: Path | None = None, before_move: Callable[[Path], None] | None = None
    ) -> Iterator[Session]:
        """Write beside, then move into place: an open reader keeps the file it opened."""
        standing, beside = self.path("anonymized"), self._folder / "anonymized.next.duckdb"
        # Read from a copy: a session that was not opened read-only holds a lock on the file itself.
        previous = self._folder / "anonymized.previous.duckdb"
        with self.exclusive():
            beside.unlink(missing_ok=True)
            beside.with_name(f"{beside.name}.wal").unlink(missing_ok=True)
            with self._connect() as connection:
                self._attach(connection, "restricted", read_only=True)
                connection.execute(f"attach {path_literal(beside)} as anonymized")
                if standing.exists():
                    shutil.copyfile(standing, previous)
                    connection.execute(f"attach {path_literal(previous)} as previous (read_only)")
                if archived is not None:
                    _attach_file(connection, "archived", archived)
                yield DuckDBSession(connection)
                connection.execute("checkpoint anonymized")
                connection.execute("detach anonymized")
            beside.chmod(0o644)
            flush(beside)
            if before_move is not None:
                before_move(beside)
            # What such a session has written to the old file must not be replayed into the new one.
            standing.with_name(f"{standing.name}.wal").unlink(missing_ok=True)
            os.replace(beside, standing)
            previous.unlink(missing_ok=True)
            flush(self._folder)

    @contextmanager
    def published(self, files: Mapping[str, Path]) -> Iterator[Session]:
        """Read published files under names; the one that stands is read from a copy, as a reader may hold it."""
        copy = self._folder / "anonymized.previous.duckdb"
        with self.exclusive(), self._connect() as connection:
            try:
                for name, path in files.items():
                    if path == self.path("anonymized"):
                        shutil.copyfile(path, copy)
                    _attach_file(connection, name, copy if path == self.path("anonymized") else path)
                yield DuckDBSession(connection)
            finally:
                copy.unlink(missing_ok=True)

    @contextmanager
    def _connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open an engine that may use two cores, little memory, and no disk in clear."""
        scratch = self._folder / "spill"
        connection = duckdb.connect(
            ":memory:",
            config={
                "threads": self._settings.threads,
                "memory_limit": self._settings.memory_limit,
                "temp_directory": str(scratch),
                "temp_file_encryption": True,
                "extension_directory": str(self._folder / "extensions"),
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            },
        )
        try:
            self._load_encryption(connection)
            connection.execute("set timezone = 'UTC'")
            yield connection
        finally:
            connection.close()

    def _load_encryption(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Install the extension from its package into our own folder, where dbt finds it too, and load it."""
        if not any((self._folder / "extensions").rglob("httpfs.duckdb_extension")):
            connection.execute(f"install {path_literal(encryption_extension())}")
        connection.execute("load httpfs")

    def _attach(self, connection: duckdb.DuckDBPyConnection, zone: Zone, *, read_only: bool = False) -> None:
        """Attach a zone's file under its name."""
        path = self.path(zone)
        if read_only and not path.exists():
            raise WarehouseLocked(f"there is no {path.name} yet; the first night makes it: trustmart night")
        options = [f"encryption_key '{self.key(zone)}'"] if zone in ENCRYPTED else []
        options += ["read_only"] if read_only else []
        try:
            connection.execute(f"attach {path_literal(path)} as {zone} ({', '.join(options)})")
        except duckdb.Error as error:
            # The statement holds the key: the engine's message must not be passed on.
            kind = type(error).__name__
        else:
            return
        raise WarehouseLocked(
            f"{path.name} does not open ({kind}): the key is another one, or a process outside Trustmart holds it"
        )


def encryption_extension() -> Path:
    """Return the signed extension file that writes encrypted databases (it comes with a package, not by download)."""
    return next(Path(duckdb_extension_httpfs.__file__).parent.rglob("*.duckdb_extension"))


def _attach_file(connection: duckdb.DuckDBPyConnection, name: str, path: Path) -> None:
    """Attach a published file; raises WarehouseLocked where it is none."""
    try:
        connection.execute(f"attach {path_literal(path)} as {name} (read_only)")
    except duckdb.Error as error:
        kind = type(error).__name__
    else:
        return
    raise WarehouseLocked(f"{path.name} does not open ({kind}); to see what is whole: trustmart releases --verify")


def flush(path: Path) -> None:
    """Make sure a file or folder has reached the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
