"""The words of fideslang (github.com/ethyca/fideslang), and the few it lacks."""

from functools import cache

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
