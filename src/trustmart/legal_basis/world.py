"""What a decision must know beside the use case: who we are, and what differs by country."""

from collections.abc import Mapping
from dataclasses import dataclass

from trustmart.policy import Controller, Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The controller's profile (S05) and the tables of countries."""

    controller: Controller
    eea: frozenset[str]
    adequate: frozenset[str]
    live_calls_without_consent: frozenset[str]
    ages_of_digital_consent: Mapping[str, int]
    default_age_of_digital_consent: int


def world_of(policy: Policy) -> World:
    """Return what policy/*.yml says of the world."""
    return World(
        controller=policy.controller,
        eea=policy.eea,
        adequate=frozenset(policy.adequacy),
        live_calls_without_consent=policy.live_calls_without_consent,
        ages_of_digital_consent={
            country: jurisdiction.age_of_digital_consent for country, jurisdiction in policy.jurisdictions.items()
        },
        default_age_of_digital_consent=policy.default_age_of_digital_consent,
    )
