"""Decisions about what stops all promises: the pause somebody asks for, and a silent HQ."""

from agent.core.asks import HqSilence, Noted, Pause, Paused
from agent.core.ledger import Turn


def pause(turn: Turn, ask: Pause) -> Paused:
    """Pause, or go on. Asked again it changes nothing; a pause keeps its beginning when its reason changes."""
    before = turn.stop("paused")
    if before.holds != ask.paused or (ask.paused and (before.why, before.by) != (ask.why, ask.by)):
        since = before.at if before.holds and ask.paused else turn.at
        turn.note_stop("paused", holds=ask.paused, at=since, why=ask.why, by=ask.by)
        if ask.paused:
            turn.open_case("paused", turn.books.store, f"{ask.by}: {ask.why}")
        else:
            turn.resolve_case("paused", turn.books.store, "resumed")
    now = turn.stop("paused")
    return Paused(now.holds, now.at, now.why, now.by)


def note_silence(turn: Turn, ask: HqSilence) -> Noted:
    """HQ is silent, or is heard again: only the change is noted."""
    if turn.stop("lease_stale").holds != ask.silent:
        turn.note_stop("lease_stale", holds=ask.silent, at=turn.at, why=ask.why, by="store")
    return Noted()
