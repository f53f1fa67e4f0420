"""What `diptych doctor` finds: each with its level and, where something is to be done, what."""

from __future__ import annotations

import platform
import sqlite3
import stat
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from uuid import UUID

from diptych.application import Application
from diptych.cli.printing import first_line
from diptych.model.criteria import Criteria
from diptych.ports import Bookmark, Checkpoint, Clock, EventStore, Finding, Trail

_PACKAGES = ("diptych", "msgspec", "sqlalchemy", "starlette", "uvicorn", "click", "rich", "asyncpg")
_SQLITE = "sqlite:///"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_BEHIND = 10_000
_SAFE_SQLITE = (3, 51, 3)
_APART = 1_000_000  # microseconds


def versions() -> Iterator[Finding]:
    """Name what this runs on."""
    yield Finding("python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    yield Finding("packages", "ok", ", ".join(f"{name} {each}" for name in _PACKAGES if (each := _version(name))))


def sqlite(described: Mapping[str, object]) -> Iterator[Finding]:
    """Examine the SQLite underneath."""
    if "journal_mode" not in described:
        return
    text = f"{sqlite3.sqlite_version}, {described.get('journal_mode')}, synchronous {described.get('synchronous')}"
    if described.get("wal_reset_bug", sqlite3.sqlite_version_info < _SAFE_SQLITE):
        yield Finding(
            "sqlite",
            "note",
            f"{text}: it has the WAL-reset bug, which Diptych's lock file keeps its own processes from",
            "let no other program write these files, or use SQLite 3.51.3 or newer",
        )
    else:
        yield Finding("sqlite", "ok", text)


def durability(described: Mapping[str, object], url: str) -> Finding:
    """Say whether an acknowledged command is on disk."""
    if described.get("durable"):
        return Finding("durability", "ok", f"an acknowledged command is on disk ({url})")
    return Finding(
        "durability",
        "warning",
        f"not durable: {url} forgets everything when the process ends",
        "keep the log in a file: events='sqlite:///shop.db', or DIPTYCH_EVENTS",
    )


async def newest(store: EventStore, clock: Clock) -> Sequence[Finding]:
    """Say when the newest event claims to come from the future: of this machine, or of another that wrote it."""
    events = (await store.read(Criteria.all(), limit=1, backwards=True)).events
    if not events or (ahead := events[0].recorded_at - clock.micros()) <= _APART:
        return []
    text = f"event {events[0].position} was recorded {ahead / 1e6:.1f} s after now: some clock is, or was, wrong"
    fix = "keep clocks by NTP; times never fall, so every event gets that time until then"
    return [Finding("newest event", "warning", text, fix)]


def progress(app: Application, head: int, log_id: UUID, stored: Mapping[str, Checkpoint]) -> Iterator[Finding]:
    """Examine where every projection stands beside the log."""
    for name, projection in app.projections.items():
        checkpoint = stored.get(name)
        if checkpoint is None:
            fix = "run the application: diptych serve" if head else ""
            yield Finding(f"projection {name}", "warning" if head else "ok", "has not begun", fix)
        else:
            yield _standing(checkpoint, head, log_id, projection.version, fits=app.fits(checkpoint))
    for name in sorted(stored.keys() - app.projections.keys()):
        yield Finding(f"projection {name}", "note", "is stored, and the application has it no more")


def subscribers(app: Application, head: int, log_id: UUID, stored: Mapping[str, Bookmark]) -> Iterator[Finding]:
    """Examine where every subscriber stands beside the log."""
    for name in app.subscribers:
        bookmark = stored.get(name)
        if bookmark is None:
            yield Finding(f"subscriber {name}", "ok", "has not begun")
        else:
            yield _reacting(bookmark, head, log_id)
    for name in sorted(stored.keys() - app.subscribers.keys()):
        yield Finding(f"subscriber {name}", "note", "is stored, and the application has it no more")


def audited(trail: Trail) -> Finding:
    """Say whether the trail of commands that were not accepted has kept up."""
    if trail.dropped:
        text = f"{trail.dropped} commands that were not accepted were dropped from it, {trail.kept} are kept"
        return Finding("audit", "warning", text, "free space beside the log, or let more wait: Audit(queue=...)")
    return Finding("audit", "ok", f"{trail.kept} commands that were not accepted are kept")


def files(urls: tuple[str, str]) -> Iterator[Finding]:
    """Examine who else may read the files of the stores."""
    for url in dict.fromkeys(urls):
        path = Path(url.removeprefix(_SQLITE))
        if not url.startswith(_SQLITE) or not path.exists():
            continue
        open_ones = [each for each in _beside(path) if each.stat().st_mode & _OTHERS]
        if open_ones:
            names = " ".join(str(each) for each in open_ones)
            yield Finding("files", "warning", f"others on this machine may read {names}", f"chmod 600 {names}")
        else:
            yield Finding("files", "ok", f"{path} and what lies beside it are this user's alone")


def _standing(checkpoint: Checkpoint, head: int, log_id: UUID, wanted: int, *, fits: bool) -> Finding:
    about, behind = f"projection {checkpoint.projection}", head - checkpoint.position
    if checkpoint.log_id != log_id or behind < 0:
        fix = "restore the log that it belongs to, or delete the read models: they are rebuilt at start"
        return Finding(about, "error", f"belongs to another log (it stands at {checkpoint.position} of {head})", fix)
    if checkpoint.error is not None:
        fix = "mend the fold or the event, raise the projection's version if rows change, and start again"
        text = f"stopped at position {checkpoint.position}: {first_line(checkpoint.error)}"
        return Finding(about, "error", text, fix)
    if checkpoint.version != wanted:
        text = f"is kept in version {checkpoint.version}, the code has {wanted}"
        return Finding(about, "warning", text, "start the application: it is rebuilt at start")
    if not fits:
        text, fix = f"its folds or rows changed, and its version is still {wanted}", f"raise it to {wanted + 1}"
        return Finding(about, "error", text, f"{fix}, or take the change back; mode dev rebuilds by itself")
    if checkpoint.target is not None:
        return Finding(
            about, "warning", f"is being rebuilt: {checkpoint.position} of {checkpoint.target}", "wait for it"
        )
    if behind > _BEHIND:
        return Finding(about, "warning", f"is {behind} positions behind the log", "see that a process runs it")
    return Finding(about, "ok", "caught up" if behind == 0 else f"{behind} positions behind the log")


def _reacting(bookmark: Bookmark, head: int, log_id: UUID) -> Finding:
    about, behind, failure = f"subscriber {bookmark.subscriber}", head - bookmark.position, bookmark.failure
    if bookmark.log_id != log_id or behind < 0:
        fix = "restore the log that it belongs to, or delete the bookmarks: subscribers then start as new ones"
        return Finding(about, "error", f"belongs to another log (it stands at {bookmark.position} of {head})", fix)
    if failure is not None:
        text = f"failed {failure.attempts} times: {first_line(failure.error)}"
        fix = f"mend the handler, or leave the event out: diptych subscribers skip {bookmark.subscriber} "
        return Finding(about, "error", text, f"{fix}{failure.position}")
    if behind > _BEHIND:
        return Finding(about, "warning", f"is {behind} positions behind the log", "see that a process runs it")
    return Finding(about, "ok", "caught up" if behind == 0 else f"{behind} positions behind the log")


def _beside(path: Path) -> list[Path]:
    suffixes = ("", "-wal", "-shm", "-lock", "-turn")
    return [each for suffix in suffixes if (each := Path(f"{path}{suffix}")).exists()]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
