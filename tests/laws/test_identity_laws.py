"""Laws of pseudonyms, tombstones and addresses: stable with the key, meaningless without it, never mixed up."""

import hashlib
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from trustmart.identity import derive_key, hash_email, normalize_email, subject_id, subject_ids, tombstone
from trustmart.identity.contact_points import mailbox
from trustmart.identity.subjects import member_id

KEY, OTHER_KEY = "k" * 64, "x" * 64
TEXTS = st.text(max_size=12) | st.text("a=,|{}\"'\x1f\x1e\\ ", max_size=6)
FIELDS = st.dictionaries(st.sampled_from(["given_name", "surname", "street"]), TEXTS, min_size=1)
LOCALS = st.from_regex(r"[a-z0-9]{1,6}(\.[a-z0-9]{1,4})?(\+[a-z0-9]{1,4})?", fullmatch=True)
DOMAINS = st.sampled_from(["gmail.com", "googlemail.com", "example.org", "post.example.co.uk"])
ADDRESSES = st.builds("{}@{}".format, LOCALS, DOMAINS)
BLANKS = st.sampled_from(["", " ", "\t", "\r\n", "  "])


@given(customer=TEXTS, other=TEXTS)
def test_a_person_has_one_name_and_shares_it_with_nobody(customer: str, other: str) -> None:
    """The same number gives the same id, blanks around it or not; another number, source or key another one (S17)."""
    name = subject_id("crm", customer, key=KEY)
    assert name == subject_id("crm", f" {customer} ", key=KEY)
    assert re.fullmatch("[0-9a-f]{32}", name)
    assert name != subject_id("erp", customer, key=KEY)
    assert name != subject_id("crm", customer, key=OTHER_KEY)
    if other.strip() != customer.strip():
        assert name != subject_id("crm", other, key=KEY)


@given(customers=st.lists(TEXTS), source=TEXTS)
def test_many_people_get_the_names_that_each_would_get_alone(customers: list[str], source: str) -> None:
    """Naming a whole page of customers at once gives each the same subject id as naming one (S17)."""
    assert subject_ids(source, customers, key=KEY) == [subject_id(source, one, key=KEY) for one in customers]


def test_where_one_part_ends_and_the_next_begins_is_part_of_the_name() -> None:
    """Customer 12 of source crm1 is not customer 2 of source crm11 (S17)."""
    assert subject_id("crm1", "12", key=KEY) != subject_id("crm11", "2", key=KEY)
    assert tombstone("customer", "x", key=KEY) != tombstone("mailbox", "x", key=KEY)


@given(value=TEXTS)
def test_the_same_value_has_different_digests_for_different_uses(value: str) -> None:
    """A subject id, a tombstone and a member id of the same value cannot be joined, even with one key (S17)."""
    digests = {
        subject_id("crm", value, key=KEY),
        tombstone("customer", value, key=KEY),
        tombstone("mailbox", value, key=KEY),
        member_id({"surname": value}, key=KEY),
        hashlib.sha256(value.encode(errors="surrogatepass")).hexdigest()[:32],
    }
    assert len(digests) == 5


@given(fields=FIELDS, other=FIELDS)
def test_a_member_is_who_they_are_told_to_be(fields: dict[str, str], other: dict[str, str]) -> None:
    """The same fields in any order give the same member; any difference, in any character, another one (S42)."""
    name = member_id(fields, key=KEY)
    assert name == member_id(dict(reversed(fields.items())), key=KEY)
    assert (name == member_id(other, key=KEY)) == (fields == other)
    assert name != member_id(fields, key=OTHER_KEY)


def test_no_character_in_a_value_moves_a_field_boundary() -> None:
    """A separator inside a street does not make two people one member (S42)."""
    one = {"given_name": "A\x1fsurname=B", "surname": "C"}
    two = {"given_name": "A", "surname": "B\x1fsurname=C"}
    assert member_id(one, key=KEY) != member_id(two, key=KEY)


@given(use=TEXTS, other=TEXTS)
def test_keys_of_different_uses_say_nothing_of_each_other(use: str, other: str) -> None:
    """Every use has a key of its own, from which neither the master nor another use's key follows (S17)."""
    key = derive_key(KEY, use)
    assert re.fullmatch("[0-9a-f]{64}", key)
    assert key == derive_key(KEY, use)
    assert key not in (KEY, derive_key(OTHER_KEY, use), derive_key(key, use))
    assert (key == derive_key(KEY, other)) == (use == other)


@given(address=ADDRESSES, before=BLANKS, after=BLANKS)
def test_an_address_has_one_usable_form(address: str, before: str, after: str) -> None:
    """Capitals and blanks around it do not matter, and normalizing twice is normalizing once (S42)."""
    usable = normalize_email(address)
    assert usable is not None
    assert usable == normalize_email(f"{before}{address.upper()}{after}") == normalize_email(usable)


@given(text=st.none() | TEXTS | st.builds("{}@{}".format, TEXTS, DOMAINS | TEXTS))
def test_whatever_stands_in_a_mail_column_is_usable_or_nothing(text: str | None) -> None:
    """Any text is an address that can be hashed, or none; it never stops a night (S42)."""
    usable = normalize_email(text)
    if usable is not None:
        assert usable == usable.strip().lower()
        assert normalize_email(usable) == usable
        assert len(hash_email(usable)) == 64
        assert mailbox(usable).count("@") >= 1


@pytest.mark.parametrize("text", [None, "", "  ", "@", "a@", "@b.org", "a b@c.org", "a@b", "a@b..org", "a,b@c.org"])
def test_an_address_that_reaches_nobody_is_none(text: str | None) -> None:
    """What cannot be written to is no address (S42)."""
    assert normalize_email(text) is None


@given(address=ADDRESSES)
def test_a_suffix_does_not_make_another_mailbox(address: str) -> None:
    """ann+news@ is ann@: who objects with the one is not written to at the other (S21)."""
    box = mailbox(address)
    assert mailbox(box) == box
    local, _, domain = address.rpartition("@")
    assert mailbox(f"{local}+offers@{domain}") == box


def test_gmail_is_one_mailbox_whatever_the_dots() -> None:
    """Google ignores dots and suffixes; elsewhere a dot may be another person (S21)."""
    assert len({mailbox(f"{local}@gmail.com") for local in ("annlee", "ann.lee", "a.n.n.lee+x")}) == 1
    assert mailbox("ann.lee@googlemail.com") == mailbox("annlee@gmail.com")
    assert mailbox("ann.lee@example.org") != mailbox("annlee@example.org")


@given(one=ADDRESSES, other=ADDRESSES)
def test_the_wire_format_is_the_plain_hash_that_platforms_match_on(one: str, other: str) -> None:
    """SHA-256 of the usable form, in small hex letters (S42)."""
    assume(one != other)
    assert hash_email(one) == hashlib.sha256(one.encode()).hexdigest() != hash_email(other)


def test_a_hash_is_not_hashed_again() -> None:
    """What does not look like an address is refused rather than hashed into something nobody matches (S42)."""
    with pytest.raises(ValueError, match="already"):
        hash_email(hash_email("ann@example.org"))
