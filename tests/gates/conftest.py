"""A small CRM of its own, with a policy of two marts, and a gate that Great Expectations starts once."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from trustmart.policy import Policy
from trustmart.settings import Settings
from trustmart.warehouse import DuckDBWarehouse, Zone

KEY = "a-key-that-must-not-be-found-anywhere"
MART = "dim_segments"
OTHER_MART = "fct_outcomes"
AUDIENCE = "aud_news__active"
ADA = "b8f0c2d4e6a81357b8f0c2d4e6a81357"
BO = "0f1e2d3c4b5a69780f1e2d3c4b5a6978"

POLICY = {
    "version": "test",
    "attributes": {
        "customer_id_crm": {"category": "user.unique_id", "role": "direct_identifier"},
        "given_name": {"category": "user.name.first", "role": "direct_identifier"},
        "surname": {"category": "user.name.last", "role": "direct_identifier"},
        "email": {"category": "user.contact.email", "role": "direct_identifier", "contact_point": "email"},
        "phone": {"category": "user.contact.phone_number", "role": "direct_identifier"},
        "street": {"category": "user.contact.address.street", "role": "direct_identifier"},
        "notes": {"category": "user.content.private", "role": "direct_identifier", "free_text": True},
        "country": {"category": "user.contact.address.country", "role": "quasi_identifier"},
        "birth_date": {"category": "user.demographic.date_of_birth", "role": "quasi_identifier"},
        "balance_eur": {"category": "user.financial.bank_account", "role": "sensitive"},
        "campaign": {"category": "system.operations", "role": "insensitive"},
    },
    "sources": {
        "crm": {
            "location": {"kind": "csv", "folder": "crm"},
            "tables": {
                "customers": {
                    "from": "customers",
                    "key": ["customer_id_crm"],
                    "columns": {
                        "customer_id_crm": {"from": "id", "required": True},
                        "given_name": {"from": "given_name"},
                        "surname": {"from": "surname"},
                        "email": {"from": "email"},
                        "phone": {"from": "phone"},
                        "street": {"from": "street"},
                        "notes": {"from": "notes", "optional": True},
                        "country": {"from": "country"},
                        "birth_date": {"from": "birth_date", "type": "date"},
                        "balance_eur": {"from": "balance_eur", "type": "decimal"},
                    },
                }
            },
        }
    },
    "purposes": {
        "news": {
            "title": "News by e-mail",
            "data_use": "marketing.communications.email",
            "valid_for_days": 365,
        }
    },
    "releases": {
        MART: {
            "title": "Customers by segment",
            "use_case": "report",
            "minimum_class_size": 11,
            "maximum_suppressed": 0.10,
            "class_size": "customers",
            "quasi_identifiers": {
                "age_band": {"from": "birth_date", "hierarchy": "age_bands"},
                "region": {"from": "country", "hierarchy": "regions"},
            },
            "measures": {"average_balance_eur": {"from": "balance_eur"}},
        },
        OTHER_MART: {
            "title": "Outcome by campaign",
            "use_case": "report",
            "minimum_class_size": 11,
            "maximum_suppressed": 0.10,
            "class_size": "customers",
            "quasi_identifiers": {"campaign": {"from": "campaign"}},
            "measures": {},
        },
    },
    "destinations": {
        "mailer": {"kind": "file", "folder": "out", "may_receive": ["email_sha256", "given_name"]},
    },
    "audiences": {
        AUDIENCE: {
            "title": "News",
            "use_case": "news",
            "destination": "mailer",
            "columns": ["email_sha256", "given_name"],
        }
    },
    "use_cases": {},
    "scores": {},
    "controller": {"name": "A", "country": "NO", "contact": "a@b.example", "data_protection_officer": "d@b.example"},
    "eea": ["NO"],
    "adequacy": {},
    "live_calls_without_consent": [],
    "jurisdictions": {},
    "default_age_of_digital_consent": 18,
}

RESTRICTED = f"""
create table raw_crm__customers (
    customer_id_crm varchar, given_name varchar, surname varchar, email varchar, phone varchar,
    street varchar, notes varchar, country varchar, birth_date date, balance_eur decimal(18, 2), subject_id varchar,
    email_normalized varchar
);
insert into raw_crm__customers values
    ('C-1001', 'Ada', 'Planted', 'Ada.Planted@example.org', '+47 22 33 44 55', 'Storgata 5', 'retired', 'NO',
     date '1950-05-01', 10.5, '{ADA}', 'ada.planted@example.org'),
    ('C-1002', 'Bo', 'Hidden', 'bo@hidden.example', '0201234567', 'north', 'asked for a blue card', 'DE',
     date '1980-05-01', 20.5, '{BO}', 'bo@hidden.example');
create table age_bands (age_from integer, age_to integer, age_band varchar);
insert into age_bands values (18, 39, '18-39'), (40, 64, '40-64'), (65, null, '65+');
create table regions (country varchar, region varchar);
insert into regions values ('NO', 'north'), ('DE', 'centre'), ('IT', 'south');
create table suppression_by_mart (
    mart varchar, classes_total bigint, classes_suppressed bigint, people_total bigint,
    people_suppressed bigint
);
insert into suppression_by_mart values ('{MART}', 5, 1, 100, 4), ('{OTHER_MART}', 2, 0, 60, 0);
create schema anonymized_candidate;
create table anonymized_candidate.{MART} (
    age_band varchar, region varchar, customers bigint, average_balance_eur decimal(18, 2)
);
insert into anonymized_candidate.{MART} values
    ('18-39', 'north', 11, 100.5), ('18-39', 'south', 25, 90.5),
    ('40-64', 'north', 30, 120.0), ('65+', 'unknown', 30, 130.0);
create table anonymized_candidate.{OTHER_MART} (campaign varchar, customers bigint);
insert into anonymized_candidate.{OTHER_MART} values ('retired', 40), ('spring', 20);
create table int_subjects__permitted (subject_id varchar, use_case varchar);
insert into int_subjects__permitted values ('{ADA}', 'news');
"""
PERSONAL = f"""
create table {AUDIENCE} (subject_id varchar, email_normalized varchar, given_name varchar);
insert into {AUDIENCE} values ('{ADA}', 'ada.planted@example.org', 'Ada');
"""

Plant = Callable[..., None]


@pytest.fixture(scope="session")
def policy() -> Policy:
    """Return a policy of two marts and one audience."""
    return Policy.model_validate(POLICY)


@pytest.fixture(scope="session")
def clean_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a warehouse in which every gate releases everything."""
    settings = Settings(data=tmp_path_factory.mktemp("clean"), key=SecretStr(KEY))
    warehouse = DuckDBWarehouse(settings)
    _change(warehouse, "restricted", RESTRICTED)
    _change(warehouse, "personal", PERSONAL)
    return settings.warehouse_folder


@pytest.fixture
def warehouse(tmp_path: Path, clean_folder: Path) -> DuckDBWarehouse:
    """Return a warehouse of the test's own, in which every gate releases everything."""
    settings = Settings(data=tmp_path, key=SecretStr(KEY))
    for file in clean_folder.glob("*.duckdb"):
        shutil.copy(file, settings.warehouse_folder)
    return DuckDBWarehouse(settings)


@pytest.fixture
def plant(warehouse: DuckDBWarehouse) -> Plant:
    """Return a function that changes a zone, so that a gate must hold."""

    def change(*statements: str, zone: Zone = "restricted") -> None:
        _change(warehouse, zone, *statements)

    return change


def _change(warehouse: DuckDBWarehouse, zone: Zone, *statements: str) -> None:
    """Execute statements inside a zone."""
    with warehouse.session(writes=zone) as session:
        session.run(f"use {zone}")
        for statement in statements:
            session.run(statement)
