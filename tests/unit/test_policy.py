"""Policy: everything that is wrong is said at once, with file and line."""

import re
import shutil
from pathlib import Path

import pytest
from pydantic import ValidationError

from trustmart.errors import PolicyFault
from trustmart.policy import load_policy

SHIPPED = Path(__file__).resolve().parents[2] / "policy"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a copy of the shipped policy that a test may spoil."""
    return Path(shutil.copytree(SHIPPED, tmp_path / "policy"))


def spoil(folder: Path, name: str, old: str, new: str) -> None:
    """Replace one text in a policy file."""
    path = folder / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def faults(folder: Path) -> list[str]:
    """Return what is wrong with a policy."""
    with pytest.raises(PolicyFault) as caught:
        load_policy(folder)
    return caught.value.faults


def test_the_shipped_policy_is_sound() -> None:
    """The policy that ships loads, and knows Norway, which YAML would read as `false` (S05)."""
    policy = load_policy(SHIPPED)
    assert policy.age_of_digital_consent("NO") == 13
    assert policy.age_of_digital_consent("XX") == policy.age_of_digital_consent(None) == 18


def test_all_faults_of_all_files_are_reported_at_once(folder: Path) -> None:
    """Three faults in three files are three lines, each with its place (S03)."""
    spoil(folder, "attributes.yml", "category: user.name.first", "category: user.name.frist")
    spoil(folder, "releases.yml", "minimum_class_size: 11", "minimum_clas_size: 11")
    spoil(folder, "destinations.yml", "may_receive: [email_sha256]", "may_receive: [email_sha256]\n    colour: red")
    said = faults(folder)
    assert any(line.startswith("releases.yml:7:") and "'minimum_clas_size'" in line for line in said)
    assert any(line.startswith("releases.yml:") and "'minimum_class_size' is missing" in line for line in said)
    assert any(line.startswith("destinations.yml:7:") and "'colour'" in line for line in said)


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        ("attributes.yml", "user.name.first", "user.name.frist", "not a fideslang data category"),
        ("attributes.yml", "role: sensitive", "role: secret", "role: Input should be"),
        ("attributes.yml", "  phone: {category", "  telephone: {category", "gives this column no role"),
        ("purposes.yml", "data_use: third_party_sharing", "data_use: fun", "not a fideslang data use"),
        ("purposes.yml", "    valid_for_days: 730\n", "", "consent does not last for ever"),
        ("purposes.yml", "objections: [direct_marketing, profiling, loan_offers]", "objections: []", "opt out"),
        ("purposes.yml", "channel: post", "channel: email", "ePrivacy"),
        ("releases.yml", "from: country, hierarchy: regions", "from: street", "direct identifier"),
        ("releases.yml", "{from: job, hierarchy: job_groups}", "{from: job}", "name the hierarchy"),
        ("releases.yml", "minimum_class_size: 11", "minimum_class_size: 1", "greater than or equal to 2"),
        ("destinations.yml", "columns: [email_sha256]", "columns: [email]", "may not receive 'email'"),
        ("destinations.yml", "purpose: email_marketing", "purpose: fun", "not in purposes.yml"),
        ("destinations.yml", "may_receive: [email_sha256]", "may_receive: [email_sha256, notes]", "can leave"),
        ("sources.yml", "kind: csv,", "kind: csv, url_env: X,", "needs a folder and no url_env"),
        ("sources.yml", "key: [customer_id_crm, updated_at]", "key: [customer]", "not mapped: customer"),
        ("sources.yml", "customer_id_crm: {from: customer_id, required: true}", "customer_id_crm: {from: customer_id}",
         "neither kept nor erased"),
        ("jurisdictions.yml", "  AT:", "  AT: {age_of_digital_consent: 13, source: x}\n  AT:", "said twice"),
        ("jurisdictions.yml", "jurisdictions:", "jurisdictions: [", "cannot be read"),
        ("purposes.yml", "purposes:", "porpoises:", "unknown word 'porpoises'"),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_its_place(folder: Path, name: str, old: str, new: str, says: str) -> None:
    """What policy may not say is refused, and the message points at the file (S03)."""
    spoil(folder, name, old, new)
    assert any(re.match(r"[a-z]+\.yml:\d+: ", line) and says in line for line in faults(folder))


def test_a_missing_and_an_unknown_file_are_faults(folder: Path) -> None:
    """A policy that is not all there is no policy (S03)."""
    (folder / "purposes.yml").rename(folder / "purpose.yml")
    said = faults(folder)
    assert any("purposes.yml:1: there is no such file" in line for line in said)
    assert any("purpose.yml:1: no policy file has this name" in line for line in said)


def test_policy_is_frozen() -> None:
    """Nobody changes policy while a night runs (S31)."""
    policy = load_policy(SHIPPED)
    with pytest.raises(ValidationError):
        policy.releases["dim_customer_segments"].minimum_class_size = 2  # type: ignore[misc]


def test_the_version_changes_with_any_byte(folder: Path) -> None:
    """A decision remembers the very policy it was made under (S31)."""
    before = load_policy(folder).version
    assert before == load_policy(SHIPPED).version
    (folder / "releases.yml").write_text((folder / "releases.yml").read_text() + "# reviewed\n")
    assert load_policy(folder).version != before


def test_places_are_filled_from_the_environment(folder: Path) -> None:
    """Folders differ by machine, so policy names a variable and a default (S01)."""
    assert load_policy(folder, environment={}).sources["crm"].location.folder == "var/crm"
    there = load_policy(folder, environment={"TRUSTMART_CRM_FOLDER": "/there"})
    assert there.sources["crm"].location.folder == "/there"
