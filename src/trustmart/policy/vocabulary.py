"""The words of fideslang (github.com/ethyca/fideslang), and the few it lacks."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from trustmart.policy.wording import Place, not_one_of

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


def faults_of_words(use_cases: Any) -> Iterator[tuple[Place, str]]:
    """Yield (place, what) for every data use and category that is none of fideslang's words.

    use_cases: plain values by name, whatever else is wrong with them.
    """
    for name, use_case in use_cases.items() if isinstance(use_cases, Mapping) else ():
        data_use = _block(use_case, "purpose").get("data_use")
        if isinstance(data_use, str) and data_use not in data_uses():
            yield (name, "purpose", "data_use"), not_one_of(data_use, data_uses(), "a fideslang data use")
        categories = _block(use_case, "source").get("categories")
        for position, category in enumerate(categories if isinstance(categories, list | tuple) else ()):
            if isinstance(category, str) and category not in data_categories():
                what = not_one_of(category, data_categories(), "a fideslang data category")
                yield (name, "source", "categories", position), what


def _block(use_case: Any, name: str) -> Mapping[str, Any]:
    """Return a block, or an empty one where something else stands in its place."""
    block = use_case.get(name) if isinstance(use_case, Mapping) else None
    return block if isinstance(block, Mapping) else {}
