"""A member gone bad: a program that holds the valid keys of a device, and does what no honest device does.

    python -m cellsync.testing.hostile --profile FOLDER --at 127.0.0.1:51234 [BEHAVIOUR …]

or, in a test, `carry_out(BEHAVIOURS["equivocate"], turncoat, dial)`.

What it does is a table (`behaviours`), each row a function and what an honest device answers it with. Tests and the
benchmark go through the table; whoever finds another way to misbehave adds a row.
"""

from __future__ import annotations
