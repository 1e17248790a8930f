"""A document as steps: what is typed in which terminal, and the output expected there. README.md has the notation."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from tests.transcripts.markdown import Block, Declaration, Malformed, read

_COMMAND: Final = re.compile(r"([A-Za-z]\w*)?\$ +(.+)")
_GOES_ON: Final = re.compile(r"([A-Za-z]\w*)>(?: (.*))?")
_MORE: Final = re.compile(r">(?: (.*))?")  # what the shell asks in the middle of a command
_INTERRUPT: Final = "^C"  # as terminals show it
INTERRUPT: Final = "\x03"


class Question(NamedTuple):
    """A program waits behind `prompt`, and gets these keys."""

    prompt: str
    keys: str
    hidden: bool = False


class Line(NamedTuple):
    """What has to be seen; `…` is any text, a line that is only `…` any lines."""

    number: int
    text: str
    question: Question | None = None


@dataclass
class Step:
    """A command, or more of the output of the one that still runs there (then `command` is empty)."""

    number: int
    terminal: str
    command: list[str] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    goes_on: bool = False  # a later step shows more of its output


class Variable(NamedTuple):
    """Of the environment; of every terminal if there is no name."""

    terminal: str
    name: str
    value: str


class Transcript(NamedTuple):
    steps: list[Step]
    examples: dict[str, str]  # name → the text that stands for it
    environment: list[Variable]


class _Prompt(NamedTuple):
    """A prompt that was declared; `hidden` is what is typed behind it unseen."""

    terminal: str
    text: str
    hidden: str | None = None

    def question(self, line: str) -> Question | None:
        pattern = ".*?".join(map(re.escape, self.text.split("…")))
        found = re.fullmatch(rf"({pattern})(?: (.*))?", line)
        if found is None:
            return None
        behind = found[2] or ""
        if behind.startswith(_INTERRUPT):
            return Question(found[1], INTERRUPT)
        if self.hidden is not None:
            return Question(found[1], self.hidden + "\n", hidden=True)
        return Question(found[1], behind.strip() + "\n")


def parse(text: str) -> Transcript:
    """Raises Malformed."""
    parser = _Parser()
    for part in read(text):
        match part:
            case Block():
                parser.block(part)
            case Declaration():
                parser.declare(part)
    return Transcript(parser.finished(), parser.examples, parser.environment)


class _Parser:
    def __init__(self) -> None:
        self.examples: dict[str, str] = {}
        self.environment: list[Variable] = []
        self._prompts: list[_Prompt] = []
        self._steps: list[Step] = []

    def declare(self, said: Declaration) -> None:
        match said.keyword:
            case "example":
                if not said.name or not said.text:
                    raise Malformed(said.line, "write <!-- example NAME: TEXT -->")
                if said.text in self.examples.values() or said.name in self.examples:
                    raise Malformed(said.line, "this example stands above already")
                self.examples[said.name] = said.text
            case "environment":
                name, sign, value = said.text.partition("=")
                if not sign:
                    raise Malformed(said.line, "write <!-- environment: NAME=value -->")
                self.environment.append(Variable(said.name, name, value))
            case "asks":
                self._prompts.append(_Prompt(said.name, said.text))
            case _:
                prompt, sign, hidden = said.text.rpartition("=>")
                if not sign:
                    raise Malformed(said.line, "write <!-- hidden: PROMPT => what is typed -->")
                self._prompts.append(_Prompt(said.name, prompt.strip(), hidden.strip()))

    def block(self, block: Block) -> None:
        step: Step | None = None
        for number, text in enumerate(block.lines, block.line):
            if found := _COMMAND.fullmatch(text):
                step = self._begin(Step(number, found[1] or block.terminal, [found[2]]))
            elif (found := _GOES_ON.fullmatch(text)) and any(found[1] == step.terminal for step in self._steps):
                step = self._begin(Step(number, found[1]))
                if found[2]:
                    self._see(step, number, found[2])
            elif step is not None and step.command and not step.lines and (found := _MORE.fullmatch(text)):
                step.command.append(found[1] or "")
            else:
                step = step or self._begin(Step(number, block.terminal))
                self._see(step, number, text)

    def finished(self) -> list[Step]:
        last: dict[str, Step] = {}  # of each terminal
        for step in self._steps:
            if not step.command:
                if step.terminal not in last:
                    raise Malformed(step.number, "output, and no command before it")
                last[step.terminal].goes_on = True
            last[step.terminal] = step
        return self._steps

    def _begin(self, step: Step) -> Step:
        self._steps.append(step)
        return step

    def _see(self, step: Step, number: int, text: str) -> None:
        step.lines.append(Line(number, text, self._question(step.terminal, text)))

    def _question(self, terminal: str, text: str) -> Question | None:
        if text.startswith(_INTERRUPT):
            return Question("", INTERRUPT)
        if text.endswith(_INTERRUPT):
            return Question(text.removesuffix(_INTERRUPT), INTERRUPT)
        fitting = [
            question
            for prompt in reversed(self._prompts)  # of two that are as long, the later counts
            if prompt.terminal in ("", terminal) and (question := prompt.question(text))
        ]
        return max(fitting, key=lambda question: len(question.prompt), default=None)
