"""A network of its own for each worker of a parallel run.

All invitations on one network share 99 numbers, so two tests that pair devices at the same time on the same loopback
interface meet by chance: one joiner in a hundred finds the other test's invitation, and both codes are used up.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from typing import Final

_NEW_NETWORK: Final = 0x40000000  # CLONE_NEWNET, <linux/sched.h>


def leave_shared_network() -> None:
    """Move this thread, and all that it starts, to a network namespace with nothing but a loopback interface.

    Where that is not possible (not Linux, not root) tests share the network of the machine.
    """
    ip = shutil.which("ip")
    if ip is None or not hasattr(os, "geteuid") or os.geteuid() != 0:
        return
    if ctypes.CDLL(None, use_errno=True).unshare(_NEW_NETWORK) == 0:
        subprocess.run([ip, "link", "set", "lo", "up"], check=True)
