"""What the agent inherits from whoever started it, and jobs must not."""

from __future__ import annotations

import signal
from types import FrameType

# Popen gives these back to each child by itself; Python ignores them for its own good.
_RESTORED_BY_POPEN = frozenset({signal.SIGPIPE, signal.SIGXFSZ})


def keep_signals_from_jobs() -> None:
    """Have jobs start with every signal at its default and none blocked.

    What a process ignores or blocks is inherited through exec: a shell ignores SIGINT and SIGQUIT for what it
    starts in the background, nohup SIGHUP. The agent goes on ignoring what it was told to ignore, but with a
    handler, which ends at exec. To be called in the main thread.
    """
    for number in signal.valid_signals() - _RESTORED_BY_POPEN:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, _ignore)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _ignore(number: int, frame: FrameType | None) -> None:
    """Do nothing."""
