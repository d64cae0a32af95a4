"""Which code made a release: the package's version, and a digest of the files that decide, whatever made the copy."""

import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import trustmart

_SUFFIXES = frozenset({".py", ".sql", ".yml", ".csv", ".j2"})


@cache
def code_version(dbt_folder: Path) -> str:
    """Return the version and the first 16 hex characters of a digest of the package and the models' project."""
    digest = hashlib.sha256()
    for name, path in sorted(_files(dbt_folder)):
        digest.update(f"{name}\x1f{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return f"{trustmart.__version__}+{digest.hexdigest()[:16]}"


def _files(dbt_folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield every file that decides what is released, with its name inside its folder."""
    for folder in (Path(trustmart.__file__).parent, dbt_folder):
        for path in folder.rglob("*"):
            if path.suffix in _SUFFIXES and "target" not in path.parts:
                yield f"{folder.name}/{path.relative_to(folder).as_posix()}", path
