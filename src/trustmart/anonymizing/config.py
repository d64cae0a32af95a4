"""What a release shall be, as a file says it: quasi-identifiers with hierarchies, sensitive columns with models."""

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from trustmart.errors import ReleaseFault
from trustmart.policy import HierarchyRule, Sensitive
from trustmart.policy.base import PolicyModel


class QuasiIdentifier(PolicyModel):
    """A column that somebody outside could know."""

    hierarchy: HierarchyRule
    minimum_level: str | int = 0
    fallback: str | None = Field(None, min_length=1)
    weight: float = Field(1.0, gt=0)


class ReleaseConfig(PolicyModel):
    """One anonymized table.

    method: full_domain publishes one level per column; tree, for the laboratory, mixes levels and suppresses nobody.
    reserve: with a tree, so many people above minimum_class_size are in every leaf when it is grown.
    once: with a tree, the table is published this once: labels may be runs (`1984 to 1986`) that end where a class
        ends, there is no reserve, and no later night can go by it.
    """

    minimum_class_size: int = Field(ge=2)
    maximum_suppressed: float = Field(0.0, ge=0, lt=1)
    quasi_identifiers: dict[str, QuasiIdentifier] = Field(min_length=1)
    sensitive: dict[str, Sensitive] = Field(default_factory=dict)
    publish: list[str] = Field(default_factory=list)
    time_limit_seconds: float = Field(default=60.0, gt=0)
    method: Literal["full_domain", "tree"] = "full_domain"
    reserve: int = Field(default=2, ge=0)
    once: bool = False

    @model_validator(mode="after")
    def _one_role_each(self) -> "ReleaseConfig":
        """Refuse a column in two roles: a generalized column cannot also be published as it is."""
        roles = [*self.quasi_identifiers, *self.sensitive, *self.publish]
        if twice := sorted({column for column in roles if roles.count(column) > 1}):
            raise ValueError(f"{', '.join(twice)}: a column has one role, quasi_identifiers, sensitive or publish")
        if self.method == "full_domain" and "reserve" in self.model_fields_set:
            raise ValueError("reserve is for method: tree")
        if self.once and self.method != "tree":
            raise ValueError("once is for method: tree")
        if self.once and "reserve" in self.model_fields_set:
            raise ValueError("a tree that is published once needs no reserve")
        return self

    @property
    def published(self) -> list[str]:
        """Return the columns that are published as they are. A column that is not named stays unpublished."""
        return [*self.sensitive, *self.publish]


def load_config(path: Path) -> ReleaseConfig:
    """Read a release's configuration; raises ReleaseFault with all its faults."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise ReleaseFault([f"{path.name}{line}: this is no YAML"]) from None
    except UnicodeDecodeError:
        raise ReleaseFault([f"{path.name}: this is not UTF-8"]) from None
    if not isinstance(content, dict):
        raise ReleaseFault([f"{path.name}: it must be a mapping with minimum_class_size and quasi_identifiers"])
    try:
        config = ReleaseConfig.model_validate(content)
    except ValidationError as error:
        raise ReleaseFault([f"{path.name}: {_said(fault)}" for fault in error.errors(include_url=False)]) from None
    return _at_home(config, path.parent)


def _at_home(config: ReleaseConfig, folder: Path) -> ReleaseConfig:
    """Let files be named as they lie beside the configuration."""
    quasi_identifiers = {
        name: column.model_copy(
            update={"hierarchy": column.hierarchy.model_copy(update={"csv": folder / column.hierarchy.csv})}
        )
        if column.hierarchy.csv
        else column
        for name, column in config.quasi_identifiers.items()
    }
    return config.model_copy(update={"quasi_identifiers": quasi_identifiers})


def _said(fault: Any) -> str:
    """Return one fault as a line: where, and what is wrong."""
    place = ".".join(str(step) for step in fault["loc"])
    said = str(fault["msg"]).removeprefix("Value error, ")
    return f"{place}: {said}" if place else said
