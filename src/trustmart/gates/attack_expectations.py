"""The attacks as Great Expectations knows them; each asks one function of attacks/. Imported late."""

from typing import Any, ClassVar

from trustmart.gates.gate_expectation import GateExpectation


class ExpectLabelsNoFinerThanPolicy(GateExpectation):
    """Expect every label to be in its declared hierarchy, at the level that policy allows or coarser (G0)."""

    column: str
    hierarchy: str
    rule: dict[str, Any] | None
    minimum_level: str | int
    fallback: str | None
    one_level: bool

    metric_dependencies: ClassVar = ("trustmart.declared_labels",)
    success_keys: ClassVar = (
        "mart",
        "column",
        "hierarchy",
        "rule",
        "minimum_level",
        "fallback",
        "one_level",
    )


class ExpectNoRehashedIdentifiers(GateExpectation):
    """Expect no value to be a known identifier hashed or written in another way (G0)."""

    known_in: list[list[str]]
    hierarchies: dict[str, str]
    salts: list[str]

    metric_dependencies: ClassVar = ("trustmart.rehashed",)
    success_keys: ClassVar = ("mart", "known_in", "hierarchies", "salts")


class ExpectNoRewrittenIdentifiers(GateExpectation):
    """Expect no text to be a known identifier or name but for how it is written (G0)."""

    known_in: list[list[str]]
    hierarchies: dict[str, str]

    metric_dependencies: ClassVar = ("trustmart.rewritten",)
    success_keys: ClassVar = ("mart", "known_in", "hierarchies")


class ExpectFiguresToBeNobodysNumber(GateExpectation):
    """Expect figures to equal people's numbers no more often than by chance (G0)."""

    known_in: list[list[str]]

    metric_dependencies: ClassVar = ("trustmart.numbers_of_people",)
    success_keys: ClassVar = ("mart", "known_in")


class ExpectTextsToNameNobody(GateExpectation):
    """Expect texts to name nobody of the CRM (G0)."""

    known_in: list[list[str]]
    hierarchies: dict[str, str]

    metric_dependencies: ClassVar = ("trustmart.names_in_text",)
    success_keys: ClassVar = ("mart", "known_in", "hierarchies")


class ExpectRegistersToNameNobody(GateExpectation):
    """Expect an outside register of everybody to name nobody (G2)."""

    columns: dict[str, Any]
    minimum_class_size: int

    metric_dependencies: ClassVar = ("trustmart.register_join",)
    success_keys: ClassVar = ("mart", "columns", "minimum_class_size")


class ExpectNobodyToBeSingledOut(GateExpectation):
    """Expect every row, with all of its columns, to be shared by enough people (G3)."""

    quasi_identifiers: list[str]
    others: list[str]
    minimum_class_size: int

    metric_dependencies: ClassVar = ("trustmart.singling_out",)
    success_keys: ClassVar = ("mart", "quasi_identifiers", "others", "minimum_class_size")


class ExpectCellsToHoldThePeopleTheySay(GateExpectation):
    """Expect every cell to stand for enough people who are there (G3)."""

    columns: list[str]
    class_size: str
    minimum_class_size: int

    metric_dependencies: ClassVar = ("trustmart.told_sizes",)
    success_keys: ClassVar = ("mart", "columns", "class_size", "minimum_class_size")


class ExpectNothingToBeInferred(GateExpectation):
    """Expect no class to give a sensitive value away (G4)."""

    columns: list[str]
    sensitive: str
    models: dict[str, Any]

    metric_dependencies: ClassVar = ("trustmart.inference",)
    success_keys: ClassVar = ("mart", "columns", "sensitive", "models")


class ExpectFiguresToTellOfNobody(GateExpectation):
    """Expect figures to tell of nobody alone, and of no whole cell (G4)."""

    class_size: str
    shares: list[str]
    amounts: dict[str, Any]

    metric_dependencies: ClassVar = ("trustmart.cube_inference",)
    success_keys: ClassVar = ("mart", "class_size", "shares", "amounts")


class ExpectSumsNotToBeDominated(GateExpectation):
    """Expect no sum to be one person's, or two's (G4)."""

    columns: list[str]
    amounts: dict[str, str]
    percent: float

    metric_dependencies: ClassVar = ("trustmart.dominated_sums",)
    success_keys: ClassVar = ("mart", "columns", "amounts", "percent")


class ExpectOtherMartsToRecoverNothing(GateExpectation):
    """Expect no coarser mart to give back what this one left out (G5)."""

    class_size: str
    minimum_class_size: int
    coarser: dict[str, Any]
    told: dict[str, Any]

    metric_dependencies: ClassVar = ("trustmart.margins_of_each_other",)
    success_keys: ClassVar = ("mart", "class_size", "minimum_class_size", "coarser", "told")


class ExpectMartsNotToBeLinked(GateExpectation):
    """Expect the labels of two marts together to fit nobody, or enough people (G5)."""

    columns: list[str]
    minimum_class_size: int
    others: dict[str, Any]

    metric_dependencies: ClassVar = ("trustmart.pair_classes",)
    success_keys: ClassVar = ("mart", "columns", "minimum_class_size", "others")


class ExpectHistoryToBeWhole(GateExpectation):
    """Expect to know who is in which class tonight, and was in earlier releases (G6)."""

    columns: list[str]
    class_size: str | None
    releases_known: int | None

    metric_dependencies: ClassVar = ("trustmart.whole_history",)
    success_keys: ClassVar = ("mart", "columns", "class_size", "releases_known")


class ExpectNoDifferenceToTellOfFew(GateExpectation):
    """Expect classes to change by nobody, or by enough people (G6)."""

    minimum_class_size: int
    marts: list[str]

    metric_dependencies: ClassVar = ("trustmart.differencing",)
    success_keys: ClassVar = ("mart", "minimum_class_size", "marts")


class ExpectReleasesNotToIntersect(GateExpectation):
    """Expect everybody to share their class with enough people through all their releases (G7)."""

    minimum_class_size: int

    metric_dependencies: ClassVar = ("trustmart.intersection",)
    success_keys: ClassVar = ("mart", "minimum_class_size")


class ExpectTotalsToRecoverNothing(GateExpectation):
    """Expect published totals to give no suppressed cell back (G8)."""

    columns: list[str]
    class_size: str
    minimum_class_size: int
    margins: list[list[str]]
    additive: bool

    metric_dependencies: ClassVar = ("trustmart.table_audit",)
    success_keys: ClassVar = ("mart", "columns", "class_size", "minimum_class_size", "margins", "additive")


class ExpectLabelsToStayInAnEpoch(GateExpectation):
    """Expect nobody to be relabelled within an epoch unless something about them has changed (G9)."""

    changed_in: list[str]
    tree: bool
    epoch: str | None

    metric_dependencies: ClassVar = ("trustmart.stability",)
    success_keys: ClassVar = ("mart", "changed_in", "tree", "epoch")


class ExpectNothingButWhatWasDrawn(GateExpectation):
    """Expect a noisy mart to show what noise was drawn for, each cell once, and nothing else (G0)."""

    cells: list[str]
    columns: list[str]

    metric_dependencies: ClassVar = ("trustmart.drawn_cells",)
    success_keys: ClassVar = ("mart", "cells", "columns")


class ExpectNothingButWhatWasLearned(GateExpectation):
    """Expect a learned mart to show what its teacher teaches, and nothing else (G0)."""

    learned: dict[str, Any]
    class_size: str
    minimum_class_size: int

    metric_dependencies: ClassVar = ("trustmart.learned_rows",)
    success_keys: ClassVar = ("mart", "learned", "class_size", "minimum_class_size")


class ExpectNobodyToBeRemembered(GateExpectation):
    """Expect learning to fit those it has seen no better than others (G11)."""

    learned: dict[str, Any]
    columns: list[str]
    minimum_class_size: int

    metric_dependencies: ClassVar = ("trustmart.membership_of_learned",)
    success_keys: ClassVar = ("mart", "learned", "columns", "minimum_class_size")


ATTACK_EXPECTATIONS: tuple[type[GateExpectation], ...] = (
    ExpectLabelsNoFinerThanPolicy,
    ExpectNoRehashedIdentifiers,
    ExpectNoRewrittenIdentifiers,
    ExpectFiguresToBeNobodysNumber,
    ExpectTextsToNameNobody,
    ExpectRegistersToNameNobody,
    ExpectNobodyToBeSingledOut,
    ExpectCellsToHoldThePeopleTheySay,
    ExpectNothingToBeInferred,
    ExpectFiguresToTellOfNobody,
    ExpectSumsNotToBeDominated,
    ExpectOtherMartsToRecoverNothing,
    ExpectMartsNotToBeLinked,
    ExpectHistoryToBeWhole,
    ExpectNoDifferenceToTellOfFew,
    ExpectReleasesNotToIntersect,
    ExpectTotalsToRecoverNothing,
    ExpectLabelsToStayInAnEpoch,
    ExpectNothingButWhatWasDrawn,
    ExpectNothingButWhatWasLearned,
    ExpectNobodyToBeRemembered,
)
