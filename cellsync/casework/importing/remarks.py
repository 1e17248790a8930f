"""Remarks: words added to the heading of a column, in brackets or after a comma, and what they change.

    "ФИО (полностью)"               nothing: how to fill the column in, whether one has to, in which language
    "Date of arrest (mm/dd/yyyy)"   how its dates are read, if all of them have this form
    "Срок (лет)"                    what its figures count
    "Name (lawyer)"                 everything: the column is about another person

A remark therefore changes nothing only if each of its words is known to change nothing in this column, as "(date)" is
not after "Court", nor "(English)" after "Languages". With any other word, the meaning of the heading is in doubt.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from cellsync.core.folded import folded

_PIECES: Final = re.compile(r"\s[-‐‑‒–—―−]+\s|[^\w\s'’ʼ.№#_‐‑‒–—―−-]+")
_NUMBERED: Final = re.compile(r"\s*\d{1,3}(?:\.\d{1,2})*[.)]\s*(?=\D)")
_PLURAL: Final = re.compile(r"(?<=\w)\((?:s|es|а|ы|и|я|й|ая)\)")  # "Article(s)", "Задержан(а)"
_WORD: Final = re.compile(r"\w+")
_ORDER: Final = re.compile(
    r"(?<!\w)(dd?|дд?|mm?|мм?)([./-])(dd?|дд?|mm?|мм?)\2((?:yy|гг|рр|rr){1,2})(?!\w)", re.IGNORECASE
)
_DAYS: Final = "dд"
_LONGEST: Final = 200  # characters of a heading


def _all(words: str) -> frozenset[str]:
    return frozenset(map(folded, words.split()))


_SMALL: Final = _all(
    "a an the and or of as at by for from in on to if is was when where with per via e g eg ie и или а в во на с со из "
    "о об по при как для от до і й або ці ў у з са па та чи за через праз i lub albo z ze w na od do dla są jest"
)
_HOW: Final = _all(
    "ex example format please only exactly exact approximately approx about full fully complete completely known "
    "available applicable any all possible optional required mandatory obligatory enter write fill type choose select "
    "list comma separated several multiple one each text free current currently now today local native original "
    "spelling official if "
    "если без есть имеется наличии наличия известно известна известен известны полностью полное полная полный целиком "
    "кратко точно точная точный примерно примерная приблизительно приблизительная можно нужно обязательно "
    "обязательное обязательный необязательно желательно официально официальное например пример формат формате виде "
    "указать укажите заполнить заполните написать напишите писать выбрать выберите список списком запятую запятая "
    "несколько один одна каждый текст текстом сейчас сегодня текущее текущий текущая момент данный состоянию язык "
    "языке буквами оригинал оригинале "
    "калі ёсць вядома вядомы вядомая вядомае поўнасцю поўнае поўны цалкам сцісла дакладна дакладная прыкладна "
    "прыкладная можна абавязкова неабавязкова пажадана напрыклад прыклад фармат фармаце выглядзе пазначце запоўніце "
    "напішыце спіс коску некалькі адзін тэкст зараз сёння мове літарамі "
    "якщо відомо відома відомий наявності повністю повне повний точно приблизно обов'язково необов'язково бажано "
    "наприклад приклад формат вигляді кому кілька текст зараз сьогодні мовою "
    "jeśli jeżeli znana znane znany pełne pełna pełny dokładnie dokładna około obowiązkowo opcjonalnie np przykład "
    "lista kilka tekst teraz dziś"
)
_OURS: Final = _all(
    "prisoner prisoner's prisoners detainee detainee's detainees arrestee victim victim's заключенного заключенный "
    "заключенной задержанного задержанный задержанной политзаключенного осужденного обвиняемого арестованного "
    "подсудимого пострадавшего вязня палітвязня затрыманага затрыманай зняволенага асуджанага абвінавачанага "
    "ув'язненого затриманого засудженого політв'язня więźnia zatrzymanego skazanego osadzonego"
)
_UNITS: Final = _all(
    "years year yrs months month days лет года год годы месяцев месяца месяц мес дней суток сутки гадоў гады месяцаў "
    "дзён сутак років роки місяців днів діб lat lata rok miesięcy dni"
)
_CALENDAR: Final = _UNITS | _all(
    "date dates time day iso utc gmt dd mm yyyy yy d m y g gg gggg rrrr rr д м г дд мм гг гггг рр рррр число дата даты "
    "день дня время дзень дня час числа dzień dnia data daty czas"
)
_PAPERS: Final = _all(
    "passport document documents id паспорт паспорту паспорте паспортом документу документам документ документом "
    "удостоверению пашпарт пашпарту пашпарце дакументу paszport paszportu paszporcie dokumentu"
)
_SEXES: Final = _all("m f w male female м ж муж жен k ч")
_ANSWERS: Final = _all("yes no да нет так не ні tak nie")
_PARTS: Final = _all("first last middle given family surname initials фамилия имя отчество инициалы прозвішча імя")
_LAWS: Final = _all("art арт ст ук упк коап кк кпк каап kk kodeks рб рф беларуси criminal code уголовный кодекс")
_FREE: Final = _all("released освобожден освобождена освободился вызвалены вызвалена звільнений звільнена zwolniony")
_LANGUAGES: Final = _all(
    "english russian belarusian ukrainian polish latin cyrillic eng rus bel ukr pol lat cyr en ru be by uk ua pl "
    "русский русская русском русски рус белорусский белорусская белорусском белорусски бел английский английском "
    "английски англ украинский украинском укр польский польском польски руская рускай руску беларуская беларускай "
    "беларуску ангельская ангельскай англійская англійскай украінскай польскай українською російською англійською "
    "латиницей латиница лат кир кириллицей лацінкай лацінка кірыліца кірыліцай латиницею "
    "rosyjski rosyjsku białoruski białorusku polski polsku angielski angielsku"
)
_LATIN: Final = _all(
    "english eng en latin lat английский английском английски англ латиницей латиница лат ангельская ангельскай "
    "лацінкай лацінка англійська англійською латиницею angielski angielsku"
)
_DATES: Final = ("birth_date", "detained_on", "detained_until", "detention", "next_task_due")
_IN: Final[dict[str, frozenset[str]]] = {
    **dict.fromkeys(_DATES, _CALENDAR),
    "birth_date": _CALENDAR | _PAPERS,
    "detained_until": _CALENDAR | _FREE,
    "name": _PARTS | _PAPERS,
    "citizenship": _PAPERS,
    "residence": _PAPERS,
    "sex": _SEXES | _PAPERS,
    "recognition": _ANSWERS,
    "articles": _LAWS,
    "sentence": _UNITS,
}
_NOT_OF_LANGUAGES: Final = frozenset({"languages", "citizenship"})
_EVER: Final = _SMALL | _HOW | _OURS | _LANGUAGES
_ANYWHERE: Final = _EVER.union(*_IN.values())
_OTHERS: Final = _all(
    "lawyer lawyers attorney advocate counsel relative relatives family mother father parent parents wife husband "
    "spouse brother sister son daughter child children contact contacts friend reporter informant source witness "
    "witnesses judge prosecutor investigator official officer guard police volunteer coordinator applicant donor "
    "lawyer's адвокат адвоката адвокаты юрист юриста защитник защитника родственник родственника родственники родные "
    "родных семья семьи мать матери отец отца родители родителей жена жены муж мужа супруг супруга брат брата сестра "
    "сестры сын сына дочь дочери ребенок ребенка дети детей контакт контакты контактное контактного друг друга "
    "источник свидетель свидетеля судья судьи прокурор прокурора следователь следователя начальник волонтер волонтера "
    "координатор координатора заявитель заявителя адвакат адваката юрыст юрыста абаронца абаронцы сваяк сваяка сваякі "
    "сваякоў родныя сям'я сям'і маці бацька бацькі бацькоў жонка жонкі брата сястра сястры дзіця дзіцяці дзеці дзяцей "
    "кантакт кантакты кантактная крыніца сведка сведкі суддзя суддзі пракурор пракурора следчы следчага валанцёр "
    "каардынатар родич родича родичі адвокатка сестра дружина чоловік мати батько діти контактна свідок слідчий суддя "
    "adwokat adwokata obrońca obrońcy krewny krewnego rodzina rodziny matka matki ojciec ojca żona żony mąż męża "
    "dziecko dziecka dzieci kontakt świadek sędzia sędziego prokurator śledczy"
)


def pieces(text: str) -> list[str]:
    """A heading split at brackets, commas, slashes and other signs, without a number in front."""
    if len(text) > _LONGEST:
        return []
    bare = _PLURAL.sub("", _NUMBERED.sub("", text, count=1))
    return [piece for part in _PIECES.split(bare) if part and (piece := part.strip(" .*"))]


def words(text: str) -> list[str]:
    return _WORD.findall(folded(text).replace("_", " "))


def changes_nothing(said: Sequence[str], column: str) -> bool:
    """Whether this column means the same with and without these words."""
    ever = _EVER - _LANGUAGES if column in _NOT_OF_LANGUAGES else _EVER
    return _all_in(ever | _IN.get(column, _SMALL), said)


def may_change_nothing(said: Sequence[str]) -> bool:
    """Whether there is a column that means the same with and without these words."""
    return _all_in(_ANYWHERE, said)


def _all_in(known: AbstractSet[str], said: Sequence[str]) -> bool:
    """Whether all words are known. Several figures, or a year, are a date; a lone figure counts columns ("Name 2")."""
    figures = [word for word in said if word.isdigit()]
    dated = len(figures) > 1 or any(len(figure) == 4 for figure in figures)
    tells = any(word not in _SMALL for word in said)
    return tells and all(word in known or (word.isdigit() and dated) for word in said)


def is_of_others(text: str) -> bool:
    """Whether a group of columns with this heading is about other people."""
    return any(word in _OTHERS for word in words(text))


def is_language(said: Sequence[str]) -> bool:
    """Whether these words name the language or script of a column."""
    return any(word in _LANGUAGES for word in said) and changes_nothing(said, "name")


def is_latin(said: Sequence[str]) -> bool:
    """Whether these say that a column is written in Latin letters."""
    return any(word in _LATIN for word in said)


def unit(heading: str) -> str:
    """The unit that the figures of a column count, as a word to put after them; "" if its heading names none."""
    for piece in pieces(heading)[1:]:
        if folded(piece) in _UNITS:
            return piece.lower()
    return ""


class Order:
    """The form of its dates that a heading gives: "dd/mm/yyyy"."""

    def __init__(self, first: str, sign: str, second: str, year: str) -> None:
        self.day_first = first[0].lower() in _DAYS
        self.sign = sign
        self.shown = f"{first}{sign}{second}{sign}{year}"
        figures = [r"\d{2}" if len(part) == 2 else r"\d{1,2}" for part in (first, second)]
        years = r"\d{4}" if len(year) == 4 else r"\d{2}"
        self._written = re.compile(rf"(?<!\d){figures[0]}{re.escape(sign)}{figures[1]}{re.escape(sign)}{years}(?!\d)")

    def fits(self, cell: str) -> bool:
        """Whether every date in this cell that could be read in either order has the form that the heading gives."""
        for first, second, _ in _EITHER.findall(cell):
            month = second if self.day_first else first
            if int(month) > 12:
                return False
        return all(self._written.fullmatch(found[0]) for found in _EITHER.finditer(cell))

    def decides(self, cell: str) -> bool:
        """Whether this cell has a date that means another day in the other order."""
        return (self.sign != "." or not self.day_first) and any(
            first != second and max(int(first), int(second)) <= 12 for first, second, _ in _EITHER.findall(cell)
        )

    def settled(self, cell: str) -> str:
        """The cell with its dates in the one form whose order is certain: 03.05.2024."""
        put = r"\1.\2.\3" if self.day_first else r"\2.\1.\3"
        return _EITHER.sub(put, cell)


_EITHER: Final = re.compile(r"(?<![\d./-])(\d{1,2})[./-](\d{1,2})[./-](\d{4}|\d{2})(?!\d|[./-]\d)")


def order(heading: str) -> Order | None:
    """The order of day and month in a column; None if its heading gives none."""
    found = {(match[1][0].lower() in _DAYS, match[0]): match for match in _ORDER.finditer(heading)}
    if len({day_first for day_first, _ in found}) != 1:
        return None
    [first, *_] = found.values()
    if (first[1][0].lower() in _DAYS) == (first[3][0].lower() in _DAYS):
        return None  # dd/dd
    return Order(*first.groups())
