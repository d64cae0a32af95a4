"""Settings: where the key comes from, and who may read it."""

from pathlib import Path

import pytest

from trustmart.errors import KeyMissing
from trustmart.settings import Settings


def test_without_a_key_nothing_opens(tmp_path: Path) -> None:
    """No key is made behind anybody's back (S03)."""
    with pytest.raises(KeyMissing, match="TRUSTMART_GENERATE_KEY"):
        _ = Settings(data=tmp_path).secret_key


def test_a_generated_key_is_kept_for_its_owner_only(tmp_path: Path) -> None:
    """The demo's key is made once, with mode 0600, and found again (S03)."""
    key = Settings(data=tmp_path, generate_key=True).secret_key
    assert len(key) == 64
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert Settings(data=tmp_path).secret_key == key


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """A key file with open doors is an error that says how to close them (S03)."""
    _ = Settings(data=tmp_path, generate_key=True).secret_key
    (tmp_path / "key").chmod(0o644)
    with pytest.raises(KeyMissing, match="chmod 600"):
        _ = Settings(data=tmp_path).secret_key


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret store's key is used before the file's (S03)."""
    _ = Settings(data=tmp_path, generate_key=True).secret_key
    monkeypatch.setenv("TRUSTMART_KEY", "from the secret store")
    assert Settings(data=tmp_path).secret_key == "from the secret store"


def test_the_key_is_not_in_what_settings_say_of_themselves() -> None:
    """Printing settings prints no key (S03)."""
    assert "very-secret" not in repr(Settings(key="very-secret"))
