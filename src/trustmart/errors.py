"""Every error Trustmart raises, branched by who must act.

    TrustmartError
    ├── ConfigurationError        who: the data engineer who deploys
    │   ├── PolicyFault           policy/*.yml does not say what it must (all faults at once)
    │   ├── KeyMissing            no key for the encrypted zones
    │   ├── WarehouseBusy         another process is writing the same zone
    │   ├── WarehouseLocked       the key does not open the zone
    │   ├── LedgerBroken          somebody has changed the ledger's file
    │   ├── ReleasesBroken        a manifest of the releases, or what it seals, is not as it was written
    │   ├── ReleaseUnknown        no release has this id, or what it published is not kept any longer
    │   ├── ExtraMissing          what is asked for needs packages of an extra that is not installed
    │   └── StatementFailed       the engine refused a statement; its own words may quote a person, so they are not kept
    ├── SourceError               who: the owner of the CRM extract
    │   ├── SourceMissing         no file or table where the mapping points
    │   ├── SourceColumnMissing   a mapped column is not there
    │   └── SourceUnreadable      nothing in the file can be read
    ├── AnonymizationError        who: the author of a release's configuration
    │   ├── HierarchyFault        a generalization hierarchy is not a tree, or does not cover what it must
    │   ├── ReleaseFault          a release's configuration does not say what it must (all faults at once)
    │   ├── TableUnfit            the table cannot be anonymized as asked (empty, fewer people than k, columns missing)
    │   └── NoRecoding            no recoding meets the privacy models within the suppression budget
    ├── BuildError                who: the author of a model
    │   ├── ModelsFailed          dbt could not build or test a model
    │   ├── FenceBroken           a model reaches around its zone's door
    │   └── TypesHeld             a column's privacy type is not what policy allows
    ├── Held                      who: the data protection officer and the mart's owner
    │   ├── ReleaseHeld           an anonymized mart lets somebody stand out
    │   ├── RollbackHeld          an earlier release may not be put back: policy asks for more now
    │   ├── BudgetSpent           a population has too little epsilon left this year for a noisy release
    │   └── ActivationHeld        a row of an audience has no legal basis now
    ├── DestinationError          who: the marketer; the destination did not take what was sent
    └── AccountingMismatch        who: us; rows in are not rows loaded + rows quarantined

Messages carry counts, names of columns, models and files, and the next command to type; never a value of a person.
"""


class TrustmartError(Exception):
    """Anything Trustmart says no to."""


class ConfigurationError(TrustmartError):
    """The deployment is not set up as it must be."""


class PolicyFault(ConfigurationError):
    """The policy files have faults; all of them are in `faults`."""

    def __init__(self, faults: list[str], *, where: str = "the policy", then: str = "trustmart check") -> None:
        """Keep every fault as `file:line: what is wrong`; `then` is what to type once they are mended."""
        self.faults = faults
        noun = "fault" if len(faults) == 1 else "faults"
        listing = "\n".join(f"  {fault}" for fault in faults)
        super().__init__(f"{where} has {len(faults)} {noun}:\n{listing}\nMend them, then: {then}")


class KeyMissing(ConfigurationError):
    """There is no key to open the encrypted zones with."""


class WarehouseBusy(ConfigurationError):
    """Another process holds the zone for writing."""


class WarehouseLocked(ConfigurationError):
    """The key does not open the zone's file."""


class LedgerBroken(ConfigurationError):
    """The ledger's file is not as it was written."""


class ReleasesBroken(ConfigurationError):
    """A manifest of the chain of releases, or what it seals, is not as it was written."""


class ReleaseUnknown(ConfigurationError):
    """There is no such release, or what it published is not kept any longer."""


class ExtraMissing(ConfigurationError):
    """Packages of an optional extra are not installed."""


class StatementFailed(ConfigurationError):
    """The engine refused a statement."""


class SourceError(TrustmartError):
    """A CRM extract cannot be taken in."""


class SourceMissing(SourceError):
    """There is nothing where the mapping points."""


class SourceColumnMissing(SourceError):
    """A column that the mapping names is not in the extract."""


class SourceUnreadable(SourceError):
    """The extract as a whole cannot be read."""


class AnonymizationError(TrustmartError):
    """A table cannot be anonymized as its configuration asks."""


class HierarchyFault(AnonymizationError):
    """A generalization hierarchy is not what it must be."""


class ReleaseFault(AnonymizationError):
    """A release's configuration has faults; all of them are in `faults`."""

    def __init__(self, faults: list[str]) -> None:
        """Keep every fault as `place: what is wrong`."""
        self.faults = faults
        noun = "fault" if len(faults) == 1 else "faults"
        super().__init__(f"the configuration has {len(faults)} {noun}:\n" + "\n".join(f"  {fault}" for fault in faults))


class TableUnfit(AnonymizationError):
    """A table cannot be anonymized as asked."""


class NoRecoding(AnonymizationError):
    """No recoding meets what is asked."""


class BuildError(TrustmartError):
    """The marts cannot be built."""


class ModelsFailed(BuildError):
    """dbt could not build, or a dbt test failed."""


class FenceBroken(BuildError):
    """A model reaches around its zone's door."""


class TypesHeld(BuildError):
    """A column carries more of a person than policy allows, or nobody can tell what it carries."""


class Held(TrustmartError):
    """Something was kept back; nothing was lost."""


class ReleaseHeld(Held):
    """An anonymized mart is kept back; its last release stands."""


class RollbackHeld(Held):
    """An earlier release is not put back, as policy would not let it go now; what stands, stands."""


class BudgetSpent(Held):
    """A noisy release would take more epsilon than its population has left this year; nothing was drawn."""


class ActivationHeld(Held):
    """An audience is kept back."""


class DestinationError(TrustmartError):
    """A destination did not take what was sent."""


class AccountingMismatch(TrustmartError):
    """Rows in are not rows loaded plus rows quarantined; the batch was rolled back."""
