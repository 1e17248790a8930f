"""Headings: which of our columns a heading in a foreign table means, in English, Belarusian, Russian and Polish.

Letter case, blanks, underscores and signs do not matter, nor does a suffix such as `__ru`, which names the language of
a text, nor the groups that KoboToolbox puts in front ("group_person/full_name"). A heading is listed only if it means
one column in every table: "date" does not, and "№" numbers rows, which change once the table is sorted.

A heading may say the same twice ("Name / Имя"), or have a remark: "ФИО (полностью)", "Date of arrest, if known". A
remark that `remarks` knows to change nothing is ignored. Any other word may change the meaning, as in "Name (lawyer)":
then the column is in doubt (`doubted`), and counts as none of ours.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from cellsync.casework.importing import remarks
from cellsync.casework.vocabulary import is_example
from cellsync.core.folded import folded

_BETWEEN: Final = re.compile(r"[^\w№#]+|_+")
_LANGUAGE: Final = re.compile(r"(?<=\w)__[a-z]{2,3}$")
_SAID: Final[dict[str, str]] = {
    "external_id": (
        "case no, case nr, номер справи, код справи, external id, id, case id, record id, case number, код, код дела, "
        "номер дела, код справы, нумар справы, numer sprawy, id sprawy"
    ),
    "title": "case title, назва справы, название дела, tytuł sprawy",
    "name": (
        "detainee name, detainees name, prisoner name, prisoners name, last name first name, first name last name, "
        "surname and name, surname name, name surname, заключенный, задержанный, осужденный, политзаключенный, "
        "політвязень, палітвязень, osoba, прізвище та ініціали, прізвище ім'я, ім'я прізвище, прізвище ім'я по "
        "батькові, прізвище та ім'я, ім'я, full name, names, name and surname, person, person name, name of person, "
        "prisoner, victim, detainee, фио, ф и о, фамилия и о, имя, имя и фамилия, фамилия и имя, фамилия имя, фамилия "
        "имя отчество, имя фамилия, имя отчество фамилия, піб, імя, імя і прозвішча, прозвішча і імя, прозвішча імя, "
        "прозвішча імя імя па бацьку, імя прозвішча, піп, imię i nazwisko, nazwisko i imię, imię, imię nazwisko, "
        "nazwisko imię, прізвище та імя, імя та прізвище"
    ),
    "name_latin": (
        "name in latin, latin name, name latin letters, transliteration, имя латиницей, фио латиницей, імя "
        "лацінкай, транслитерация, транслітарацыя, transliteracja"
    ),
    "name_local": "local name, name in local script",
    "other_names": (
        "прізвисько, псевдо, alias, aliases, nickname, also known as, aka, псевдоним, прозвище, другие имена, "
        "псеўданім, мянушка, іншыя імёны, pseudonim, inne imiona"
    ),
    "sex": "gender, пол, пал, płeć, стать",
    "birth_date": (
        "d o b, г нар, год нар, data ur, date of birth age, birthdate, date of birth, dob, born, birth, birthday, "
        "birth year, year of birth, дата рождения, день рождения, год рождения, г р, д р, родился, дата нараджэння, "
        "дзень нараджэння, год нараджэння, нарадзіўся, data urodzenia, rok urodzenia, ur, дата народження, рік "
        "народження, день народження, дата рожд, дата нар, дата нарадж, год рожд, рождение дата, нараджэнне дата"
    ),
    "citizenship": (
        "citizenships, nationality, country, country of citizenship, гражданство, страна, грамадзянства, краіна, "
        "obywatelstwo, kraj, громадянство, національність"
    ),
    "occupation": (
        "profession, job, work, профессия, род занятий, работа, место работы, должность, position, occupation or "
        "position, прафесія, занятак, пасада, професія, посада, місце роботи, праца, месца працы, zawód, praca"
    ),
    "languages": "мова спілкування, language, spoken languages, языки, язык, мовы, мова, języki, język",
    "residence": (
        "адреса, місце проживання, place of residence, address, home address, last seen location, last seen, lives in, "
        "адрес, место жительства, проживание, адрас, месца жыхарства, adres, miejsce zamieszkania"
    ),
    "status": (
        "current status, текущий статус, статус справи, case status, статус, статус дела, стан, статус справы, status "
        "sprawy, stan"
    ),
    "priority": "urgency, приоритет, срочность, прыярытэт, тэрміновасць, priorytet",
    "recognition": (
        "recognised, recognised as political prisoner, признание, признан политзаключённым, прызнанне, прызнаны "
        "палітвязнем, uznanie"
    ),
    "line_of_work": "line of work, направление, направление работы, кірунак, напрамак, kierunek",
    "tags": "tag, labels, теги, метки, тэгі, пазнакі, tagi, etykiety",
    "summary": "short summary, краткое описание, кратко, сцісла, кароткае апісанне, streszczenie",
    "demands": "demand, требования, требование, патрабаванні, патрабаванне, żądania",
    "handler": (
        "відповідальний, координаторка, case worker, caseworker, responsible, ответственный, куратор, координатор, "
        "адказны, каардынатар, opiekun sprawy"
    ),
    "episode_kind": (
        "detention type, type of detention, kind of detention, вид содержания, тип учреждения, від утрымання, "
        "rodzaj zatrzymania"
    ),
    "agency": (
        "forces, arresting authority, detained by, arrested by, кто задержал, силовое ведомство, хто затрымаў, "
        "кім затрыманы, służba, kto zatrzymał"
    ),
    "warrant": "arrest warrant, ордер, ордэр, nakaz",
    "detained_on": (
        "date arrested, date of the arrest, when detained, when arrested, когда задержан, калі затрыманы, дата "
        "задержания ареста, date of detention arrest, date of arrest detention, дата арешту, затриманий, затримана, "
        "date of arrest, arrest date, arrested on, arrested, date of detention, detention date, date detained, "
        "detained, date det, detained since, дата задержания, задержан, дата ареста, день задержания, дата затрымання, "
        "затрыманы, дата арышту, дзень затрымання, data zatrzymania, data aresztowania, дата затримання, дата задерж, "
        "дата затрым, задержание дата, арест дата, затрыманне дата, арышт дата, затримання дата"
    ),
    "detained_until": (
        "дата выхода, дата выхода на свободу, дата выхаду, дата выйсця, звільнений, звільнена, date of release, "
        "release date, released on, detained till, дата освобождения, освобождён, дата вызвалення, вызвалены, "
        "освобождение дата, вызваленне дата, звільнення дата, дата звільнення, data zwolnienia"
    ),
    "detention": (
        "period of detention, detention period, срок содержания, период содержания, перыяд утрымання, okres zatrzymania"
    ),
    "facility": (
        "місце утримання, місце позбавлення волі, установа, колонія, сізо, place of detention, detention place, "
        "detention facility, detention centre, detention center, prison, place of imprisonment, where held, place "
        "held, место содержания, где содержится, место заключения, учреждение, сизо, колония, место лишения свободы, "
        "месца ўтрымання, дзе ўтрымліваецца, месца зняволення, установа, калонія, miejsce zatrzymania, miejsce "
        "przetrzymywania, zakład karny, więzienie"
    ),
    "articles": (
        "articles of the criminal code, article of the criminal code, статья обвинения, статьи обвинения, стаття, "
        "статті, стаття кк, обвинувачення, обвинувачення стаття, обвинение статья, абвінавачанне артыкул, article, "
        "charge, charges, criminal code article, articles of law, статья, статьи, статья ук, статьи ук, обвинение, "
        "обвинения, артыкул, артыкулы, артыкул кк, артыкулы кк, абвінавачанне, artykuł, artykuły, zarzuty, zarzut"
    ),
    "court": "court name, суд, sąd",
    "sentence": (
        "термін, термін ув'язнення, вирок, покарання, строк, term, prison term, срок, приговор, наказание, тэрмін, "
        "прысуд, пакаранне, wyrok, kara"
    ),
    "next_task": (
        "нужды, что нужно, завдання, потреби, потрібно, task, tasks, need, needs, next step, задача, задачи, "
        "потребности, нужно, следующий шаг, патрэбы, трэба, наступны крок, zadanie, potrzeby, następny krok"
    ),
    "next_task_kind": "task kind, kind of task",
    "next_task_due": "task due, due, due date, deadline, срок задачи, дедлайн, дэдлайн, termin zadania",
    "note": (
        "коментар, коментарі, нотатки, нотатка, додатково, notes, comment, comments, remark, remarks, additional "
        "notes, примечание, примечания, комментарий, комментарии, заметка, заметки, заўвага, заўвагі, нататка, "
        "нататкі, каментар, каментарый, uwagi, uwaga, notatka, notatki, komentarz, примітка, примітки"
    ),
    "further_demands": "",
    "description": "",
    "timeline": "case log, хронология, храналогія, oś czasu",
}
_PARTS: Final = {
    "given": (
        "given name, given names, first name, firstname, forename, имя, імя, imię, imiona, власна імя, імя асобы"
    ),
    "patronymic": (
        "patronymic, middle name, middle names, отчество, імя па бацьку, па бацьку, бацькаўства, otczestwo, по батькові"
    ),
    "family": "family name, surname, last name, lastname, фамилия, прозвішча, nazwisko, прізвище",
}
ORDER: Final = ("given", "patronymic", "family")
_ID: Final = "external_id"
_TITLES: Final = frozenset({"title"})  # a name if no other column is one: Uwazi has a title for every record


def heading(text: str) -> str:
    """The form of a heading that is compared."""
    return " ".join(_BETWEEN.sub(" ", folded(_LANGUAGE.sub("", " ".join(text.split())))).split())


def _words(said: dict[str, str]) -> dict[str, str]:
    """Our names, by the headings that mean them."""
    words = {heading(ours): ours for ours in said}
    for ours, several in said.items():
        for word in several.split(","):
            if word.strip():
                words.setdefault(heading(word), ours)
    return words


_OURS: Final = _words(_SAID)
_PART_OF_NAME: Final = _words(_PARTS)


class _Meaning(NamedTuple):
    ours: str  # "": none of ours
    part: str  # of a name
    sure: bool
    remarked: bool  # the heading says more than which column it is


_NONE: Final = _Meaning("", "", sure=True, remarked=False)
_GROUPED: Final = re.compile(r"[\w-]+(?:/[\w-]+)+")


@lru_cache(maxsize=1 << 10)  # asked several times of each heading
def _meaning(text: str) -> _Meaning:
    """What a heading means. A heading that begins with an underscore is a form's own, except for its id."""
    if text.startswith("_") and text != "_id":
        return _NONE
    if found := _known(heading(text)):
        return found
    if _GROUPED.fullmatch(text) and ("_" in text or text.islower()):  # a form's group
        group, _, last = text.rpartition("/")
        found = _known(heading(last))
        if found is not None:
            return found._replace(sure=not remarks.is_of_others(group))
    return _without_remarks(remarks.pieces(text))


def _known(said: str) -> _Meaning | None:
    ours, part = _OURS.get(said, ""), _PART_OF_NAME.get(said, "")
    return _Meaning(ours, part, sure=True, remarked=False) if ours or part else None


def _without_remarks(pieces: list[str]) -> _Meaning:
    telling = [part for part in pieces if _known(heading(part)) or not remarks.may_change_nothing(remarks.words(part))]
    telling = telling or pieces[:1]
    found = _known(heading(" ".join(telling))) or _agreed(telling)
    beside = [remarks.words(piece) for piece in pieces if piece not in telling and not is_example(piece, found.ours)]
    # "Код (УК)" may be anything, and two rows with one id would lose the second
    harmless = not beside or (
        found.ours != _ID and all(remarks.changes_nothing(words, found.ours or "name") for words in beside)
    )
    return found._replace(sure=found.sure and harmless, remarked=True)


def _agreed(pieces: list[str]) -> _Meaning:
    """What all pieces mean. A choice of the first one's column, as in "Status (released)", is only an example."""
    first = _alone(pieces[0]) if pieces else None
    if first is not None:
        pieces = [piece for at, piece in enumerate(pieces) if not at or not is_example(piece, first.ours)]
    known = [meaning for meaning in map(_alone, pieces) if meaning is not None]
    if not known:
        return _NONE
    ours = known[0].ours or ("name" if len(known) > 1 else "")
    part = known[0].part if all(meaning.part == known[0].part for meaning in known) else ""
    same = all((meaning.ours or "name") == (ours or "name") for meaning in known)
    return known[0]._replace(ours="" if part else ours, part=part, sure=same and len(known) == len(pieces))


def _alone(piece: str) -> _Meaning | None:
    """What a piece means, leaving out words at its end that change nothing: "ФИО полностью"."""
    words = heading(piece).split()
    for end in range(len(words), 0, -1):
        if (found := _known(" ".join(words[:end]))) is not None:
            clear = end == len(words) or remarks.changes_nothing(words[end:], found.ours or "name")
            return found if clear else None
    return None


def part_of_name(text: str) -> str:
    """Which part of a name the column holds: given, patronymic or family; "" for any other column."""
    meaning = _meaning(text)
    return meaning.part if meaning.sure else ""


def is_name(text: str) -> bool:
    """Whether a column with this heading holds the names of people."""
    return heading(text) in _TITLES or ours(text) == "name" or bool(part_of_name(text))


def ours(text: str) -> str:
    """Our column that a heading means; "" if it means none, or is in doubt."""
    meaning = _meaning(text)
    return meaning.ours if meaning.sure else ""


def doubted(text: str) -> str:
    """Our column that a heading would mean without its other words; "" if nothing is in doubt."""
    meaning = _meaning(text)
    return "" if meaning.sure else meaning.ours or ("name" if meaning.part else "")


def recognised(header: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Our columns, with the columns of the table that they come from: one, or several for a name in parts.

    A heading that is exactly ours takes precedence over one that only means the same.
    """
    found: dict[str, tuple[str, ...]] = {}
    parts = {part: name for name in reversed(header) if name and (part := part_of_name(name))}
    ranks = {name: 0 if name in _SAID else 1 + _meaning(name).remarked for name in header}
    for name in sorted(header, key=lambda name: ranks[name]):
        meant = ours(name) if ranks[name] else name
        if meant in _SAID and meant not in found:
            found[meant] = (name,)
    _another_name(header, found, parts)
    if "family" in parts and len(parts) > 1:
        found["name"] = tuple(parts[part] for part in ORDER if part in parts)
    elif "name" not in found and parts:
        found["name"] = (next(parts[part] for part in ("family", *ORDER) if part in parts),)
    elif "name" not in found and "title" in found:
        found["name"] = found.pop("title")
    return found


def _another_name(header: Sequence[str], found: dict[str, tuple[str, ...]], parts: dict[str, str]) -> None:
    """Find a second name column: tables with names in two languages have "ФИО (рус)" and "ФИО (бел)"."""
    used = [*parts.values()] if "family" in parts else []
    for name in header:
        if "name" in found and name not in used and ours(name) == "name" and (name,) not in found.values():
            remarked = [remarks.words(piece) for piece in remarks.pieces(name)[1:]]
            if any(map(remarks.is_language, remarked)):
                found.setdefault("name_latin" if any(map(remarks.is_latin, remarked)) else "name_local", (name,))


def in_order(columns: Sequence[str]) -> tuple[str, ...]:
    """The columns of one name in the order given, patronymic, family; other columns in the order of the table."""
    parts = [part_of_name(column) for column in columns]
    if all(parts) and len(set(parts)) == len(parts):
        return tuple(sorted(columns, key=lambda column: ORDER.index(part_of_name(column))))
    return tuple(columns)
