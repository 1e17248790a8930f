#!/bin/sh
# charset-normalizer prefers an encoding that garbles a small table in Cyrillic to the one that reads it.
#
# charset-normalizer 3.5.2 (3.5.3 does the same) tells the encoding of bytes. Its documentation promises nothing for
# 32 bytes and less; the tables here have 71 and 126. `best()` is "the first match", the candidates are in the order
# of their likelihood, and each has a measure of disorder, `chaos`, and of how it resembles a language, `coherence`.
#
# What happens:
# 1. Names in capitals, as in a register, saved as CP1251: the best match is cp932, half-width Katakana, with a chaos
#    of 0.0 and a coherence of 0.0. cp1251 is the second. The same as ISO 8859-5: cp932 again.
# 2. A Russian table from an old Mac: the best match is ptcp154, for Kazakh, although mac_cyrillic is there with a
#    higher coherence. Nearly all letters come out right, capitals become those of another language: "Ҳванов Ҳван"
#    for "Иванов Иван". Such a table looks read, and its people are never found again.
#
# Detection of short text is a known difficulty, and other instances are among its issues. That a garbling encoding
# has 0.0 as its chaos, and goes before one that fits the language better, we found described nowhere.
#
# Why it matters: tables of prisoners are short, have names and no sentences, and come from old machines. cellsync
# asks for encodings of the region only (`cp_isolation`), checks the text of each proposal itself, and refuses a table
# that is not clear (`casework/importing/encodings.py`); it reads all four tables below.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check charset-normalizer==3.5.2
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

from charset_normalizer import from_bytes

CAPITALS = "ИВАНОВ ИВАН;МИНСК;342\nПЕТРОВА АННА;ГОМЕЛЬ;130\nСИДОРЕНКО ОЛЕГ;БРЕСТ;361\n"
TABLE = (
    "имя;город;дата;статья\nИванов Иван;Минск;12.03.2023;342\n"
    "Петрова Анна;Гомель;01.04.2023;130\nСидоренко Олег;Брест;05.05.2023;361\n"
)

print("charset-normalizer", version("charset-normalizer"))
so = []
for text, saved, taken in (
    (CAPITALS, "cp1251", "cp932"),
    (CAPITALS, "iso8859_5", "cp932"),
    (TABLE, "mac_cyrillic", "ptcp154"),
    (TABLE, "cp1251", "cp1251"),
):
    matches = from_bytes(text.encode(saved))
    best, right = matches.best(), next(match for match in matches if str(match) == text)
    print(f"{len(text)} bytes in {saved}: {[match.encoding for match in matches]}")
    for match in (best, right):
        line = str(match).splitlines()[1]
        print(f"    {match.encoding}: {line!r}, chaos {match.chaos}, coherence {match.coherence}")
    so.append(best.encoding == taken and (str(best) == text) == (taken == saved))
    if taken != saved:
        so.append(best.chaos < right.chaos and best.coherence < right.coherence)
so.append(str(from_bytes(TABLE.encode("mac_cyrillic")).best()).splitlines()[1].startswith("Ҳванов Ҳван;"))
sys.exit(None if all(so) else f"not as described above: {so}")
PYTHON
