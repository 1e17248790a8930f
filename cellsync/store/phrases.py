"""Phrases that everybody knows: proverbs, quotations, lines that are sung, and what our own pages show as a passphrase.

Each looks like many unrelated words, and is one guess. Attackers have much longer lists; this one has what people think
of first, in the languages of the users. A test compares it with the passphrases that we publish: what a page shows,
nobody may use.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from cellsync.core.folded import folded

_SHORTEST: Final = 3  # words of a part of a phrase that is known as such
_LETTERS: Final = 9
_WORD: Final = re.compile(r"[^\W_]+")

_SHOWN: Final = """
ana keeps bees behind the mill / ben sails paper boats at night / bees live behind the old mill
five random words, unlike these / and five words of his / four random words, say / kettle orbit lantern maple
four or more words that do not belong together / one that is made at random / kite lemon orbit ruby
orbit maple tulip
"""
_ENGLISH: Final = """
correct horse battery staple / correct horse battery staple tr0ub4dor and 3
to be or not to be that is the question / all the world's a stage and all the men and women merely players
now is the winter of our discontent / something is rotten in the state of denmark
neither a borrower nor a lender be / a horse a horse my kingdom for a horse
friends romans countrymen lend me your ears / if music be the food of love play on
the course of true love never did run smooth / romeo romeo wherefore art thou romeo / parting is such sweet sorrow
shall i compare thee to a summer's day / double double toil and trouble fire burn and cauldron bubble
tomorrow and tomorrow and tomorrow / it was the best of times it was the worst of times
call me ishmael some years ago
it is a truth universally acknowledged that a single man in possession of a good fortune must be in want of a wife
happy families are all alike every unhappy family is unhappy in its own way / all happy families are alike
it was a bright cold day in april and the clocks were striking thirteen / big brother is watching you
war is peace freedom is slavery ignorance is strength
all animals are equal but some animals are more equal than others / the quick brown fox jumps over the lazy dog
pack my box with five dozen liquor jugs / lorem ipsum dolor sit amet consectetur / i think therefore i am
cogito ergo sum / veni vidi vici / carpe diem quam minimum credula postero / in vino veritas
in the beginning god created the heaven and the earth / in the beginning was the word and the word was with god
the lord is my shepherd i shall not want / our father who art in heaven hallowed be thy name / thou shalt not kill
love thy neighbour as thyself / let there be light and there was light
ask and it shall be given you seek and ye shall find
we hold these truths to be self evident that all men are created equal / life liberty and the pursuit of happiness
we the people of the united states in order to form a more perfect union
four score and seven years ago our fathers / government of the people by the people for the people
give me liberty or give me death / i have a dream that one day
ask not what your country can do for you ask what you can do for your country
the only thing we have to fear is fear itself / that's one small step for man one giant leap for mankind
we shall fight on the beaches / never was so much owed by so many to so few
workers of the world unite you have nothing to lose but your chains
from each according to his ability to each according to his needs / knowledge is power
the pen is mightier than the sword / where there is a will there is a way / actions speak louder than words
a bird in the hand is worth two in the bush / an apple a day keeps the doctor away / the early bird catches the worm
all that glitters is not gold / a rolling stone gathers no moss / birds of a feather flock together
better late than never / don't count your chickens before they are hatched / don't put all your eggs in one basket
every cloud has a silver lining / a picture is worth a thousand words / curiosity killed the cat
do not judge a book by its cover / easy come easy go / fortune favours the bold / fortune favors the brave
good things come to those who wait / haste makes waste / if at first you don't succeed try try again
if it ain't broke don't fix it / it takes two to tango / laughter is the best medicine / let sleeping dogs lie
look before you leap / make hay while the sun shines / necessity is the mother of invention / no pain no gain
practice makes perfect / rome was not built in a day / the grass is always greener on the other side
the truth will set you free / there is no place like home / there's no such thing as a free lunch
time and tide wait for no man / time flies like an arrow fruit flies like a banana / too many cooks spoil the broth
two wrongs don't make a right / when in rome do as the romans do / when the cat's away the mice will play
you can't have your cake and eat it too / you can't teach an old dog new tricks / may the force be with you
use the force luke / i am your father / live long and prosper / to boldly go where no man has gone before
resistance is futile / winter is coming / the night is dark and full of terrors / you know nothing jon snow
you shall not pass / one ring to rule them all one ring to find them / not all those who wander are lost
speak friend and enter / open sesame / i solemnly swear that i am up to no good / expecto patronum / i'll be back
hasta la vista baby / here's looking at you kid / frankly my dear i don't give a damn
may the odds be ever in your favor / houston we have a problem / elementary my dear watson
life is like a box of chocolates / you talking to me / i'm gonna make him an offer he can't refuse / e t phone home
the answer to life the universe and everything is forty two / don't panic and carry a towel
so long and thanks for all the fish / twinkle twinkle little star how i wonder what you are
mary had a little lamb its fleece was white as snow / humpty dumpty sat on a wall
row row row your boat gently down the stream / happy birthday to you / jingle bells jingle all the way
silent night holy night all is calm / amazing grace how sweet the sound / god save the king
rule britannia britannia rule the waves / oh say can you see by the dawn's early light / all you need is love
let it be let it be / we all live in a yellow submarine / we will rock you / we are the champions my friend
another one bites the dust / stairway to heaven / highway to hell / smoke on the water / hotel california
knocking on heaven's door / like a rolling stone / smells like teen spirit / bella ciao bella ciao
we shall overcome some day / which side are you on / the internationale unites the human race
the people united will never be defeated / no pasaran / freedom for political prisoners / silence is golden
my voice is my password verify me / this is my password / open the door please / let me in please
i love you so much / two roads diverged in a yellow wood / do not go gentle into that good night
rage rage against the dying of the light / hope is the thing with feathers / i wandered lonely as a cloud
water water everywhere nor any drop to drink / quoth the raven nevermore / once upon a midnight dreary
tyger tyger burning bright in the forests of the night
"""
_RUSSIAN: Final = """
мама мыла раму / раз два три четыре пять вышел зайчик погулять
съешь ещё этих мягких французских булок да выпей чаю / рукописи не горят / не читайте до обеда советских газет
аннушка уже разлила масло / все счастливые семьи похожи друг на друга
я помню чудное мгновенье передо мной явилась ты / мороз и солнце день чудесный / мой дядя самых честных правил
у лукоморья дуб зелёный златая цепь на дубе том / я к вам пишу чего же боле
буря мглою небо кроет вихри снежные крутя / во глубине сибирских руд храните гордое терпенье
товарищ верь взойдёт она звезда пленительного счастья / белеет парус одинокий в тумане моря голубом
скажи ка дядя ведь не даром / выхожу один я на дорогу / прощай немытая россия
умом россию не понять аршином общим не измерить / люблю грозу в начале мая / ночь улица фонарь аптека
быть или не быть вот в чём вопрос / весь мир театр а люди в нём актёры / счастливые часов не наблюдают / а судьи кто
карету мне карету / человек это звучит гордо / красота спасёт мир / кто виноват и что делать
тварь я дрожащая или право имею / россия вспрянет ото сна / птица тройка кто тебя выдумал
чуден днепр при тихой погоде / мы в ответе за тех кого приручили / свежо предание а верится с трудом
в человеке должно быть всё прекрасно / тише едешь дальше будешь / без труда не выловишь и рыбку из пруда
семь раз отмерь один раз отрежь / терпение и труд всё перетрут / не имей сто рублей а имей сто друзей
старый друг лучше новых двух / в гостях хорошо а дома лучше / век живи век учись / волков бояться в лес не ходить
что посеешь то и пожнёшь / лучше поздно чем никогда / слово не воробей вылетит не поймаешь / делу время потехе час
любишь кататься люби и саночки возить / не всё то золото что блестит / яблоко от яблони недалеко падает
за двумя зайцами погонишься ни одного не поймаешь / лучше синица в руках чем журавль в небе
под лежачий камень вода не течёт / на вкус и цвет товарищей нет / первый блин комом / утро вечера мудренее
москва не сразу строилась / в тихом омуте черти водятся / повторение мать учения / ученье свет а неученье тьма
друг познаётся в беде / один в поле не воин / тайное становится явным / от тюрьмы и от сумы не зарекайся
не верь не бойся не проси / свободу политическим заключённым / свободу политзаключённым
пролетарии всех стран соединяйтесь / вставай проклятьем заклеймённый весь мир голодных и рабов
союз нерушимый республик свободных / широка страна моя родная / пусть всегда будет солнце пусть всегда будет небо
выходила на берег катюша / подмосковные вечера / катюша расцветали яблони и груши поплыли туманы над рекой
в лесу родилась ёлочка в лесу она росла / миллион алых роз / группа крови на рукаве / перемен требуют наши сердца
мы ждём перемен / звезда по имени солнце / что такое осень / я свободен словно птица в небесах
ой мороз мороз не морозь меня / чёрный ворон что ты вьёшься / эй ухнем ещё разик
какая гадость эта ваша заливная рыба / ключи от квартиры где деньги лежат
лёд тронулся господа присяжные заседатели / надо федя надо / усы лапы и хвост вот мои документы
ребята давайте жить дружно / восток дело тонкое / тяжело в ученье легко в бою / велика россия а отступать некуда
кто к нам с мечом придёт от меча и погибнет / отче наш иже еси на небесех / да святится имя твоё
в начале было слово / христос воскресе воистину воскресе / эники беники ели вареники
каждый охотник желает знать где сидит фазан / мой пароль никто не угадает / я тебя люблю очень сильно
жили у бабуси два весёлых гуся / идёт бычок качается вздыхает на ходу
наша таня громко плачет уронила в речку мячик / уронили мишку на пол оторвали мишке лапу
муха муха цокотуха позолоченное брюхо / у меня зазвонил телефон кто говорит слон
"""
_OTHERS: Final = """
жыве беларусь жыве вечна / а хто там ідзе у агромністай такой грамадзе / людзьмі звацца
мой родны кут як ты мне мілы / магутны божа уладар сусветаў / мы беларусы мірныя людзі
не пакідайце ж мовы нашай беларускай каб не ўмёрлі / пагоня ў сэрцы / ты не спі мой родны край / муры рухнуць
верым можам пераможам / любіце беларусь / ще не вмерла україни і слава і воля / реве та стогне дніпр широкий
як умру то поховайте мене на могилі / борітеся поборете / садок вишневий коло хати хрущі над вишнями гудуть
чорнобривців насіяла мати / слава україні героям слава / jeszcze polska nie zginęła póki my żyjemy
litwo ojczyzno moja ty jesteś jak zdrowie / pan tadeusz czyli ostatni zajazd na litwie
gdzie kucharek sześć tam nie ma co jeść / w szczebrzeszynie chrząszcz brzmi w trzcinie
stół z powyłamywanymi nogami / co ma wisieć nie utonie / gość w dom bóg w dom
lepszy wróbel w garści niż gołąb na dachu / bez pracy nie ma kołaczy / za wolność naszą i waszą / bóg honor ojczyzna
wlazł kotek na płotek i mruga / sto lat sto lat niech żyje żyje nam
"""


@cache
def known_phrases() -> frozenset[str]:
    """They, and all parts of them of three words and more, as they are when only letters and digits count."""
    found: set[str] = set()
    for text in (_SHOWN, _ENGLISH, _RUSSIAN, _OTHERS):
        for phrase in text.replace("\n", " / ").split(" / "):
            words = _WORD.findall(folded(phrase))
            for begin in range(len(words)):
                for end in range(min(begin + _SHORTEST, len(words)), len(words) + 1):
                    joined = "".join(words[begin:end])
                    if len(joined) >= _LETTERS and (end - begin >= _SHORTEST or len(words) < _SHORTEST):
                        found.add(joined)
    return frozenset(found)


def bare(text: str) -> str:
    """Only its letters and digits, folded."""
    return "".join(_WORD.findall(folded(text)))
