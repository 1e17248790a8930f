#!/bin/sh
# dateparser reads the length of a detention as a day in the past: "15 суток" is the day 15 days before today.
#
# dateparser 1.5.0 reads dates in many languages, Russian, Ukrainian and Belarusian among them, and `search_dates`
# finds them in text. Its documentation shows relative dates with a word that says so: "2 hours ago", "in two days".
#
# What happens: a bare length of time counts as one that lies behind us. "15 суток" and "15 діб", fifteen days of
# administrative arrest, and "10 лет", ten years of prison, become dates. Two settings that are there for strictness,
# STRICT_PARSING and REQUIRE_PARTS with day, month and year, let them through: the result has all parts. Without the
# parser for relative dates (PARSERS: absolute-time) "15 суток" is refused, and "10 лет" becomes the tenth day of this
# month. In a sentence about a sentence, `search_dates` gives only that date. Words count as well: "15 сут" and
# "15 сутак" are refused.
#
# A comment on dateparser's pull request 474 takes such a length for a point in the past on purpose, for English.
# That no strictness keeps it out we found described nowhere.
#
# Why it matters: in lists of prisoners the sentence often stands in the column beside the date, or in it. A program
# that asks this library makes a day of detention out of it, a different one each day it is run, and nothing looks
# wrong. cellsync reads dates by its own rules (`casework/values`), by which a length of time is no date.
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
