"""Settings: where the key comes from, and who may read it."""

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

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


@pytest.mark.parametrize("content", ["", " \n"])
def test_an_empty_key_file_is_no_key(tmp_path: Path, content: str) -> None:
    """What a crash or a full disk left empty must not become the key that everything is encrypted with (S03)."""
    (tmp_path / "key").write_text(content)
    (tmp_path / "key").chmod(0o600)
    for generate in (False, True):
        with pytest.raises(KeyMissing, match="empty"):
            _ = Settings(data=tmp_path, generate_key=generate).secret_key


def test_an_empty_variable_is_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TRUSTMART_KEY= in an environment file is as if it were not there (S03)."""
    monkeypatch.setenv("TRUSTMART_KEY", "")
    with pytest.raises(KeyMissing, match="TRUSTMART_KEY"):
        _ = Settings(data=tmp_path).secret_key


def test_processes_that_start_at_once_share_one_key(tmp_path: Path) -> None:
    """Two first runs at the same moment find the same key, and leave nothing else behind (S03)."""
    program = (
        "import sys; from pathlib import Path; from trustmart.settings import Settings\n"
        "sys.stdin.read(1); print(Settings(data=Path(sys.argv[1]), generate_key=True).secret_key)"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    starters = [subprocess.Popen(command, **pipes) for _ in range(4)]
    for starter in starters:
        starter.stdin.write("!")
        starter.stdin.flush()
    keys = {starter.communicate()[0].strip() for starter in starters}
    assert [starter.returncode for starter in starters] == [0] * 4
    assert keys == {(tmp_path / "key").read_text()}
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_disk_that_fills_up_leaves_no_half_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key is there whole or not at all (S03)."""

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        _ = Settings(data=tmp_path, generate_key=True).secret_key
    assert list(tmp_path.iterdir()) == []


def test_the_zones_folder_is_for_its_owner_only(tmp_path: Path) -> None:
    """Nobody else may look into the folder of the zones, even where it was open before (S13)."""
    (tmp_path / "warehouse").mkdir(mode=0o755)
    assert Settings(data=tmp_path, key=SecretStr("k")).warehouse_folder.stat().st_mode & 0o777 == 0o700
