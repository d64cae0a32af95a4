"""Releases, one by one and compared: what was published when, what was held, and what changed from one to another."""

from datetime import datetime
from typing import Any

from trustmart.errors import ReleasesBroken, ReleaseUnknown
from trustmart.ledger import ReleaseChain, Sealed
from trustmart.pipeline.context import Context
from trustmart.pipeline.publication import settle
from trustmart.pipeline.standing import nights_old
from trustmart.pipeline.verdicts import other_verdicts, verdicts_of
from trustmart.warehouse import naive_utc
from trustmart.warehouse.contents import class_changes, columns_in

_COMPARED = ("rows", "people", "smallest_class", "minimum_class_size", "recoding", "epoch", "policy_version")


def releases(context: Context) -> list[dict[str, Any]]:
    """Return every release and rollback, oldest first; raises ReleasesBroken where a manifest is not as written."""
    settle(context)
    chain = context.releases
    return [_told(chain, sealed) for sealed in chain.every()]


def find_release(context: Context, wanted: str) -> Sealed:
    """Return the newest release of this id, or of an id that begins so; raises ReleaseUnknown."""
    settle(context)
    chain, found = context.releases, dict[str, Sealed]()
    for number in range(chain.newest_number(), 0, -1):
        try:
            sealed = chain.read(number)
        except ReleasesBroken:
            continue  # another release may be whole
        if wanted and sealed.release_id.startswith(wanted):
            found.setdefault(sealed.release_id, sealed)
    if wanted in found:
        return found[wanted]
    if len(found) != 1:
        kind = f"{len(found)} releases begin with" if found else "no release is called"
        raise ReleaseUnknown(f"{kind} {wanted!r}; those that there are: trustmart releases")
    return next(iter(found.values()))


def one_release(context: Context, wanted: str) -> dict[str, Any]:
    """Return how everything came out that was asked in one release; raises ReleaseUnknown."""
    return verdicts_of(find_release(context, wanted))


def differences(context: Context, first: str, second: str) -> dict[str, Any]:
    """Return what changed from one release to another: versions, verdicts, and per mart figures and classes, as counts.

    Raises ReleaseUnknown. classes: None where what one of them published is not kept any longer, or where the columns
    are others.
    """
    before, after = find_release(context, first), find_release(context, second)
    marts = sorted({*before.manifest["published"], *after.manifest["published"]})
    return {
        "from": before.release_id,
        "to": after.release_id,
        **{
            name: {"from": before.manifest[name], "to": after.manifest[name]}
            for name in ("policy_version", "code_version")
        },
        "marts": {mart: _difference(context, before, after, mart) for mart in marts},
        "verdicts": other_verdicts(before, after),
    }


def _told(chain: ReleaseChain, sealed: Sealed) -> dict[str, Any]:
    """Return one release as a line of the list."""
    facts = sealed.manifest
    at = naive_utc(datetime.fromisoformat(facts["at"]))
    held = [mart for mart, told in facts["verdicts"].items() if told["verdict"] == "held"]
    return {
        "number": sealed.number,
        "release_id": sealed.release_id,
        "kind": facts["kind"],
        "night": facts["at"],
        "released": [mart for mart, told in facts["verdicts"].items() if told["verdict"] == "released"],
        "held": {mart: _age(facts["published"].get(mart), at) for mart in held},
        "back_to": facts.get("back_to"),
        "put_back": facts.get("put_back", []),
        "reason": facts.get("reason"),
        "policy_version": facts["policy_version"],
        "code_version": facts["code_version"],
        "people": {mart: told["people"] or 0 for mart, told in facts["published"].items()},
        "is_kept": chain.published_file(sealed.number).exists(),
    }


def _age(facts: dict[str, Any] | None, at: datetime) -> dict[str, Any] | None:
    """Return since when a held mart's standing release stands; None where readers have nothing."""
    if facts is None:
        return None
    since = datetime.fromisoformat(facts["released_at"])
    return {"standing_since": facts["released_at"], "nights_old": nights_old(since, at)}


def _difference(context: Context, before: Sealed, after: Sealed, mart: str) -> dict[str, Any]:
    """Compare one mart: its figures in both releases, and how many classes came, went and changed."""
    old, new = before.manifest["published"].get(mart), after.manifest["published"].get(mart)
    is_same = bool(old and new and old["digest"] == new["digest"])
    figures = {name: {"from": (old or {}).get(name), "to": (new or {}).get(name)} for name in _COMPARED}
    metrics = {
        name: {"from": _verdict(before, mart).get(name), "to": _verdict(after, mart).get(name)}
        for name in ("verdict", "median_class", "suppressed_share")
    }
    nothing = {"added": 0, "removed": 0, "changed": 0}
    classes = nothing if is_same else _classes(context, before, after, mart)
    return {"is_same": is_same, **figures, **metrics, "classes": classes}


def _verdict(sealed: Sealed, mart: str) -> dict[str, Any]:
    """Return how the gate judged a mart in a release; empty in a rollback."""
    return sealed.manifest["verdicts"].get(mart, {})


def _classes(context: Context, before: Sealed, after: Sealed, mart: str) -> dict[str, int] | None:
    """Count the classes that came, went and changed; None where nobody can tell any more."""
    files = {name: context.releases.published_file(one.number) for name, one in (("before", before), ("after", after))}
    classes = after.manifest["published"].get(mart, {}).get("classes")
    if not classes or not all(path.exists() for path in files.values()):
        return None
    with context.warehouse.published(files) as session:
        columns = columns_in(session, "before", mart)
        if not columns or columns != columns_in(session, "after", mart):
            return None
        return class_changes(session, f'before."{mart}"', f'after."{mart}"', classes=classes, columns=list(columns))
