"""What ends a program that runs for long."""

from __future__ import annotations

import signal


def not_ignored(*signals: signal.Signals) -> list[signal.Signals]:
    """Those that may end it.

    What was ignored when it started stays so: `nohup` means that it outlives the terminal, and a script that puts it in
    the background means that Ctrl-C is for the script.
    """
    return [one for one in signals if signal.getsignal(one) != signal.SIG_IGN]
