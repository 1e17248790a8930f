"""Write the invented example data: `cases.csv` (500 rows) and `cases-with-errors.csv` (12 rows, most broken).

    python examples/data/generate_cases.py                    write both beside this file
    python examples/data/generate_cases.py --cp1251 OLD.csv   the rows that an old CP1251 spreadsheet can hold

Nobody in them exists: `words.toml` says how names are put together. The files are as untidy as the tables
that people really keep: four languages, two alphabets, unknown and partial dates, persons without a name,
cells of several lines, quotes, commas, cells that a spreadsheet would take for a formula.

Every cell is chosen by a hash of (seed, row, purpose), not by a running random generator: so the output is
the same on every version of Python, and a new column does not change what stands in the others.
"""

from __future__ import annotations

import argparse
import csv
import io
import tomllib
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, TypeVar

T = TypeVar("T")

HERE: Final = Path(__file__).parent
WORDS: Final[dict[str, dict[str, list[Any]]]] = tomllib.loads((HERE / "words.toml").read_text("utf-8"))
SEED: Final = "cellsync example 1"
ROWS: Final = 500

COLUMNS: Final = (
    "external_id", "name", "name_latin", "name_local", "sex", "birth_date", "citizenship", "occupation",
    "languages", "status", "priority", "recognition", "line_of_work", "demands", "handler",
    "episode_kind", "agency", "warrant", "detained_on", "facility", "articles", "court", "sentence",
    "next_task", "next_task_due", "note",
)  # fmt: skip

# A value that stands several times is chosen more often.
LANGUAGE: Final = ("be",) * 9 + ("ru",) * 6 + ("pl",) * 3 + ("en",) * 2
LANGUAGES: Final = {
    "be": ("be|ru", "be"),
    "ru": ("ru", "ru|be"),
    "pl": ("pl|be|ru", "pl|ru"),
    "en": ("en", "en|ru"),
}
CITIZENSHIP: Final = {
    "be": ("BY",),
    "ru": ("BY", "BY", "RU", "UA"),
    "pl": ("BY", "PL"),
    "en": ("GB", "IE", ""),
}
STATUS: Final = ("intake", "active", "active", "active", "pending", "closed", "rejected")
RECOGNITION: Final = ("none", "proposed", "recognised", "recognised", "declined", "withdrawn")
LINE_OF_WORK: Final = ("release", "release", "conditions", "conditions", "talks", "evacuation", "groups")
EPISODE: Final = (
    "street_detention", "administrative_arrest", "temporary_isolator", "sizo", "sizo", "colony", "colony",
    "prison", "open_type", "home_restriction", "psychiatric", "unknown",
)  # fmt: skip
WARRANT: Final = ("shown", "not_shown", "not_shown", "unknown")
TASK: Final = (
    "lawyer", "parcel", "parcel", "letter", "letter", "money", "medical", "psychological", "housing", "visa",
    "transport", "family", "",
)  # fmt: skip
ARTICLES: Final = ("342", "342 ч. 1", "130", "361-4", "368, 369", "24.23", "411", "19.11; 24.3", "")
HANDLER: Final = ("Heron", "Бусел", "Лис", "Wilga", "Moth", "Ёлка", "")

Row = dict[str, str]


def pick(row: int, purpose: str, options: list[T] | tuple[T, ...]) -> T:
    """One of `options`, always the same one for this row and purpose."""
    return options[number(row, purpose, len(options))]


def number(row: int, purpose: str, below: int) -> int:
    """0 … below - 1, always the same for this row and purpose."""
    digest = blake2b(f"{SEED}/{row}/{purpose}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) % below


def date(row: int, purpose: str, first_year: int, years: int, *, unknown: int) -> str:
    """A day, or only a month or a year, or "?": `unknown` of 20 are not known to the day."""
    year = first_year + number(row, f"{purpose} year", years)
    month, day = 1 + number(row, f"{purpose} month", 12), 1 + number(row, f"{purpose} day", 28)
    if number(row, f"{purpose} known", 20) >= unknown:
        return f"{year}-{month:02}-{day:02}"
    return pick(row, f"{purpose} precision", (f"{year}-{month:02}", f"{year}", f"{year}", "?", ""))


def names(row: int, language: str, sex: str) -> tuple[str, str, str]:
    """The name as written down, in plain Latin letters, and in the region's other language, if any."""
    group = WORDS[{"be": "eastern", "ru": "eastern", "pl": "polish", "en": "english"}[language]]
    parts = zip(
        pick(row, "first name", group[f"first_{sex}"]),
        pick(row, "root", group["root"]),
        pick(row, "ending", group[f"ending_{sex}"]),
        strict=True,
    )
    forms = [f"{first} {root}{ending}" for first, root, ending in parts]
    if len(forms) == 2:
        return forms[0], forms[1], ""
    belarusian, russian, latin = forms
    return (belarusian, latin, russian) if language == "be" else (russian, latin, belarusian)


def note(row: int, language: str) -> str:
    """Up to three sentences, in every ninth row a line each; rarely something a spreadsheet would compute."""
    count = pick(row, "sentences", (0, 1, 1, 2, 2, 3))
    sentences: list[str] = []
    for n in range(count):
        sentence: str = pick(row, f"note {n}", WORDS[language]["note"])
        sentences.append(sentence.format(n=2 + number(row, f"note number {n}", 3)))
    sentences = list(dict.fromkeys(sentences))
    if row % 97 == 0:
        sentences.insert(0, pick(row, "formula", ("=A2+1 (!)", "@all", "+1 kg", "-; -")))
    return ("\n" if row % 9 == 0 else " ").join(sentences)


def case(row: int) -> Row:
    """Row `row` of the good file, counted from 1."""
    language = pick(row, "language", LANGUAGE)
    words = WORDS[language]
    sex = pick(row, "sex", ("m", "m", "f"))
    name, latin, local = names(row, language, sex)
    occupation: str = pick(row, "occupation", words[f"occupation_{sex}"])
    if number(row, "unnamed", 14) == 0:
        name, latin, local, sex = pick(row, "unnamed as", words["unnamed"]), "", "", ""
    elif number(row, "latin only", 12) == 0:
        name, local = latin, name
    task = pick(row, "task", TASK)
    episode = pick(row, "episode", EPISODE)
    sentence: str = pick(row, "sentence", words["sentence"])
    sentenced = episode in {"colony", "prison", "open_type", "home_restriction"}
    return {
        "external_id": f"VR-{row:04}",
        "name": name,
        "name_latin": latin if number(row, "transliterated", 3) else "",
        "name_local": local if number(row, "other form", 4) else "",
        "sex": sex,
        "birth_date": date(row, "birth", 1951, 55, unknown=8),
        "citizenship": pick(row, "citizenship", CITIZENSHIP[language]),
        "occupation": occupation,
        "languages": pick(row, "languages", LANGUAGES[language]),
        "status": pick(row, "status", STATUS),
        "priority": str(1 + number(row, "priority", 5)),
        "recognition": pick(row, "recognition", RECOGNITION),
        "line_of_work": pick(row, "line of work", LINE_OF_WORK),
        "demands": pick(row, "demands", words["demands"]),
        "handler": pick(row, "handler", HANDLER),
        "episode_kind": episode,
        "agency": pick(row, "agency", words["agency"]),
        "warrant": pick(row, "warrant", WARRANT),
        "detained_on": date(row, "detained", 2020, 6, unknown=5),
        "facility": pick(row, "facility", words["facility"]),
        "articles": pick(row, "articles", ARTICLES),
        "court": pick(row, "court", words["court"]) if sentenced else "",
        "sentence": sentence.format(n=2 + number(row, "years", 3)) if sentenced else "",
        "next_task": task,
        "next_task_due": date(row, "due", 2027, 1, unknown=4) if task else "",
        "note": note(row, language),
    }


# (row of the good file to start from, what is wrong with it). The fourth has a note of two lines, so that
# from there on line numbers differ from row numbers.
BROKEN: Final[tuple[tuple[int, Row], ...]] = (
    (1, {}),
    (2, {"birth_date": "1984-02-31"}),  # no such day
    (3, {"status": "open"}),  # no such status
    (9, {}),
    (4, {"external_id": ""}),
    (5, {"detained_on": "yesterday"}),
    (1, {"note": "the same id again"}),
    (6, {"priority": "high"}),
    (7, {"episode_kind": "jail"}),
    (8, {}),
    (10, {"next_task_due": "2027-13"}),  # no such month
    (11, {"external_id": "   "}),
)


def as_csv(rows: list[Row]) -> str:
    """The rows with a header, quoted where needed, lines ending in a line feed."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def good_rows() -> list[Row]:
    return [case(row) for row in range(1, ROWS + 1)]


def broken_rows() -> list[Row]:
    return [case(row) | fault for row, fault in BROKEN]


def fits(row: Row, encoding: str) -> bool:
    """Whether every cell can be written in `encoding`."""
    try:
        "".join(row.values()).encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def files() -> dict[str, bytes]:
    """The committed files: name → content."""
    return {
        "cases.csv": as_csv(good_rows()).encode("utf-8"),
        "cases-with-errors.csv": as_csv(broken_rows()).encode("utf-8"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--cp1251", type=Path, metavar="FILE", help="write only this, with the rows that fit")
    old: Path | None = parser.parse_args().cp1251
    if old is not None:
        old.write_bytes(as_csv([row for row in good_rows() if fits(row, "cp1251")]).encode("cp1251"))
        return
    for name, content in files().items():
        (HERE / name).write_bytes(content)


if __name__ == "__main__":
    main()
