"""The ePrivacy override: electronic marketing loses legitimate interest, but for a complete soft opt-in."""

from trustmart.legal_basis import rules
from trustmart.legal_basis.facts import FIELDS, Facts
from trustmart.legal_basis.risks import Hit, is_marketing
from trustmart.policy.use_cases import Channel, Origin, Product

MAIL = frozenset({Channel.EMAIL, Channel.SMS})
_ON_DEVICES = frozenset({Channel.COOKIE, Channel.ONLINE_ADS})
_IN_APPS = frozenset({Channel.PUSH, Channel.IN_APP})
# What 13(2) asks of the use case itself; the rest of it are conditions (opt-out at collection, in every message ...).
_SOFT_OPT_IN = (
    ("product", Product.OWN_SIMILAR),
    ("obtained_in_sale", True),
    ("existing_relationship", True),
    ("origin", Origin.FIRST_PARTY),
)


def electronic_marketing(facts: Facts) -> Hit | None:
    """Return why what is sent needs consent first (ePrivacy Art. 5(3), 13; S35, S36)."""
    for channel in facts.channels:
        if channel in _ON_DEVICES:
            return "processing.channels", channel, rules.STORED_ON_DEVICES
    channels = [channel for channel in facts.channels if _is_electronic(channel, facts)]
    if not channels or not is_marketing(facts):
        return None
    for channel in channels:
        if channel not in MAIL:
            rule = rules.MARKETING_CALLS if channel is Channel.PHONE else rules.ELECTRONIC_MARKETING
            return "processing.channels", channel, rule
    return _gap_in_soft_opt_in(facts)


def is_soft_opt_in(facts: Facts) -> bool:
    """True where a legitimate interest stands on the soft opt-in; asked only where nothing stands in its way."""
    return any(channel in MAIL for channel in facts.channels) and is_marketing(facts)


def _is_electronic(channel: Channel, facts: Facts) -> bool:
    """True for channels that ask for consent; a call, unless every country that people live in allows it without."""
    if channel is Channel.PHONE:
        countries = facts.use_case.source.countries
        return not countries or any(country not in facts.world.live_calls_without_consent for country in countries)
    return channel in MAIL or channel in _IN_APPS


def _gap_in_soft_opt_in(facts: Facts) -> Hit | None:
    """Return the first thing that the soft opt-in lacks."""
    for name, wanted in _SOFT_OPT_IN:
        found = facts.known(name)
        if found is not None and found != wanted:
            return FIELDS[name], found, rules.ELECTRONIC_MARKETING
    for name, _ in _SOFT_OPT_IN:
        getattr(facts, name)
    return None
