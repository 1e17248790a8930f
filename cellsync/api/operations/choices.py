"""What the members of a circle have chosen together: shown, and said."""

from __future__ import annotations

from cellsync.api.contract import shapes
from cellsync.api.operations.membership import words_shape
from cellsync.api.service import Service
from cellsync.cell.choices import ChoiceStanding, MemberWord, parsed
from cellsync.cell.circle import CellCircle


async def show(service: Service, ask: shapes.OfCircle) -> shapes.CircleSettings:
    cell = service.cell
    circles = [cell.circle(ask.circle)] if ask.circle else cell.circles
    return shapes.CircleSettings(
        settings=[_setting(circle, one) for circle in circles for one in circle.membership.settings()]
    )


async def choose(service: Service, ask: shapes.Choose) -> shapes.ChosenSetting:
    setting, value = parsed(ask.name, ask.value)
    circle = service.cell.circle(ask.circle or None)
    entry = await circle.membership.choose(setting, value)
    standing = next(one for one in circle.membership.settings() if one.setting is setting)
    return shapes.ChosenSetting(
        entry=entry.hex(), setting=_setting(circle, standing), others=len(circle.circle.others()),
        confirmed=len(await circle.membership.confirmed(entry)),
        lacks=words_shape(await circle.membership.lacks(None)),
    )  # fmt: skip


def _setting(circle: CellCircle, one: ChoiceStanding) -> shapes.SettingStanding:
    wanted = one.wanted
    return shapes.SettingStanding(
        name=one.name, in_force=one.in_force, obeyed=one.obeyed, words=[_word(word) for word in one.words],
        circle=circle.id.hex(),
        wanted=None if wanted is None else shapes.WantedSetting(
            value=wanted.value, by=wanted.by.name,
            lacks=shapes.MissingWords(words=wanted.lacks.words, of=list(wanted.lacks.of)),
        ),
    )  # fmt: skip


def _word(word: MemberWord) -> shapes.SettingWord:
    return shapes.SettingWord(member=word.member.hex(), name=word.name, value=word.value, me=word.is_me)
