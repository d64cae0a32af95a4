"""What all policy models have in common: frozen, and a word they do not know is a fault, never ignored."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

NAME = r"[a-z][a-z0-9_]*"


def _is_name(text: str) -> str:
    """Refuse a name that SQL would have to quote."""
    if not re.fullmatch(NAME, text):
        raise ValueError("a name has small letters, digits and underscores, and starts with a letter")
    return text


def _norway(given: Any) -> Any:
    """Read NO as Norway, and not as the boolean that YAML 1.1 takes it for."""
    return "NO" if given is False else given


def _is_country(text: str) -> str:
    """Refuse what is not written as countries are in the CRM's rows; it would never match one."""
    if not re.fullmatch("[A-Z]{2}", text):
        raise ValueError("a country is two capital letters (ISO 3166-1 alpha-2)")
    return text


Name = Annotated[str, AfterValidator(_is_name)]
Country = Annotated[str, BeforeValidator(_norway), AfterValidator(_is_country)]


class PolicyModel(BaseModel):
    """Frozen, and knows every word it accepts."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
