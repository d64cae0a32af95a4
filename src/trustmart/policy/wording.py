"""A fault in words: what was found, what is accepted, and what was probably meant."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

Place = tuple[str | int, ...]

_BOOLEANS = {"bool_type", "bool_parsing"}
_BLOCK_TYPES = {"model_type", "model_attributes_type", "dict_type"}
_LIST_TYPES = {"tuple_type", "list_type", "frozen_set_type", "set_type"}
_LONGEST = 60
MOST_LISTED = 12
# Steps of a place that pydantic adds: which kind of value was tried.
UNION_STEPS = frozenset({"[key]", "bool", "str", "SignOff"})


def faults_in_words(error: ValidationError, model: type[BaseModel], *, written: Any) -> Iterator[tuple[Place, str]]:
    """Return each fault of a validation as its place and a sentence.

    written: the content as it stands in the files. What was found is shown from there: what the environment filled in
    may be a secret.
    """
    for fault in error.errors(include_url=False):
        place = tuple(fault["loc"])
        holder = model_at(model, place[:-1])
        if fault["type"] == "value_error":
            # One model may contradict itself in several ways, and says so in one message.
            for what in str(fault["msg"]).removeprefix("Value error, ").split("; "):
                yield place, what
        elif (said := _in_words(fault, place, holder, found=written_at(written, place))) is not None:
            yield place, said


def written_at(content: Any, place: Place) -> Any:
    """Return what stands at a place; steps that only say which kind of value was tried are passed over."""
    for step in place:
        try:
            content = content[step]
        except (KeyError, IndexError, TypeError):
            continue
    return content


def _in_words(fault: Mapping[str, Any], place: Place, holder: type[BaseModel] | None, *, found: Any) -> str | None:
    """Say one fault as a colleague would; None for what another fault says better."""
    name, kind = place[-1] if place else "", fault["type"]
    if kind == "extra_forbidden":
        known = _words_of(holder)
        return f"unknown word {name!r}; accepted here: {', '.join(known)}{did_you_mean(str(name), known)}"
    if kind == "missing":
        return f"{name!r} is missing"
    if kind in ("enum", "literal_error"):
        return not_accepted(found, _expected(fault))
    if kind in _BOOLEANS:
        # Of a field that may also be a sentence, the other half of the union says it.
        return f"found {shown(found)}; accepted: true or false" if name != "bool" else None
    if kind == "string_type":
        if isinstance(found, Mapping):
            return None
        return f"found {shown(found)}; accepted: {'true, false or a sentence' if name == 'str' else 'text'}"
    if kind in _BLOCK_TYPES:
        return None if name == "SignOff" else f"found {shown(found)}; accepted: a block of words and values"
    if kind in _LIST_TYPES:
        return f"found {shown(found)}; accepted: a list, such as [{found if isinstance(found, str) else '...'}]"
    return f"found {shown(found)}; {str(fault['msg'])[0].lower()}{str(fault['msg'])[1:]}"


def not_one_of(found: object, accepted: Iterable[str], noun: str) -> str:
    """Say that a word is not among those accepted, and which of them it resembles."""
    known = sorted(accepted)
    more = f" and {len(known) - MOST_LISTED} more" if len(known) > MOST_LISTED else ""
    listed = ", ".join(known[:MOST_LISTED]) + more
    return f"{found!r} is not {noun}{did_you_mean(str(found), known)} (accepted: {listed or 'none yet'})"


def not_accepted(found: Any, accepted: Iterable[str]) -> str:
    """Say what was found, what is accepted, and what was probably meant."""
    words = list(accepted)
    return f"found {shown(found)}; accepted: {', '.join(words)}{did_you_mean(str(found), words)}"


def did_you_mean(found: str, words: Iterable[str]) -> str:
    """Return a near miss as a question, or nothing."""
    near = get_close_matches(found, list(words), n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""


def shown(found: Any) -> str:
    """Return what was found, cut short."""
    text = repr(found)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def model_at(model: type[BaseModel], place: Place) -> type[BaseModel] | None:
    """Return the model that a place lies in, where there is one."""
    holder: type[BaseModel] | None = model
    is_key = False
    for step in place:
        if is_key or isinstance(step, int) or holder is None:
            is_key = False
            continue
        field = holder.model_fields.get(step)
        if field is None:
            continue
        is_key = any(get_origin(part) is dict for part in _parts(field.annotation))
        holder = next((part for part in _parts(field.annotation) if _is_model(part)), None)
    return holder


def _parts(annotation: Any) -> Iterator[Any]:
    """Return a type, and every type inside it."""
    yield annotation
    for inner in get_args(annotation):
        yield from _parts(inner)


def _is_model(part: Any) -> bool:
    return isinstance(part, type) and issubclass(part, BaseModel)


def _words_of(holder: type[BaseModel] | None) -> list[str]:
    fields = holder.model_fields if holder is not None else {}
    return [field.alias or name for name, field in fields.items()]


def _expected(fault: Mapping[str, Any]) -> list[str]:
    """Return the words that an enumeration accepts."""
    said = str(fault.get("ctx", {}).get("expected", "")).replace(" or ", ", ")
    return [word.strip().strip("'") for word in said.split(",") if word.strip()]
