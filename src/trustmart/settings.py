"""Where things are on this machine: read from TRUSTMART_* variables, with defaults below the project's folder."""

import os
import secrets
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from trustmart.errors import KeyMissing


def _project_folder() -> Path:
    """Return the folder that holds policy/ and dbt_project/: this checkout, or else the working folder."""
    checkout = Path(__file__).resolve().parents[2]
    return checkout if (checkout / "dbt_project").is_dir() else Path.cwd()


class Settings(BaseSettings):
    """Folders and secrets of one deployment."""

    model_config = SettingsConfigDict(env_prefix="TRUSTMART_", frozen=True, extra="ignore")

    home: Path = _project_folder()
    data: Path | None = None
    policy: Path | None = None
    key: SecretStr | None = None
    generate_key: bool = False
    memory_limit: str = "1GB"
    threads: int = 2

    @property
    def policy_folder(self) -> Path:
        """Return the folder of policy/*.yml."""
        return (self.policy or self.home / "policy").resolve()

    @property
    def data_folder(self) -> Path:
        """Return the folder below which everything a run makes is kept."""
        return (self.data or self.home / "var").resolve()

    @property
    def dbt_folder(self) -> Path:
        """Return the dbt project's folder."""
        return self.home / "dbt_project"

    @property
    def warehouse_folder(self) -> Path:
        """Return the folder of the zone files; nobody but the owner may look into it."""
        return private_folder(self.data_folder / "warehouse")

    @property
    def runs_folder(self) -> Path:
        """Return the folder of reports, Data Docs and dbt's artifacts."""
        folder = self.data_folder / "runs"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def releases_folder(self) -> Path:
        """Return the folder of the releases' manifests, and of what the last ones published."""
        return private_folder(self.warehouse_folder / "releases")

    @property
    def ledger_file(self) -> Path:
        """Return the ledger's file."""
        return self.data_folder / "ledger.jsonl"

    @cached_property
    def secret_key(self) -> str:
        """Return the master key (TRUSTMART_KEY, or else the key file); raises KeyMissing."""
        if self.key is not None and self.key.get_secret_value():
            return self.key.get_secret_value()
        return _key_from_file(self.data_folder / "key", generate=self.generate_key)


def private_folder(folder: Path) -> Path:
    """Make a folder that only its owner can enter."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    return folder


def _key_from_file(path: Path, *, generate: bool) -> str:
    """Read the key file; make one, readable by its owner only, where that is allowed."""
    if not path.exists():
        if not generate:
            raise KeyMissing(
                f"no key: set TRUSTMART_KEY, or let one be made in {path.name} with TRUSTMART_GENERATE_KEY=1"
                " (the demo does). Losing the key loses the restricted and personal zones."
            )
        _make_key(path)
    if path.stat().st_mode & 0o077:
        raise KeyMissing(f"the key file {path.name} can be read by others; run: chmod 600 {path}")
    if not (key := path.read_text().strip()):
        raise KeyMissing(f"the key file {path.name} is empty. Put the key back from a backup: {path}")
    return key


def _make_key(path: Path) -> None:
    """Write a new key beside, and move it into place whole, unless another process was quicker."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(beside, path)
    finally:
        beside.unlink()
