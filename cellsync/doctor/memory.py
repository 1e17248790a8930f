"""Memory: whether that of the asking process, usually the daemon, can be dumped or read."""

from __future__ import annotations

from typing import Final

from cellsync.doctor.finding import Finding, good, unknown, warning
from cellsync.doctor.subject import Visit

CORE: Final = "core_dumps"
READ: Final = "memory"


def core_dumps(visit: Visit) -> list[Finding]:
    machine = visit.machine
    handed_on = machine.read("proc/sys/kernel/core_pattern").startswith(
        "|"
    )  # then the limit is not the kernel's concern
    if machine.is_dumpable() is False or (machine.core_limit() == 0 and not handed_on):
        return [good(CORE, "A crash leaves nothing of cellsync's memory on the disk.")]
    if machine.core_limit() == 0:
        text = "After a crash this system hands cellsync's memory to a program that reports crashes."
        return [warning(CORE, text, "sudo sysctl kernel.core_pattern='|/bin/false'")]
    text = "After a crash this system writes cellsync's memory to the disk."
    return [warning(CORE, text, "ulimit -c 0, in the shell that starts cellsync")]


def memory(visit: Visit) -> list[Finding]:
    machine = visit.machine
    dumpable = machine.is_dumpable()
    if dumpable is None:
        return [unknown(READ, "On this system cellsync cannot tell whether other programs can read its memory.")]
    scope = machine.read("proc/sys/kernel/yama/ptrace_scope").strip()
    if not dumpable or scope not in ("", "0"):
        return [good(READ, "Other programs of this user cannot read cellsync's memory.")]
    text = "Other programs of this user can read cellsync's memory."
    return [warning(READ, text, "sudo sysctl kernel.yama.ptrace_scope=1")]
