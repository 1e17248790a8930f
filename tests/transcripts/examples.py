"""Examples: texts in a document that represent text which differs on every run.

At the first occurrence of an example any words may appear, as many as it has; after that exactly the same words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_LEFT_OUT = r"(?:(?!error: |Traceback ).*\n)*?"  # any lines but those of a step that has failed


class NotSeenYet(Exception):
    """Something is to be typed that no program has shown so far."""


class Examples:
    def __init__(self, texts: Mapping[str, str]) -> None:
        self.values: dict[str, str] = {}  # name → what was really seen
        self._texts = texts
        self._names = {text: name for name, text in texts.items()}
        longest_first = sorted(texts.values(), key=len, reverse=True)
        examples = [rf"(?<!\w){re.escape(text)}(?!\w)" for text in longest_first]
        self._example = re.compile("|".join(examples) or "(?!)")
        self._mark = re.compile("|".join(["…", r" ?\^C", *examples]))

    def fill(self, text: str) -> str:
        """The text as it has to be typed. Raises NotSeenYet."""
        return self._example.sub(lambda found: self._value(self._names[found[0]]), text)

    def _value(self, name: str) -> str:
        if name not in self.values:
            raise NotSeenYet(f'no program has shown the {name} so far ("{self._texts[name]}" in the document)')
        return self.values[name]

    def learn(self, found: re.Match[str]) -> None:
        """Keep what a pattern has found."""
        self.values.update(found.groupdict())

    def pattern(self, lines: Iterable[str], rest: str | None = None) -> re.Pattern[str]:
        """These lines, each with its end; `rest` has none yet."""
        named: set[str] = set()  # a name can be given once in a pattern
        made = [_LEFT_OUT if line.strip() == "…" else self._line(line, named) + r"\n" for line in lines]
        if rest is not None:
            made.append(self._line(rest, named))
        return re.compile("".join(made))

    def _line(self, line: str, named: set[str]) -> str:
        line = line.expandtabs().rstrip()
        made, done = [], 0
        for found in self._mark.finditer(line):
            made += [re.escape(line[done : found.start()]), self._any(found[0], named)]
            done = found.end()
        return "".join([*made, re.escape(line[done:])])

    def _any(self, mark: str, named: set[str]) -> str:
        if mark == "…":
            return ".*?"
        if mark not in self._names:
            return r" ?(?:\^C)?"  # not shown where what is typed is not
        name = self._names[mark]
        if name in self.values:
            return re.escape(self.values[name])
        if name in named:
            return f"(?P={name})"
        named.add(name)
        words = " ".join([r"\S+"] * len(mark.split()))
        return f"(?P<{name}>{words})"
