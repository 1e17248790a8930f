#!/bin/sh
# click-man leaves a command's epilog out of its manual page, and writes lines of help that `man` does not show.
#
# click-man 0.6.0 makes manual pages from commands written with click 8.5.1. It is described as generating the page of
# a command from it, so what `--help` shows, the page should show.
#
# What happens:
# 1. The `epilog`, with which `--help` ends, is not in the page.
# 2. A line that begins with a dot or an apostrophe is written as it is. To troff (groff_man(7)) such a line is a
#    request, and `man` leaves out the whole line: an unknown macro, told only with `--warnings`.
# 3. A backslash is written as it is, and begins an escape: of "C:\new\table", `man` shows "C:0wable".
#
# Other writers of manual pages had the same and escape these now (ronn, rst2man). For click-man we found no issue, and
# nothing in its documentation.
#
# Why it matters: the last words of a command's help are often its warning. Those of cellsync say how to keep a name
# off the command line, where others see it, and its manual pages lacked them. Now `docs/generate.py` adds the epilogs,
# and refuses a line that would be lost.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check click-man==0.6.0 click==8.5.1
"$folder/venv/bin/python" -W ignore::DeprecationWarning - <<'PYTHON'
import sys
from importlib.metadata import version

import click
from click.testing import CliRunner
from click_man.core import generate_man_page


@click.command("note", epilog="A value - is read from standard input.")
@click.option("--profile", help=".config/notes, if none is given.")
def note(profile):
    r"""Write a note.

    'later' is a time as well.

    On Windows: C:\new\table
    """


shown = CliRunner().invoke(note, ["--help"]).output
page = generate_man_page(click.Context(note, info_name="note"), "1")
print("click-man", version("click-man"), "click", version("click"))
print(page)
lines = page.splitlines()
epilog = "A value - is read from standard input."
print("the epilog is in --help:", epilog in shown, "and in the page:", "standard input" in page)
so = [
    epilog in shown and "standard input" not in page,
    "'later' is a time as well." in lines,
    ".config/notes, if none is given." in lines,
    r"On Windows: C:\new\table" in lines,
]
sys.exit(None if all(so) else f"not as described above: {so}")
PYTHON
