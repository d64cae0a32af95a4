"""What one policy file says about another must be true."""

from collections.abc import Iterator, Mapping

from trustmart.policy.models import Audience, Policy, Score
from trustmart.policy.released import faults_of_releases
from trustmart.policy.releases import Release
from trustmart.policy.use_cases import Channel, Kind, UseCase
from trustmart.policy.vocabulary import data_categories, data_uses, faults_of_words
from trustmart.policy.wording import not_one_of

Fault = tuple[tuple[str | int, ...], str]

# Columns the pipeline makes itself at the send: a destination's wire formats.
WIRE_COLUMNS = {"email_sha256": "email"}

# By which channels somebody may be reached who holds such data: the verdict was on the channel of the use case.
_CHANNELS_OF = {
    "user.contact.email": {Channel.EMAIL, Channel.ONLINE_ADS, Channel.PUSH, Channel.IN_APP, Channel.COOKIE},
    "user.contact.phone_number": {Channel.PHONE, Channel.SMS},
    "user.contact.address.street": {Channel.POST},
}
_PASSING_ON = (Kind.SHARE, Kind.SELL)


def faults_between(policy: Policy) -> list[Fault]:
    """Return every place where the files disagree, as (place, what is wrong)."""
    return [
        *_unknown_vocabulary(policy),
        *_unmapped_attributes(policy),
        *_sources_without_identity(policy),
        *_use_cases_that_ask_for_nothing_known(policy),
        *_marts_without_use_case(policy),
        *faults_of_releases(policy),
        *_audiences_beyond_policy(policy),
        *_scores_beyond_policy(policy),
    ]


def _unknown_vocabulary(policy: Policy) -> Iterator[Fault]:
    """Data categories and uses are fideslang's words."""
    for name, attribute in policy.attributes.items():
        if attribute.category not in data_categories():
            yield ("attributes", name, "category"), f"{attribute.category!r} is not a fideslang data category"
    for name, purpose in policy.purposes.items():
        if purpose.data_use not in data_uses():
            yield ("purposes", name, "data_use"), f"{purpose.data_use!r} is not a fideslang data use"
    for place, what in faults_of_words({name: one.model_dump() for name, one in policy.use_cases.items()}):
        yield ("use_cases", *place), what


def _use_cases_that_ask_for_nothing_known(policy: Policy) -> Iterator[Fault]:
    """People are asked under a purpose that there is, and reached by one channel where an audience leaves by it."""
    for name, use_case in policy.use_cases.items():
        if use_case.asked_as is not None and use_case.asked_as not in policy.purposes:
            yield ("use_cases", name, "asked_as"), not_one_of(use_case.asked_as, policy.purposes, "a purpose")


def _marts_without_use_case(policy: Policy) -> Iterator[Fault]:
    """Every mart, anonymized or personal, names the use case it is built for (S03)."""
    blocks: dict[str, Mapping[str, Release | Audience | Score]] = {
        "releases": policy.releases,
        "audiences": policy.audiences,
        "scores": policy.scores,
    }
    for block, marts in blocks.items():
        for name, mart in marts.items():
            if mart.use_case not in policy.use_cases:
                yield (block, name, "use_case"), not_one_of(mart.use_case, policy.use_cases, "a use case")


def _unmapped_attributes(policy: Policy) -> Iterator[Fault]:
    """Unknown is restricted: a column without a role is a fault, not a guess."""
    for source_name, source in policy.sources.items():
        for table_name, table in source.tables.items():
            for column in table.columns:
                if column not in policy.attributes:
                    place = ("sources", source_name, "tables", table_name, "columns", column)
                    yield place, "attributes.yml gives this column no role"


def _sources_without_identity(policy: Policy) -> Iterator[Fault]:
    """Every row belongs to a person, found by the customer's number."""
    for source_name, source in policy.sources.items():
        for table_name, table in source.tables.items():
            if not table.columns[table.subject].required:
                place = ("sources", source_name, "tables", table_name, "columns", table.subject)
                yield place, "the subject's column must be required: a row of nobody can be neither kept nor erased"


def _audiences_beyond_policy(policy: Policy) -> Iterator[Fault]:
    """An audience leaves by one channel, under its purpose's name, with no more than its destination may receive."""
    for name, audience in policy.audiences.items():
        destination = policy.destinations.get(audience.destination)
        if (use_case := policy.use_cases.get(audience.use_case)) is not None:
            yield from _faults_of_sending(name, audience, use_case)
            yield from _faults_of_what_leaves(policy, name, audience, use_case)
        if destination is None:
            place = ("audiences", name, "destination")
            yield place, not_one_of(audience.destination, policy.destinations, "a destination")
            continue
        recipients = {transfer.recipient for transfer in use_case.transfers} if use_case else set()
        if use_case and destination.recipient is not None and destination.recipient not in recipients:
            yield (
                ("audiences", name, "destination"),
                f"{audience.destination} is the {destination.recipient}, to whom {audience.use_case} passes nothing on:"
                " name it in its transfers",
            )
        for column in audience.columns:
            if column not in destination.may_receive:
                yield ("audiences", name, "columns"), f"{audience.destination} may not receive {column!r}"
    for name, destination in policy.destinations.items():
        for column in destination.may_receive:
            origin = policy.attributes.get(WIRE_COLUMNS.get(column, column))
            if origin is None or origin.free_text:
                yield ("destinations", name, "may_receive"), f"{column!r} is no attribute that can leave"


def _faults_of_sending(name: str, audience: Audience, use_case: UseCase) -> Iterator[Fault]:
    """Say what keeps a use case from being sent as this audience."""
    purpose = use_case.asked_as or audience.use_case
    if not name.startswith(f"aud_{purpose}__"):
        yield ("audiences", name), f"must be named aud_{purpose}__<segment>"
    if len(use_case.processing.channels) > 1:
        yield (
            ("audiences", name, "use_case"),
            f"{audience.use_case} reaches people by {len(use_case.processing.channels)} channels, and the law differs"
            " by channel: make a use case of each",
        )
    if not use_case.processing.channels and use_case.processing.kind not in _PASSING_ON:
        yield (
            ("audiences", name, "use_case"),
            f"{audience.use_case} reaches nobody: it was decided without a channel; say by which, or keep it at home",
        )


def _faults_of_what_leaves(policy: Policy, name: str, audience: Audience, use_case: UseCase) -> Iterator[Fault]:
    """What leaves is what was decided on: data that the use case names, and no way to people but its own channel."""
    place, categories, channels = (
        ("audiences", name, "columns"),
        use_case.source.categories,
        use_case.processing.channels,
    )
    for column in audience.columns:
        origin = policy.attributes.get(WIRE_COLUMNS.get(column, column))
        if origin is None:
            continue
        if not any(f"{origin.category}.".startswith(f"{known}.") for known in categories):
            what = f"{column!r} is {origin.category}, which {audience.use_case} was not decided on"
            yield place, f"{what}: name it in its categories"
        elif not set(channels) <= _CHANNELS_OF.get(origin.category, set(channels)):
            yield (
                place,
                f"{column!r} reaches people otherwise than by {', '.join(channels)}, as {audience.use_case} says",
            )


def _scores_beyond_policy(policy: Policy) -> Iterator[Fault]:
    """A score names the mart it was learned from and the use case of the learning, and applying it is about people."""
    for name, score in policy.scores.items():
        if not name.startswith(f"score_{score.use_case}__"):
            yield ("scores", name), f"must be named score_{score.use_case}__<people>"
        if score.learned_from not in policy.releases:
            yield ("scores", name, "learned_from"), not_one_of(score.learned_from, policy.releases, "a release")
        if (learning := policy.use_cases.get(score.learned_for)) is None:
            yield ("scores", name, "learned_for"), not_one_of(score.learned_for, policy.use_cases, "a use case")
        elif learning.processing.individuals is not False:
            yield (
                ("scores", name, "learned_for"),
                f"{score.learned_for} is about people; what is learned for a score is learned about nobody"
                " (individuals: false)",
            )
        yield from _faults_of_applying(policy, name, score)
        applied = policy.use_cases.get(score.use_case)
        if applied is not None and applied.processing.individuals is False:
            yield (
                ("scores", name, "use_case"),
                f"{score.use_case} is about nobody (individuals: false), but a score is given to each person: applying"
                " what was learned needs a use case of its own",
            )


def _faults_of_applying(policy: Policy, name: str, score: Score) -> Iterator[Fault]:
    """People are told by labels: what is applied to them is a model of labels, and not one of sensitive values."""
    release = policy.releases.get(score.learned_from)
    if release is None or release.learned is None:
        return
    teacher = policy.releases.get(release.learned.learned_from)
    labels = teacher.quasi_identifiers if teacher else {}
    if stray := [feature for feature in release.learned.features if feature not in labels]:
        yield (
            ("scores", name, "learned_from"),
            f"{score.learned_from} learns from {', '.join(stray)}: people are told by quasi-identifiers alone",
        )
