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
    assert any(line.startswith("releases.yml:11:") and "'minimum_clas_size'" in line for line in said)
    assert any(line.startswith("releases.yml:") and "'minimum_class_size' is missing" in line for line in said)
    assert any(line.startswith("destinations.yml:7:") and "'colour'" in line for line in said)


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        ("attributes.yml", "user.name.first", "user.name.frist", "not a fideslang data category"),
        ("attributes.yml", "role: sensitive", "role: secret", "role: found 'secret'; accepted: direct_identifier"),
        ("attributes.yml", "  phone: {category", "  telephone: {category", "gives this column no role"),
        ("purposes.yml", "data_use: third_party_sharing", "data_use: fun", "not a fideslang data use"),
        ("purposes.yml", "    valid_for_days: 730\n", "    legal_basis: consent\n", "unknown word 'legal_basis'"),
        ("purposes.yml", "valid_for_days: 730", "valid_for_day: 730", "did you mean valid_for_days?"),
        ("use_cases.yml", "kind: contact", "kind: contract", "found 'contract'; accepted: report, train"),
        ("use_cases.yml", "kind: contact", "kind: contract", "did you mean contact?"),
        ("use_cases.yml", "data_use: analytics.reporting", "data_use: analytics.report", "did you mean analytics.reporting?"),
        ("use_cases.yml", "[user.contact.email,", "[user.contact.mail,", "did you mean user.contact.email?"),
        ("use_cases.yml", "    transfers: []\n", "", "'transfers' is missing"),
        ("use_cases.yml", "individuals: true", "individuals: perhaps", "found 'perhaps'; accepted: true or false"),
        ("use_cases.yml", "individuals: false, profiling: false, significant_effect: false, channels: []",
         "individuals: false, profiling: false, significant_effect: false, channels: [email]", "people are reached by email"),
        ("use_cases.yml", "product: none,\n              necessary", "product: third_party,\n              necessary",
         "a contract with us does not need"),
        ("use_cases.yml", "asked_as: loan_offers", "asked_as: loan_offer", "did you mean loan_offers?"),
        ("use_cases.yml", "country: IE", "country: Ireland", "two capital letters"),
        ("scores.yml", "learned_from: fct", "learned_from: fact", "is not a release"),
        ("scores.yml", "learned_from: fct_offer_propensity", "learned_from: dim_customer_clusters", "learns from balance"),
        ("releases.yml", "learned_from: fct_offer_profiles", "learned_from: dim_customer_segments", "release of microdata"),
        ("releases.yml", "features: [born, family, schooling]", "features: [born, hobby]", "a column of fct_offer_profiles"),
        ("releases.yml", "      clusters: 8\n", "", "clusters is needed"),
        ("releases.yml", '      target_label: "yes"\n', "", "target and target_label go together"),
        ("scores.yml", "score_term_deposit", "points_term_deposit", "must be named score_term_deposit_propensity__"),
        ("scores.yml", "use_case: term_deposit_propensity", "use_case: campaign_learning", "a score is given to each person"),
        ("releases.yml", "use_case: monthly_report", "use_case: monthly_reports", "did you mean monthly_report?"),
        ("releases.yml", "    use_case: monthly_report\n", "", "'use_case' is missing"),
        ("releases.yml", "from: country, hierarchy: regions", "from: street", "direct identifier"),
        ("releases.yml", "{from: job, hierarchy: job_groups}", "{from: job}", "name the hierarchy"),
        ("releases.yml", "minimum_class_size: 11", "minimum_class_size: 1", "greater than or equal to 2"),
        ("destinations.yml", "columns: [email_sha256]", "columns: [email]", "may not receive 'email'"),
        ("destinations.yml", "use_case: email_marketing", "use_case: fun", "is not a use case"),
        ("destinations.yml", "may_receive: [email_sha256]", "may_receive: [email_sha256, notes]", "can leave"),
        ("use_cases.yml", "statutory_duty: null", "statutory_duty: none", "'none' names nothing"),
        ("use_cases.yml", "necessary_for_contract: false", "necessary_for_contract: N/A", "'N/A' names nothing"),
        ("use_cases.yml", "channels: [email]", "channels: [post]", "reaches people otherwise than by post"),
        ("use_cases.yml", "[user.contact.email, user.account]", "[user.account]", "which email_marketing was not decided on"),
        ("use_cases.yml", "kind: contact, individuals: true, profiling: false, significant_effect: false, channels: [post]",
         "kind: store, individuals: true, profiling: false, significant_effect: false, channels: []", "reaches nobody"),
        ("use_cases.yml", "recipient: letter shop", "recipient: printer", "to whom loan_offers passes nothing on"),
        ("destinations.yml", "destination: letter_shop", "destination: campaign_tool", "may not receive 'street'"),
        ("scores.yml", "learned_for: campaign_learning", "learned_for: account_keeping", "is learned about nobody"),
        ("sources.yml", "kind: csv,", "kind: csv, url_env: X,", "needs a folder and no url_env"),
        ("sources.yml", "key: [customer_id_crm, updated_at]", "key: [customer]", "not mapped: customer"),
        ("sources.yml", "customer_id_crm: {from: customer_id, required: true}", "customer_id_crm: {from: customer_id}",
         "neither kept nor erased"),
        ("jurisdictions.yml", "  AT:", "  AT: {age_of_digital_consent: 13, source: x}\n  AT:", "said twice"),
        ("jurisdictions.yml", "jurisdictions:", "jurisdictions: [", "cannot be read"),
        ("purposes.yml", "purposes:", "porpoises:", "unknown word 'porpoises'"),
        ("purposes.yml", "valid_for_days: 730", "valid_for_days: 100000000000", "less than or equal to 36500"),
        ("purposes.yml", "valid_for_days: 730", "valid_for_days: 0", "greater than 0"),
        ("releases.yml", "      region: {", "      email: {", "'email' is the name of a direct identifier"),
        ("releases.yml", "class_size: customers", "class_size: email", "'email' is the name of a direct identifier"),
        ("releases.yml", "class_size: customers", "class_size: region", "listed twice"),
        ("releases.yml", "age_band:", "Age Band:", "small letters"),
        ("releases.yml", "from: country,", "from: county,", "'county' is not in attributes.yml"),
        ("releases.yml", "{from: balance_eur, how", "{from: notes, how", "free text"),
        ("releases.yml", "tier: analyst_microdata", "tier: analyst_microdata\n    reserve: 9", "reserve is for the laboratory"),
        ("releases.yml", "minimum_level: 5 years, weight", "weight", "days and exact numbers single people out"),
        ("releases.yml", "balance_band: {from", "people: {from", "'people' is a name that the door and the gate use"),
        ("destinations.yml", "aud_email_marketing__active", "aud_newsletter__active", "aud_email_marketing__<segment>"),
        ("destinations.yml", "destination: campaign_tool", "destination: the_moon", "is not a destination"),
        ("sources.yml", "watermark: updated_at", "watermark: city", "must be a timestamp or a date"),
        ("sources.yml", "kind: csv,", "kind: database,", "a database location needs url_env"),
        ("jurisdictions.yml", "  AT:", "  at:", "two capital letters"),
        ("jurisdictions.yml", "  AT:", "  Austria:", "two capital letters"),
        ("jurisdictions.yml", "age_of_digital_consent: 14", "age_of_digital_consent: 12", "greater than or equal to 13"),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_its_place(folder: Path, name: str, old: str, new: str, says: str) -> None:
    """What policy may not say is refused, and the message points at the file (S03)."""
    spoil(folder, name, old, new)
    assert any(re.match(r"[a-z_]+\.yml:\d+: ", line) and says in line for line in faults(folder))


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


@pytest.mark.parametrize(
    ("name", "old", "new", "line", "says"),
    [
        ("attributes.yml", "role: sensitive", "role: !mine sensitive", 32, "no value that policy can have"),
        ("attributes.yml", "role: sensitive", "role: !!python/object:os.system x", 32, "no value that policy can have"),
        ("sources.yml", "not_before: 1900-01-01", "not_before: 1900-13-45", 22, "no value that policy can have"),
        ("releases.yml", "size: 11", "size: !!int eleven", 11, "no value that policy can have"),
        ("purposes.yml", "objections: [direct_marketing]", "objections: &a [*a]", 1, "an anchor that holds itself"),
        ("purposes.yml", "purposes:", "purposes: &p\n  loop: *p", 1, "an anchor that holds itself"),
        ("purposes.yml", "purposes:", f"purposes: {'[' * 1000}{']' * 1000}\nx:", 1, "nested too deeply"),
        ("purposes.yml", "purposes:", "purposes:\n  ? [a, b]\n  : 1", 5, "a key is a word"),
        ("purposes.yml", "purposes:", "---\nx: 1\n---\npurposes:", 6, "found another document"),
        ("purposes.yml", "  email_marketing:", "\temail_marketing:", 5, "cannot start any token"),
        ("purposes.yml", "objections: [direct_marketing]", "objections: *nowhere", 9, "undefined alias"),
        ("purposes.yml", "  email_marketing:", "  email_marketing:\n    <<: {title: x}", 6, "unknown word '<<'"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)  # fmt: skip
def test_yaml_that_means_nothing_is_a_fault_like_any_other(
    folder: Path, name: str, old: str, new: str, line: int, says: str
) -> None:
    """Odd YAML is reported with its line beside the other faults, and never as a traceback (S03)."""
    spoil(folder, name, old, new)
    spoil(folder, "destinations.yml", "kind: file", "kind: pigeon")
    said = faults(folder)
    assert any(fault.startswith(f"{name}:{line}: ") and says in fault for fault in said)
    assert any(fault.startswith("destinations.yml:4: ") for fault in said)


@pytest.mark.parametrize("content", [b"", b"- a list\n", b"a word\n", b"\xff\xfe", b"purposes: {caf\xe9: 1}", b"a: \0"])
def test_a_file_that_holds_no_policy_is_a_fault(folder: Path, content: bytes) -> None:
    """An empty file, another shape, or bytes that are no UTF-8 text: the file is named (S03)."""
    (folder / "purposes.yml").write_bytes(content)
    assert any(fault.startswith("purposes.yml:1: ") for fault in faults(folder))


def test_without_any_file_every_file_is_named(tmp_path: Path) -> None:
    """A folder that is not there is as many missing files, and no traceback (S03)."""
    said = faults(tmp_path / "nowhere")
    assert [fault.split(":")[0] for fault in said] == sorted(path.name for path in SHIPPED.glob("*.yml"))
    assert all("there is no such file" in fault for fault in said)


def test_faults_are_listed_as_a_reader_meets_them(folder: Path) -> None:
    """By file, then by line, each once, and the message says what to type next (S03)."""
    for name, old, new in (
        ("sources.yml", "kind: csv", "kind: pigeon"),
        ("releases.yml", "title: Customers by segment", "titel: Customers by segment"),
        ("purposes.yml", "data_use: third_party_sharing", "data_use: fun"),
        ("purposes.yml", "title: News", "titel: News"),
    ):
        spoil(folder, name, old, new)
    with pytest.raises(PolicyFault, match=r"the policy has \d+ faults:(.|\n)*trustmart check") as caught:
        load_policy(folder)
    places = [(fault.split(":")[0], int(fault.split(":")[1])) for fault in caught.value.faults]
    assert places == sorted(places)
    assert len(set(caught.value.faults)) == len(caught.value.faults)


def test_a_fault_never_shows_what_the_environment_holds(folder: Path) -> None:
    """A secret that was filled into the wrong place is not repeated in the fault (S68)."""
    spoil(folder, "releases.yml", "minimum_class_size: 11", "minimum_class_size: ${SECRET}")
    with pytest.raises(PolicyFault) as caught:
        load_policy(folder, environment={"SECRET": "hunter2"})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("written", "environment", "folder_is"),
    [
        ("${CRM:-var/crm}", {}, "var/crm"),
        ("${CRM:-var/crm}", {"CRM": ""}, "var/crm"),
        ("${CRM:-var/crm}", {"CRM": "/there"}, "/there"),
        ("${CRM}/daily", {"CRM": "/there"}, "/there/daily"),
        ("/a/${X}/${Y:-z}", {"X": "b"}, "/a/b/z"),
        ("$CRM", {"CRM": "/there"}, "$CRM"),
        ("${CRM}", {"CRM": "${HOME}"}, "${HOME}"),
    ],
)
def test_a_variable_is_filled_once_and_only_where_it_is_marked(
    folder: Path, written: str, environment: dict[str, str], folder_is: str
) -> None:
    """${NAME} and ${NAME:-default} are filled, nothing else is, and what was filled in is not filled again (S01)."""
    spoil(folder, "sources.yml", "${TRUSTMART_CRM_FOLDER:-var/crm}", written)
    assert load_policy(folder, environment=environment).sources["crm"].location.folder == folder_is


@pytest.mark.parametrize("name", sorted(path.name for path in SHIPPED.glob("*.yml")))
def test_the_version_changes_with_a_byte_of_any_file(folder: Path, name: str) -> None:
    """A comment, a blank at an end of line, in any of the files: another policy (S31)."""
    path = folder / name
    content = path.read_bytes()
    versions = {load_policy(folder).version}
    for changed in (content + b"\n", content + b"# reviewed\n", content.replace(b"\n", b" \n", 1)):
        path.write_bytes(changed)
        versions.add(load_policy(folder).version)
    assert len(versions) == 4


def test_every_part_of_a_policy_is_frozen() -> None:
    """No field of any part can be set, at any depth (S31)."""
    policy = load_policy(SHIPPED)
    parts = [
        policy,
        policy.attributes["email"],
        policy.sources["crm"],
        policy.sources["crm"].tables["customers"].columns["email"],
        policy.purposes["email_marketing"],
        policy.releases["dim_customer_segments"].quasi_identifiers["region"],
        policy.destinations["campaign_tool"],
        policy.audiences["aud_loan_offers__good_standing"],
        policy.jurisdictions["NO"],
    ]
    for part in parts:
        for field in type(part).model_fields:
            with pytest.raises(ValidationError, match="frozen"):
                setattr(part, field, getattr(part, field))
