"""Kill a night where it hurts, run it again, and see what became of it.

As a script, this is the process from which nights are forked, so that the libraries are loaded once. A killed night
dies as by `kill -9`: nothing of it runs any more, no `finally`, no flush. The product knows nothing of this: functions
are wrapped from outside.
"""

import hashlib
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

# Longer than any night on a small CRM, however busy the machine is.
_LONGEST_NIGHT_SECONDS = 600
_AT_ONCE = 2


@dataclass(frozen=True, kw_only=True)
class Kill:
    """When a night dies: before or after the n-th call of a function, or at a share of its time.

    function: `module:name` or `module:Class.name`; `dbt` means the models and tests as they finish. mentions: only
    calls count that have this in an argument. torn: half a line is written to the ledger first.
    """

    function: str = ""
    when: str = "after"
    call: int = 1
    mentions: str = ""
    share_of_time: float = 0.0
    torn: bool = False

    def __str__(self) -> str:
        """Say it in words, for the name of a test."""
        if self.share_of_time:
            return f"at {self.share_of_time:.0%} of the time"
        place = self.function.rpartition(":")[2] + (f" of {self.mentions}" if self.mentions else "")
        return f"{self.when} {place}, call {self.call}" + (", a ledger line torn" if self.torn else "")


@dataclass(frozen=True, kw_only=True)
class Story:
    """A night that is killed once or several times, and then left alone.

    objecting: a customer who objects to everything before the last run.
    """

    name: str
    kills: tuple[Kill, ...] = ()
    first_night: bool = False
    objecting: str = ""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the script is to do: nights 0 and 1 of a deployment, of which night 1 is told in many stories."""

    home: str
    policy: str
    key: str
    crm: tuple[str, str]
    as_of: tuple[str, str]
    stories: tuple[Story, ...] = field(default=())


def play(plan: Plan) -> dict[str, list[int]]:
    """Run the script on a plan, and return how each run of each story ended (0, or minus the signal)."""
    home = Path(plan.home)
    (home / "plan.json").write_text(json.dumps(asdict(plan)))
    with (home / "played.log").open("w") as log:
        subprocess.run([sys.executable, __file__, str(home / "plan.json")], check=True, stdout=log, stderr=log)
    return json.loads((home / "endings.json").read_text())


# --- the script ----------------------------------------------------------------------------------------------------


def main(path: Path) -> None:
    """Run the first night in this process, then fork every story from it."""
    said = json.loads(path.read_text())
    stories = [Story(**{**story, "kills": tuple(Kill(**kill) for kill in story["kills"])}) for story in said["stories"]]
    plan = Plan(**{**said, "stories": tuple(stories)})
    # The other parser of dbt is a thread pool in Rust, which does not live on in a forked process.
    os.environ["DBT_STATIC_PARSER"] = "false"
    home = Path(plan.home)
    _night(plan, home / "template", number=0)
    duration = _undisturbed(plan)
    (home / "endings.json").write_text(json.dumps(_run_all(plan, duration)))


def _undisturbed(plan: Plan) -> float:
    """Run both kinds of night without a kill, for comparison; return how many seconds of work the second was."""
    home, work = Path(plan.home), 0.0
    for folder, number in (("undisturbed first", 0), ("undisturbed", 1)):
        if number:
            _copy(home / "template", home / folder)
        process = _fork(plan, home / folder, number, None, 0)
        _, status, usage = os.wait4(process, 0)
        work = usage.ru_utime + usage.ru_stime
        if status:
            raise SystemExit(f"the {folder} night failed; see {home}")
    return work


def _run_all(plan: Plan, duration: float) -> dict[str, list[int]]:
    """Run the stories, two at a time."""
    waiting, running = list(plan.stories), dict[int, Story]()
    endings: dict[str, list[int]] = {story.name: [] for story in plan.stories}

    def start(story: Story) -> None:
        done = len(endings[story.name])
        kill = story.kills[done] if done < len(story.kills) else None
        folder, number = Path(plan.home) / story.name, 0 if story.first_night else 1
        if not done and number:
            _copy(Path(plan.home) / "template", folder)
        objecting = "" if kill else story.objecting
        running[_fork(plan, folder, number, kill, duration, objecting=objecting)] = story

    while waiting or running:
        while waiting and len(running) < _AT_ONCE:
            start(waiting.pop(0))
        process, status = os.wait()
        story = running.pop(process)
        endings[story.name].append(os.waitstatus_to_exitcode(status))
        if len(endings[story.name]) <= len(story.kills):
            start(story)
    return endings


def _fork(plan: Plan, folder: Path, number: int, kill: Kill | None, duration: float, *, objecting: str = "") -> int:
    """Run one night in a child of this process; return the child's number."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    signal.alarm(_LONGEST_NIGHT_SECONDS)
    try:
        on_node = arm(kill, folder, duration) if kill else None
        _night(plan, folder, number=number, on_node=on_node, objecting=objecting)
    except BaseException:  # noqa: BLE001 - whatever it was, this child must not go on as its parent
        (folder / "failure.txt").write_text(traceback.format_exc())
        os._exit(1)
    os._exit(0)


def _night(
    plan: Plan, folder: Path, *, number: int, on_node: Callable[..., None] | None = None, objecting: str = ""
) -> None:
    """Run a whole night in this process."""
    from trustmart.pipeline import night, open_context, receive_request
    from trustmart.settings import Settings

    os.environ |= {
        "TRUSTMART_CRM_FOLDER": plan.crm[number],
        "TRUSTMART_OUTBOX": str(folder / "outbox"),
        "DO_NOT_TRACK": "1",
        "GX_ANALYTICS_ENABLED": "false",
    }
    moment = datetime.fromisoformat(plan.as_of[number])
    settings = Settings(data=folder / "data", policy=Path(plan.policy), key=plan.key)
    context = open_context(as_of=moment, now=moment, settings=settings)
    if objecting:
        receive_request(context, kind="objection", customer_id=objecting, source="crm")
    night(context, on_node=on_node)


def arm(kill: Kill, folder: Path, duration: float = 0.0) -> Callable[..., None] | None:
    """Have this process die where the kill says; returns a listener for dbt where that is the place."""
    if kill.share_of_time:
        # The default action of this signal ends the process at once, in the middle of whatever the engine does. The
        # clock is that of the processors: on a busy machine a night takes longer, but is no more work.
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_PROF, kill.share_of_time * duration)
        return None
    count = Counter[str]()

    def reached(*told: Any) -> bool:
        """Count a call that mentions what it must; true for the one that counts."""
        count["calls"] += kill.mentions in " ".join(map(str, told))
        return kill.mentions in " ".join(map(str, told)) and count["calls"] == kill.call

    def die() -> None:
        if kill.torn:
            with (folder / "data" / "ledger.jsonl").open("a") as ledger:
                ledger.write('{"at": "2026-11-2')
        os.kill(os.getpid(), signal.SIGKILL)

    if kill.function == "dbt":
        return lambda *told: die() if reached(*told) else None
    owner, name, original = _found(kill.function)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        """Die before or after the call that counts; else be the function itself."""
        now = reached(*args, *kwargs.values())
        if now and kill.when == "before":
            die()
        result = original(*args, **kwargs)
        if now:
            die()
        return result

    setattr(owner, name, wrapped)
    return None


def _found(function: str) -> tuple[Any, str, Callable[..., Any]]:
    """Return where a function is kept, under which name, and the function."""
    module, _, path = function.partition(":")
    *classes, name = path.split(".")
    owner: Any = importlib.import_module(module)
    for step in classes:
        owner = getattr(owner, step)
    return owner, name, getattr(owner, name)


def _copy(source: Path, target: Path) -> None:
    """Copy a deployment, linking the engine's large extension."""
    shutil.copytree(source, target, copy_function=_copy_or_link)


def _copy_or_link(source: str, target: str) -> None:
    """Copy a file; what nobody changes is linked."""
    (os.link if source.endswith("_extension") else shutil.copy2)(source, target)


# --- what became of it -----------------------------------------------------------------------------------------------


def released(folder: Path) -> dict[str, list[tuple]]:
    """Return every row of every table of the anonymized zone."""
    with duckdb.connect(str(folder / "data" / "warehouse" / "anonymized.duckdb"), read_only=True) as reader:
        names = [name for (name,) in reader.execute("select table_name from duckdb_tables()").fetchall()]
        return {name: reader.execute(f"from {name} order by all").fetchall() for name in names}


def ledger(folder: Path) -> list[dict[str, Any]]:
    """Return the ledger's entries; raises where a line is no entry."""
    return [json.loads(line) for line in (folder / "data" / "ledger.jsonl").read_text().splitlines()]


def chain_is_whole(entries: Sequence[Mapping[str, Any]]) -> bool:
    """True where every entry is numbered, names the digest of the one before, and has its own right."""
    previous = "0" * 64
    for number, entry in enumerate(entries, start=1):
        body = {name: value for name, value in entry.items() if name != "digest"}
        digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        if (entry["number"], entry["previous"], entry["digest"]) != (number, previous, digest):
            return False
        previous = digest
    return True


@dataclass(kw_only=True)
class Told:
    """What an audience's destination was told, in order, and what it must have made of that."""

    members: dict[str, tuple[str, ...]] = field(default_factory=dict)
    added_twice: int = 0
    removed_without_being_there: int = 0
    removed_after_added: int = 0


def told(outbox: Path) -> dict[str, Told]:
    """Play every audience's files back, oldest first, as the system behind the folder would."""
    import csv

    result: dict[str, Told] = {}
    for folder in sorted(path for path in outbox.glob("*/*") if path.is_dir()):
        audience = result.setdefault(folder.name, Told())
        last: dict[str, str] = {}
        for path in sorted(folder.glob("*.csv"), key=lambda path: path.stat().st_mtime_ns):
            change, operation, _ = path.name.split(".")
            audience.removed_after_added += operation == "remove" and last.get(change) == "add"
            last[change] = operation
            with path.open(encoding="utf-8", newline="") as file:
                for member, *fields in list(csv.reader(file))[1:]:
                    if operation == "add":
                        audience.added_twice += member in audience.members
                        audience.members[member] = tuple(fields)
                    else:
                        audience.removed_without_being_there += member not in audience.members
                        audience.members.pop(member, None)
    return result


if __name__ == "__main__":
    main(Path(sys.argv[1]))
