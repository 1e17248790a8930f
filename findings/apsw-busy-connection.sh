#!/bin/sh
# apsw waits for a third of a second before it refuses a query, if another thread uses the connection.
#
# apsw-sqlite3mc 3.54.0.0 is apsw with an encrypted SQLite. The documentation says that a connection can be used from
# any thread, and that ThreadingViolationError is raised if two threads use it "concurrently". One expects either the
# error at once, or, as with a lock, the turn after the other thread.
#
# What happens: `execute` tries again and again, for about a third of a second. If the other thread is done by then,
# it succeeds. If not, it raises ThreadingViolationError. Calls without a cursor, such as `total_changes`, raise it at
# once. So a program in which two threads share a connection runs well while the database is small, and fails when one
# statement takes longer than that: a checkpoint on a slow stick, a search through a large case log.
#
# The wait is not in the documentation of the exception or of threads that we found (`apsw.ThreadingViolationError`,
# Concurrency & Async); reports of the error, as in calibre's server, do not mention it.
#
# Why it matters: tests pass, and the failure comes on the oldest machine with the most cases. cellsync's thread that
# shortens the write-ahead log is waited for before each use of its connection (`store/sqlite.py`, `_wait`).
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check apsw-sqlite3mc==3.54.0.0
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from threading import Event, Thread
from time import perf_counter

import apsw

began, may_end = Event(), Event()


def hold():
    began.set()
    may_end.wait()
    return 1


def refused(call):
    """How long the call took to be refused."""
    start = perf_counter()
    try:
        call()
    except apsw.ThreadingViolationError as error:
        return perf_counter() - start, str(error)
    return 0.0, "not refused"


db = apsw.Connection(":memory:")
db.create_scalar_function("hold", hold, 0)
other = Thread(target=lambda: db.execute("SELECT hold()").get)
other.start()
began.wait()
query, said = refused(lambda: db.execute("SELECT 1").get)
plain, said_too = min(refused(db.total_changes) for _ in range(10))
print("apsw", apsw.apsw_version(), "SQLite", apsw.sqlite_lib_version())
print(f"execute: {said!r} after {query:.6f} s")
print(f"total_changes: {said_too!r} after {plain:.6f} s")

taken = []
late = Thread(target=lambda: taken.append(db.execute("SELECT 2").get))
late.start()
may_end.set()
other.join()
late.join()
print("execute, while the other thread ends:", taken)
so = [
    said == "Cursor couldn't run because the Connection is busy in another thread",
    said_too == "Connection is busy in another thread",
    query > 20 * plain,
    taken == [2],
    db.execute("SELECT 3").get == 3,
]
sys.exit(None if all(so) else f"not as described above: {so}")
PYTHON
