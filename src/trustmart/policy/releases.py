"""What an anonymized mart must prove before anyone may read it, and how the door makes it."""

from enum import StrEnum
from typing import Any, Literal

from pydantic import Field, model_validator

from trustmart.policy.base import Name, PolicyModel


class Tier(StrEnum):
    """How the door anonymizes a mart's records (ANONYMITY: release tiers)."""

    OPEN_CUBE = "open_cube"
    ANALYST_MICRODATA = "analyst_microdata"
    LABORATORY = "laboratory"


class PublishedColumn(PolicyModel):
    """A published column: the attribute it comes from, and the hierarchy whose labels it may show.

    minimum_level, weight and fallback are for columns that the door generalizes itself (microdata, laboratory).
    fallback: the label of values that the hierarchy does not know. minimum_level of an open cube is a further column of
    its hierarchy's seed, or (a date without a hierarchy) quarter or year: the door tells the labels at that level.
    """

    attribute: Name = Field(alias="from")
    hierarchy: Name | None = None
    minimum_level: str | int = 0
    weight: float = Field(1.0, gt=0)
    fallback: str = Field("unknown", min_length=1)


class Measure(PolicyModel):
    """A figure of a cube: the attribute it comes from, and how it is reckoned from a cell's records.

    how: records (their number), people, sum, mean (the sum per person who has one), or share (of people, true in some
    record of theirs; to the nearest 5 %, between 5 % and 95 %). column: the column of the records, named as the
    attribute unless given. round_to: the step of what is published. bounds: what one record may count at most, where
    noise is added.
    """

    attribute: Name = Field(alias="from")
    how: Literal["records", "people", "sum", "mean", "share"] | None = None
    column: Name | None = None
    round_to: float | None = Field(None, gt=0)
    bounds: tuple[float, float] | None = None

    @property
    def source_column(self) -> str:
        """Return the column of the records that it is reckoned from."""
        return self.column or self.attribute


class Sensitive(PolicyModel):
    """A column that nobody shall learn about a person, and what every class must satisfy for it.

    harmless: values that may be learned, as nearly everybody has them and nobody minds (don't-care sets:
    Machanavajjhala et al. 2007, section 4.3). They are excused from the attack on certainty, and from nothing else.
    """

    attribute: Name | None = Field(None, alias="from")
    distinct: int | None = Field(None, ge=1)
    entropy: float | None = Field(None, ge=1)
    recursive_c: float | None = Field(None, gt=0)
    recursive_l: int | None = Field(None, ge=2)
    t: float | None = Field(None, ge=0, le=1)
    distance: Literal["equal", "ordered", "hierarchical"] = "equal"
    order: list[str] | None = None
    tree: dict[str, Any] | None = None
    harmless: list[str] = Field(default_factory=list)

    @model_validator(mode="after")
    def _whole(self) -> "Sensitive":
        """Refuse halves of a model, and a column without one."""
        if (self.recursive_c is None) != (self.recursive_l is None):
            raise ValueError("recursive diversity needs both recursive_c and recursive_l")
        if self.distance != "equal" and self.t is None:
            raise ValueError("a distance is for t")
        if (self.distance == "hierarchical") != (self.tree is not None):
            raise ValueError("the hierarchical distance needs a tree, and only it")
        if all(model is None for model in (self.distinct, self.entropy, self.recursive_c, self.t)):
            raise ValueError("say at least one of distinct, entropy, recursive_c with recursive_l, t")
        return self


class Noise(PolicyModel):
    """Differential privacy for a cube: every figure is a noisy one, and the year's budget is kept in the ledger.

    epsilon: what one release spends. population: whose budget it is. yearly_epsilon: what that population may lose in
    a calendar year, over all its releases. cells_per_person: in how many cells one person counts at most (the rest is
    left out, by chance). delta: only for cells that are not listed in advance (private partition selection).
    cells: `public` where all combinations of labels are known in advance, so that empty ones are published too.
    every: how often it is drawn, and paid for: on the first night of each month, of each week, or every night.
    """

    epsilon: float = Field(gt=0, le=10)
    population: Name
    yearly_epsilon: float = Field(gt=0)
    cells_per_person: int = Field(ge=1)
    records_per_cell: int = Field(1, ge=1)
    cells: Literal["public", "private"] = "public"
    delta: float | None = Field(None, gt=0, lt=1e-3)
    every: Literal["night", "week", "month"] = "month"

    @model_validator(mode="after")
    def _delta_where_needed(self) -> "Noise":
        """Private cells need a delta, public ones none."""
        if (self.cells == "private") != (self.delta is not None):
            raise ValueError("delta is needed for private cells, and for them alone")
        return self

    @property
    def draws_per_year(self) -> int:
        """Return how often a calendar year sees it drawn, at most."""
        return {"night": 366, "week": 53, "month": 12}[self.every]


class Learned(PolicyModel):
    """What is learned from a mart of microdata; it is published instead of rows.

    kind: cluster_centroids (rows: cluster, feature, label) or propensity_model (rows: feature, label). features: the
    columns of the teacher that are learned from. clusters: how many. target: the teacher's column that is predicted,
    and target_label: the label of it whose probability that is.
    """

    kind: Literal["cluster_centroids", "propensity_model"]
    learned_from: Name
    features: tuple[Name, ...] = Field(min_length=1)
    clusters: int | None = Field(None, ge=2, le=100)
    target: Name | None = None
    target_label: str | None = Field(None, min_length=1)

    @model_validator(mode="after")
    def _whole(self) -> "Learned":
        """Refuse clusters without their number, and a prediction of nothing."""
        if (self.kind == "cluster_centroids") != (self.clusters is not None):
            raise ValueError("clusters is needed for cluster_centroids, and for them alone")
        if (self.kind == "propensity_model") != (self.target is not None):
            raise ValueError("target is needed for a propensity_model, and for it alone")
        if (self.target is None) != (self.target_label is None):
            raise ValueError("target and target_label go together: what is predicted, and which label of it")
        if len({*self.features, self.target}) <= len(self.features):
            raise ValueError("a feature is listed twice, or is the target")
        return self

    @property
    def columns_learned_from(self) -> tuple[str, ...]:
        """Return the teacher's columns that it needs, the target last."""
        return (*self.features, *([self.target] if self.target else []))

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the published columns that name a row."""
        return ("cluster", "feature", "label") if self.kind == "cluster_centroids" else ("feature", "label")

    @property
    def figure(self) -> str:
        """Return the published column that says what was learned."""
        return "share" if self.kind == "cluster_centroids" else "weight"


class Release(PolicyModel):
    """What an anonymized mart must prove before anyone may read it.

    tier: how the door makes the mart from its records; without one the mart's own SQL makes it, and the gate judges.
    class_size: the column that says how many distinct people a row stands for; microdata has none, a row is a person.
    margins: further sets of columns that totals are published for (label `*` stands for all); the empty one is the
    grand total. dominance_percent: p of the p %-rule for sums. hold_back: a class that changed by fewer people than the
    minimum class size since it was published shows its last figures. learned: what is published is learned from another
    mart; its columns are those of its kind, beside class_size. reserve: in the laboratory, so many people above the
    minimum class size are in every group of the tree when it is grown (2 unless given).
    """

    title: str
    use_case: Name
    tier: Tier | None = None
    minimum_class_size: int = Field(ge=2)
    maximum_suppressed: float = Field(gt=0, le=1)
    class_size: Name | None = None
    quasi_identifiers: dict[Name, PublishedColumn] = Field(default_factory=dict)
    measures: dict[Name, Measure] = Field(default_factory=dict)
    sensitive: dict[Name, Sensitive] = Field(default_factory=dict)
    publish: dict[Name, PublishedColumn] = Field(default_factory=dict)
    margins: tuple[tuple[Name, ...], ...] = ()
    dominance_percent: float | None = Field(None, gt=0, le=100)
    hold_back: bool = False
    noise: Noise | None = None
    learned: Learned | None = None
    reserve: int | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _fits_its_tier(self) -> "Release":
        """Refuse what a tier has no use for: a rule that is not applied protects nobody."""
        is_cube = self.tier in (None, Tier.OPEN_CUBE)
        if bool(self.quasi_identifiers) == bool(self.learned):
            raise ValueError("quasi_identifiers is missing; what is learned has none, for its columns are its kind's")
        if self.learned and (self.measures or self.margins or self.hold_back or self.dominance_percent or self.noise):
            raise ValueError("measures, margins, hold_back, dominance_percent and noise are for cubes of records")
        if is_cube and self.class_size is None:
            raise ValueError("class_size is missing: which column says how many people a row stands for?")
        if not is_cube and (self.class_size or self.measures or self.noise or self.learned or self.hold_back):
            raise ValueError("class_size, measures, noise, learned and hold_back are for cubes; here a row is a person")
        if self.reserve is not None and self.tier is not Tier.LABORATORY:
            raise ValueError("reserve is for the laboratory: the other tiers grow no tree")
        if is_cube and (self.sensitive or self.publish):
            raise ValueError("sensitive and publish are for microdata and the laboratory; a cube has measures")
        if not is_cube and len(self.sensitive) > 1 and self.tier is Tier.ANALYST_MICRODATA:
            raise ValueError("microdata has one sensitive column per mart: several together single people out")
        if self.tier is not Tier.OPEN_CUBE and (self.margins or self.dominance_percent or self.noise or self.learned):
            raise ValueError("margins, dominance_percent, noise and learned need tier: open_cube")
        if self.hold_back and self.margins:
            raise ValueError(
                "hold_back and margins: a fresh margin less its fresh parts shows what is held back; choose"
            )
        if stray := {column for margin in self.margins for column in margin} - set(self.quasi_identifiers):
            raise ValueError(f"margins name columns that are no quasi-identifiers: {', '.join(sorted(stray))}")
        if self.tier is Tier.OPEN_CUBE and self.learned is None and (bare := self._measures_of_no_kind()):
            raise ValueError(f"the door does not know how to reckon {', '.join(bare)}: say how")
        return self

    def _measures_of_no_kind(self) -> list[str]:
        """Return the measures that do not say how they are reckoned."""
        return [name for name, measure in self.measures.items() if measure.how is None]

    @model_validator(mode="after")
    def _levels_of_a_cube_have_names(self) -> "Release":
        """Refuse a level that nobody applies, and one that is no name."""
        told = [name for name, one in self.quasi_identifiers.items() if one.minimum_level != 0]
        if told and not self.is_microdata and (self.tier is None or self.noise):
            raise ValueError(f"minimum_level of {', '.join(told)}: only the door tells labels at a level, not noise")
        bare = [name for name in told if not isinstance(self.quasi_identifiers[name].minimum_level, str)]
        if bare and not self.is_microdata:
            raise ValueError(f"minimum_level of {', '.join(bare)}: name a column of the seed, or quarter, or year")
        return self

    @property
    def coarser(self) -> dict[str, tuple[str, str, str]]:
        """Return the columns of a cube that are told coarser than its SQL tells them: hierarchy, from, to."""
        if self.is_microdata:
            return {}
        return {
            name: (one.hierarchy or "", name if one.hierarchy else "", str(one.minimum_level))
            for name, one in self.quasi_identifiers.items()
            if one.minimum_level != 0
        }

    @property
    def columns(self) -> tuple[str, ...]:
        """Return every column the mart may publish."""
        size = (self.class_size,) if self.class_size else ()
        return (*self.keys, *size, *self.figures, *self.sensitive, *self.publish)

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the published columns that say whom a row is about."""
        return self.learned.keys if self.learned else tuple(self.quasi_identifiers)

    @property
    def figures(self) -> tuple[str, ...]:
        """Return the published columns that are reckoned or learned."""
        return (self.learned.figure,) if self.learned else tuple(self.measures)

    @property
    def is_microdata(self) -> bool:
        """Return whether a row of the mart is a person."""
        return self.tier in (Tier.ANALYST_MICRODATA, Tier.LABORATORY)
