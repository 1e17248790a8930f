"""Vocabulary: the words and abbreviations that people write for the choices of the documents.

They are in English, Belarusian, Russian and Polish; blanks, capitals, marks and a full stop at the end do not matter. A
word is listed only if it means one choice in every table: "released" is a state of the person, not of our case, so it
is not listed as a choice (`fate`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cache
from typing import Final

from cellsync.casework.documents.case_file import CaseStatus, LineOfWork, Priority, Recognition
from cellsync.casework.documents.consent import Scope
from cellsync.casework.documents.episode import Counsel, EpisodeKind, OutsideContact, Warrant
from cellsync.casework.documents.person import Sex
from cellsync.casework.documents.proceeding import Appeal, ProceedingKind, Publicity, Verdict
from cellsync.casework.documents.support_task import TaskKind, TaskState
from cellsync.casework.values.choices import T, chosen
from cellsync.casework.values.timeline import TimelineKind
from cellsync.core.folded import folded

_BETWEEN: Final = re.compile(r"[\s_-]+")
_SAID: Final[dict[StrEnum, str]] = {
    Sex.FEMALE: (
        "f, fem, woman, girl, w, ж, жен, женский, женщина, женского, девушка, жанчына, жаночы, жаночая, жанч, "
        "дзяўчына, k, kobieta, kob, żeńska, żeński, жінка, жіноча"
    ),
    Sex.MALE: (
        "m, man, masc, boy, м, муж, мужской, мужчина, мужского, мужчына, мужчынскі, мужчынскі пол, хлопец, "
        "mężczyzna, męż, męska, męski, чоловік, чоловіча"
    ),
    Sex.OTHER: "другой, другое, іншы, іншае, inna, inny, non binary, nonbinary, diverse",
    CaseStatus.INTAKE: "new, новое, новый, новая, новы, nowy, nowa",
    CaseStatus.ACTIVE: (
        "in custody, in detention, detained, imprisoned, in prison, arrested, missing, convicted, sentenced, active "
        "case, под стражей, в сизо, в заключении, заключён, задержан, задержана, арестован, арестована, осуждён, "
        "осуждена, пропал, пропала, активно, активный, активное, в работе, пад вартай, затрыманы, затрыманая, "
        "арыштаваны, арыштаваная, асуджаны, асуджаная, зняволены, зняволеная, за кратамі, у працы, у сіза, у сізо, у "
        "іўс, у калоніі, адбывае пакаранне, асуджана, затрымана, арыштавана, зняволена, прапаў, прапала, в ивс, в "
        "колонии, в тюрьме, отбывает наказание, отбывает срок, обвиняемый, обвиняемая, подозреваемый, подозреваемая, "
        "под домашним арестом, ув'язнений, ув'язнена, затриманий, затримана, заарештований, заарештована, засуджений, "
        "засуджена, під вартою, у сізо, в сізо, у колонії, зник, зникла, aktywny, aktywna, zatrzymany, zatrzymana, "
        "aresztowany, aresztowana, skazany, skazana, w areszcie, w toku"
    ),
    CaseStatus.PENDING: (
        "on hold, waiting, приостановлено, ожидание, ожидает, у чаканні, чакае, прыпынена, oczekuje, wstrzymana"
    ),
    CaseStatus.CLOSED: (
        "done, archived, finished, закрыто, закрыт, закрыта, завершено, архив, завершана, архіў, zamknięta, "
        "zamknięty, zakończona"
    ),
    CaseStatus.ARCHIVED: "archive, архив, в архиве, архіў, у архіве, archiwum, zarchiwizowana, zarchiwizowany",
    CaseStatus.REJECTED: "declined, refused, отклонено, отказ, отказано, адхілена, адмова, odrzucona, odrzucony",
    Priority.CRITICAL: (
        "1, urgent, very high, критический, критично, срочно, срочный, очень высокий, крытычны, тэрмінова, вельмі "
        "высокі, krytyczny, pilne, pilny, bardzo wysoki"
    ),
    Priority.HIGH: "2, высокий, высокая, высокі, высокая важнасць, wysoki",
    Priority.NORMAL: (
        "3, medium, middle, average, средний, средняя, обычный, нормальный, сярэдні, звычайны, średni, normalny, zwykły"
    ),
    Priority.LOW: "4, низкий, низкая, нізкі, niski",
    Priority.WATCH: "5, наблюдение, назіранне, obserwacja",
    Recognition.NONE: "no, не признан, не признана, не прызнаны, не прызнаная, nieuznany, nieuznana",
    Recognition.PROPOSED: "предложен, предложена, прапанаваны, прапанаваная, zgłoszony, zgłoszona",
    Recognition.RECOGNISED: "recognized, yes, признан, признана, да, прызнаны, прызнаная, так, uznany, uznana, tak",
    Recognition.DECLINED: "отказано, адмоўлена, odmowa",
    Recognition.WITHDRAWN: "отозвано, адклікана, wycofane",
    LineOfWork.RELEASE: "освобождение, вызваленне, uwolnienie",
    LineOfWork.CONDITIONS: "условия, условия содержания, умовы, умовы ўтрымання, warunki",
    LineOfWork.TALKS: "переговоры, перамовы, rozmowy, negocjacje",
    LineOfWork.EVACUATION: "эвакуация, эвакуацыя, ewakuacja",
    LineOfWork.GROUPS: "группы, групы, grupy",
    EpisodeKind.STREET_DETENTION: "detention, задержание, затрыманне, zatrzymanie",
    EpisodeKind.ADMINISTRATIVE_ARREST: (
        "административный арест, адміністрацыйны арышт, areszt administracyjny, сутки, суткі"
    ),
    EpisodeKind.TEMPORARY_ISOLATOR: (
        "ivs, ивс, іўс, цип, ціп, изолятор временного содержания, ізалятар часовага ўтрымання"
    ),
    EpisodeKind.SIZO: (
        "pretrial detention, pre trial detention, remand, remand prison, сизо, сіза, следственный изолятор, "
        "следчы ізалятар, areszt śledczy"
    ),
    EpisodeKind.COLONY: (
        "penal colony, колония, ик, исправительная колония, калонія, пк, папраўчая калонія, kolonia, kolonia karna"
    ),
    EpisodeKind.PRISON: "тюрьма, турма, więzienie",
    EpisodeKind.OPEN_TYPE: "химия, хімія, иуот, иуот химия, папраўчая ўстанова адкрытага тыпу",
    EpisodeKind.HOME_RESTRICTION: (
        "house arrest, домашняя химия, хатняя хімія, домашний арест, хатні арышт, areszt domowy"
    ),
    EpisodeKind.PSYCHIATRIC: (
        "psychiatric hospital, психиатрическая больница, психбольница, псіхіятрычная бальніца, szpital psychiatryczny"
    ),
    Warrant.SHOWN: "yes, да, показан, предъявлен, так, паказаны, tak, okazany",
    Warrant.NOT_SHOWN: "no, нет, не показан, не предъявлен, не, не паказаны, nie, nieokazany",
    OutsideContact.FREE: "свободно, вольна, swobodny",
    OutsideContact.RESTRICTED: "limited, ограничено, абмежавана, ograniczony",
    OutsideContact.INCOMMUNICADO: "без связи, без сувязі, brak kontaktu",
    Counsel.CHOSEN: "по соглашению, па дамове, z wyboru",
    Counsel.APPOINTED: "по назначению, назначен, па прызначэнні, z urzędu",
    Counsel.REFUSED: "отказано, адмоўлена, odmówiono",
    Counsel.NONE: "no, нет, няма, nie ma",
    ProceedingKind.ADMINISTRATIVE: (
        "административное, административный, адміністрацыйная, administracyjne, коап, каап"
    ),
    ProceedingKind.CRIMINAL: "уголовное, уголовный, крымінальная, karne, ук, кк",
    ProceedingKind.ADDITIONAL: "дополнительное, дадатковая, dodatkowe",
    ProceedingKind.IN_ABSENTIA: "заочно, заочное, завочна, завочная, zaocznie, zaoczne, absentee",
    Publicity.OPEN: "открытый, открыто, адкрыты, адкрыта, otwarta, jawna",
    Publicity.CLOSED: "закрытый, закрыто, закрыты, закрыта, zamknięta, niejawna",
    Verdict.GUILTY: "convicted, виновен, виновна, вінаваты, вінаватая, winny, winna",
    Verdict.ACQUITTED: ("not guilty, innocent, оправдан, оправдана, апраўданы, апраўданая, uniewinniony, uniewinniona"),
    Verdict.DISCONTINUED: "dropped, прекращено, спынена, umorzone",
    Appeal.FILED: "подана, пададзена, złożona",
    Appeal.DISMISSED: "rejected, отклонена, адхілена, oddalona",
    Appeal.GRANTED: "удовлетворена, задаволена, uwzględniona",
    TaskKind.LAWYER: "адвокат, юрист, адвакат, юрыст, adwokat, prawnik",
    TaskKind.PARCEL: "package, передача, посылка, перадача, пасылка, paczka",
    TaskKind.LETTER: "письмо, письма, ліст, лісты, list, listy",
    TaskKind.MONEY: "деньги, перевод, грошы, пераклад, pieniądze, przelew",
    TaskKind.MEDICAL: "doctor, medicine, health, медицина, врач, лекарства, медыцына, лекар, лекі, lekarz, leki",
    TaskKind.PSYCHOLOGICAL: "psychologist, психолог, псіхолаг, psycholog",
    TaskKind.HOUSING: "жильё, жилье, жыллё, mieszkanie",
    TaskKind.VISA: "виза, віза, wiza",
    TaskKind.TRANSPORT: "транспорт, дорога, transfer",
    TaskKind.FAMILY: "семья, сям'я, rodzina",
    TaskState.OPEN: "new, todo, to do, открыто, адкрыта, otwarte",
    TaskState.TAKEN: "in progress, взято, в работе, узята, у працы, w toku",
    TaskState.DONE: "finished, сделано, готово, зроблена, гатова, zrobione, gotowe",
    TaskState.FAILED: "не удалось, не атрымалася, nie udało się",
    TaskState.CANCELLED: "canceled, отменено, адменена, anulowane",
    Scope.NONE: "no, нет, не, nie",
    Scope.INTERNAL: "внутри, только внутри, унутры, толькі ўнутры, wewnętrznie",
    Scope.PARTNERS: "партнёры, партнёрам, партнёрам можна, partnerzy, partnerom",
    Scope.UN: "оон, аан, onz, united nations",
    Scope.PUBLIC: "everybody, всем, публично, усім, публічна, wszystkim, publicznie",
}


_FATES: Final[dict[TimelineKind, str]] = {
    TimelineKind.RELEASED: (
        "released, freed, free, at liberty, let go, set free, pardoned, amnestied, released on bail, sentence served, "
        "served, освобожден, освобождена, освободился, освободилась, освободили, отпущен, отпущена, отпустили, "
        "выпущен, выпущена, на свободе, вышел, вышла, вышел на свободу, вышла на свободу, помилован, помилована, "
        "амнистирован, амнистирована, отбыл срок, отбыла срок, отбыл наказание, отбыла наказание, вызвалены, "
        "вызвалена, вызваленая, вызваліўся, вызвалілася, вызвалілі, адпушчаны, адпушчана, адпушчаная, адпусцілі, на "
        "волі, на свабодзе, выйшаў, выйшла, выйшаў на волю, выйшла на волю, памілаваны, памілавана, памілаваная, адбыў "
        "тэрмін, адбыла тэрмін, адбыў пакаранне, адбыла пакаранне, звільнений, звільнена, на свободі, на волі, "
        "відпущений, відпущена, вийшов, вийшла, помилуваний, помилувана, zwolniony, zwolniona, wypuszczony, "
        "wypuszczona, wolny, wolna, na wolności, ułaskawiony, ułaskawiona, odbył karę, odbyła karę"
    ),
    TimelineKind.DIED: (
        "died, dead, deceased, умер, умерла, скончался, скончалась, погиб, погибла, памёр, памерла, загінуў, загінула, "
        "помер, померла, загинув, загинула, zmarł, zmarła, nie żyje"
    ),
    TimelineKind.LEFT_COUNTRY: (
        "left the country, left, abroad, emigrated, in exile, deported, evacuated, уехал, уехала, выехал, выехала, за "
        "границей, эмигрировал, эмигрировала, выслан, выслана, депортирован, депортирована, эвакуирован, эвакуирована, "
        "з'ехаў, з'ехала, выехаў, за мяжой, высланы, дэпартаваны, дэпартавана, эвакуяваны, эвакуявана, виїхав, "
        "виїхала, за кордоном, wyjechał, wyjechała, za granicą, deportowany, deportowana"
    ),
    TimelineKind.NOTE: (
        "change of measure, measure changed, on bail, wanted, изменение меры, изменена мера, смена меры, изменение "
        "меры пресечения, изменена мера пресечения, мера пресечения изменена, под залогом, под подпиской, под "
        "подпиской о невыезде, подписка о невыезде, в розыске, зьмена меры, зьміна меры, змена меры, змена меры "
        "стрымання, зьмена меры стрыманьня, зьміна меры стрыманьня, пад закладам, пад падпіскай, у вышуку, зміна "
        "запобіжного заходу, змінено запобіжний захід, під заставою, у розшуку, zmiana środka zapobiegawczego, "
        "poszukiwany, poszukiwana"
    ),
}


def fate(cell: str) -> TimelineKind | None:
    """The event that a cell says happened to a person, in words that are no choice of any field; None for others."""
    return _fates().get(_word(cell))


@cache
def _fates() -> dict[str, TimelineKind]:
    return {_word(word): kind for kind, words in _FATES.items() for word in words.split(",")}


def says_released(cell: str) -> bool:
    """Whether a cell says that a person is free again: this ends an episode, and is no choice of any field."""
    return fate(cell) is TimelineKind.RELEASED


_EXAMPLES: Final[dict[str, tuple[type[StrEnum], ...]]] = {
    "sex": (Sex,),
    "status": (CaseStatus, EpisodeKind),
    "priority": (Priority,),
    "recognition": (Recognition,),
    "line_of_work": (LineOfWork,),
    "episode_kind": (EpisodeKind,),
}


def is_example(word: str, column: str) -> bool:
    """Whether a word in a heading is an example of the values of this column: "Status (released / detained)"."""
    if column == "status" and fate(word) is not None:
        return True
    return any(meant(word, [choice.value for choice in choices]) for choices in _EXAMPLES.get(column, ()))


def meant(typed: str, choices: Iterable[T]) -> T | None:
    """The choice that was typed, by its own word or by a usual one for it; None if it is neither."""
    known = list(choices)
    found = chosen(typed, known)
    if found is not None:
        return found
    words = {_word(str(choice)): str(choice) for choice in known} | dict(_words(tuple(str(choice) for choice in known)))
    word = words.get(_word(typed))
    return None if word is None else next(choice for choice in known if str(choice) == word)


@cache
def _words(choices: tuple[str, ...]) -> Mapping[str, str]:
    """The usual words, folded, for the choices of the enumeration that has exactly these choices."""
    return {
        _word(word): choice.value
        for choice, words in _SAID.items()
        if tuple(member.value for member in type(choice)) == choices
        for word in words.split(",")
    }


def _word(text: str) -> str:
    return _BETWEEN.sub(" ", folded(text)).strip(" .!")
