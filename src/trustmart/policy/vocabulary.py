"""The words of fideslang (github.com/ethyca/fideslang), and the few it lacks."""

from collections.abc import Iterator
from functools import cache

from trustmart.policy.use_cases import UseCase
from trustmart.policy.wording import not_one_of

# fideslang has no credit score; a bank's CRM does.
ADDED_CATEGORIES = frozenset({"user.financial.credit_score"})


@cache
def data_categories() -> frozenset[str]:
    """Return every data category that policy may name."""
    from fideslang.default_taxonomy import DEFAULT_TAXONOMY

    return frozenset(str(item.fides_key) for item in DEFAULT_TAXONOMY.data_category) | ADDED_CATEGORIES


@cache
def data_uses() -> frozenset[str]:
    """Return every data use that policy may name."""
    from fideslang.default_taxonomy import DEFAULT_TAXONOMY

    return frozenset(str(item.fides_key) for item in DEFAULT_TAXONOMY.data_use)


def faults_of_words(use_case: UseCase) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield (place, what) for every data use and category of a use case that is none of fideslang's words."""
    if use_case.purpose.data_use not in data_uses():
        yield ("purpose", "data_use"), not_one_of(use_case.purpose.data_use, data_uses(), "a fideslang data use")
    for position, category in enumerate(use_case.source.categories):
        if category not in data_categories():
            what = not_one_of(category, data_categories(), "a fideslang data category")
            yield ("source", "categories", position), what
