#!/bin/sh
# dateparser reads the length of a detention as a day in the past, also when it is told to be strict.
#
# dateparser 1.5.0 reads dates in many languages, Russian, Ukrainian and Belarusian among them, and `search_dates`
# finds them in text. That a bare length of time counts as one that lies behind us is shown by one of the examples in
# its documentation, "1 anno 2 mesi", among many that say "ago". For a column of dates one turns to the settings:
# STRICT_PARSING, described as ignoring incomplete dates, REQUIRE_PARTS with day, month and year, or PARSERS without
# the one for relative dates.
#
# What happens: "15 суток" and "15 діб", fifteen days of administrative arrest, and "10 лет", ten years of prison, pass
# for complete dates with STRICT_PARSING and with REQUIRE_PARTS, although no day, month or year is in them. With
# PARSERS set to absolute-time "15 суток" is refused, and "10 лет" becomes the tenth day of this month. In a line
# that tells of a verdict, `search_dates` finds that date. It depends on the word: "15 сутак" is refused.
#
# That the strict settings let a length of time through we found described nowhere.
#
# Why it matters: in lists of prisoners the sentence often stands in the column beside the date, or in it. A program
# that asks this library makes a date out of it, a different one each day it is run, and nothing looks wrong.
# cellsync reads dates by its own rules (`casework/values`), by which a length of time is no date.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check dateparser==1.5.0
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from datetime import datetime
from importlib.metadata import version

import dateparser
from dateparser.search import search_dates

TODAY = {"RELATIVE_BASE": datetime(2026, 11, 30)}
WAYS = {
    "as it is": {},
    "STRICT_PARSING": {"STRICT_PARSING": True},
    "REQUIRE_PARTS": {"REQUIRE_PARTS": ["day", "month", "year"]},
    "absolute-time only": {"PARSERS": ["absolute-time"]},
}


def day(text, more):
    found = dateparser.parse(text, settings={**TODAY, **more})
    return found and found.date().isoformat()


print("dateparser", version("dateparser"), "on", TODAY["RELATIVE_BASE"].date())
seen = {text: [day(text, more) for more in WAYS.values()] for text in ("15 суток", "15 діб", "10 лет", "15 сутак")}
for text, days in seen.items():
    print(f"{text}:", ", ".join(f"{way}: {found}" for way, found in zip(WAYS, days)))
found = search_dates("Осуждён на 15 суток по статье 19.11", languages=["ru"], settings=TODAY)
print("search_dates:", found)
so = [
    seen["15 суток"] == ["2026-11-15", "2026-11-15", "2026-11-15", None],
    seen["15 діб"] == seen["15 суток"],
    seen["10 лет"] == ["2016-11-30", "2016-11-30", "2016-11-30", "2026-11-10"],
    seen["15 сутак"] == [None, None, None, None],
    found == [("15 суток", datetime(2026, 11, 15))],
]
sys.exit(None if all(so) else f"not as described above: {so}")
PYTHON
