"""The reference of the library, out of its docstrings: docs/reference/library.md.

What a program may import is what a package lists in `__all__`. Of a class its own public members are shown, in the
order in which they stand in its source.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from types import ModuleType
from typing import Any, Final, ForwardRef, NewType, get_origin

from cellsync.core import errors
from cellsync.core.schema.schema import Schema

PACKAGES: Final = (
    "cellsync", "cellsync.casework", "cellsync.casework.importing", "cellsync.casework.exporting", "cellsync.testing",
)  # fmt: skip
HIDDEN: Final = frozenset(
    {"secrets", "write", "write_locked", "close", "keep_flags", "bind", "describe", "misfits", "item"}
)  # of use to other parts of cellsync
_ROOT: Final = (object, tuple, Exception, BaseException, int, str)


def reference() -> str:
    """The page, in Markdown."""
    parts = [
        "# Library", "",
        "Made from the program by `make reference`. Everything that is `async` runs on trio; an asyncio program lets",
        "it run as a guest (`examples/asyncio_guest.py`). [limits.md](limits.md) has the limits.", "",
    ]  # fmt: skip
    for package in PACKAGES:
        module = import_module(package)
        parts += [f"## {package}", "", *_text(module.__doc__), ""]
        for name in public(module):
            parts += list(_described(f"{package}.{name}", getattr(module, name)))
    parts += ["## cellsync.errors", "", *_text(errors.__doc__), ""]
    parts += ["| error | code | what | what helps |", "|---|---|---|---|"]
    parts += [f"| `{one.__name__}` | `{one.code}` | {_line(one.__doc__)} | {one.default_hint} |" for one in _errors()]
    return "\n".join(parts) + "\n"


def public(module: ModuleType) -> list[str]:
    """What a package offers, but for the module of errors, which has a part of its own."""
    names = list(getattr(module, "__all__", ()))
    return [name for name in sorted(names, key=str.lower) if not inspect.ismodule(getattr(module, name))]


def undescribed() -> list[str]:
    """What is offered and says nowhere what it is."""
    found = []
    for package in PACKAGES:
        module = import_module(package)
        for name in public(module):
            thing = getattr(module, name)
            if inspect.isclass(thing) or inspect.isfunction(thing):
                said = inspect.getdoc(thing) or ""
                found += [] if said and not said.startswith(f"{name}(") else [f"{package}.{name}"]
            if inspect.isclass(thing):
                found += [f"{package}.{name}.{inner}" for inner, one in members(thing) if not inspect.getdoc(one)]
    return found


def members(kind: type[Any]) -> Iterator[tuple[str, Any]]:
    """The public methods and properties that a class has, or that a class of ours gives it."""
    seen: set[str] = set()
    for one in kind.__mro__:
        if one is Schema and kind is not Schema:
            break  # what every case has stands there once
        if one in _ROOT or not one.__module__.startswith("cellsync"):
            continue
        hidden = frozenset[str]() if one.__module__.startswith("cellsync.testing") else HIDDEN
        for name, member in vars(one).items():
            plain = member.__func__ if isinstance(member, (classmethod, staticmethod)) else member
            is_ours = inspect.isfunction(plain) or isinstance(plain, property)
            if is_ours and not name.startswith("_") and name not in seen | hidden:
                seen.add(name)
                yield name, plain


def _errors() -> list[type[errors.CellsyncError]]:
    found = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.CellsyncError)]
    return sorted(found, key=lambda one: one.__name__)


def _described(name: str, thing: Any) -> Iterator[str]:
    yield f"### {name}"
    yield ""
    if inspect.isclass(thing):
        yield from _text(inspect.getdoc(thing) if vars(thing).get("__doc__") else "")
        yield ""
        if fields := _fields(thing):
            yield from ["```python", *fields, "```", ""]
        for inner, member in members(thing):
            head = _property(inner, member) if isinstance(member, property) else _head(inner, member)
            yield from ["```python", head, "```", "", *_text(inspect.getdoc(member)), ""]
    elif inspect.isfunction(thing):
        yield from ["```python", _head(name.rpartition(".")[2], thing), "```", "", *_text(inspect.getdoc(thing)), ""]
    elif isinstance(thing, NewType):
        yield from [f"`{thing.__supertype__.__name__}` of a kind of its own, for type checkers.", ""]
    elif get_origin(thing) is not None:
        yield from ["```python", f"{name.rpartition('.')[2]} = {inspect.formatannotation(thing)}", "```", ""]
    else:
        yield from [f"A `{type(thing).__name__}`.", ""]


def _fields(kind: type[Any]) -> list[str]:
    """Of a class whose fields are its arguments, or an enumeration."""
    if hasattr(kind, "__members__"):
        return [f"{name} = {member.value!r}" for name, member in kind.__members__.items()]
    declared = inspect.get_annotations(kind)
    if not (
        hasattr(kind, "_fields")
        or hasattr(kind, "__dataclass_fields__")
        or kind.__module__.startswith("cellsync.casework")
    ):
        return []
    return [f"{name}: {_written(hint)}" for name, hint in declared.items() if not name.startswith("_")]


def _head(name: str, function: Callable[..., Any]) -> str:
    """`async def name(…) -> …`, on several lines if it is long."""
    sign = inspect.signature(function)
    parts, star = [], False
    for parameter in sign.parameters.values():
        if parameter.name == "self" or parameter.name.startswith("_"):
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not star:
            parts.append("*")
        star = star or parameter.kind in (parameter.KEYWORD_ONLY, parameter.VAR_POSITIONAL)
        mark = "*" if parameter.kind is parameter.VAR_POSITIONAL else ""
        mark = "**" if parameter.kind is parameter.VAR_KEYWORD else mark
        hint = "" if parameter.annotation is parameter.empty else f": {_written(parameter.annotation)}"
        default = "" if parameter.default is parameter.empty else f" = {_value(parameter.default)}"
        parts.append(f"{mark}{parameter.name}{hint}{default}")
    inner = inspect.unwrap(function)
    kind = "async def" if inspect.iscoroutinefunction(inner) else "def"
    gives = "" if sign.return_annotation is sign.empty else f" -> {_written(sign.return_annotation)}"
    if inspect.isasyncgenfunction(inner):  # an asynchronous context manager
        kind, gives = "async with", gives.replace(" -> AsyncIterator[", " as ", 1).removesuffix("]")
    head = f"{kind} {name}({', '.join(parts)}){gives}"
    if len(head) > 100:
        head = f"{kind} {name}(\n    " + ",\n    ".join(parts) + f",\n){gives}"
    return head


def _property(name: str, member: property) -> str:
    return f"{name}: {_written(inspect.signature(member.fget).return_annotation)}" if member.fget else name


def _written(hint: Any) -> str:
    if isinstance(hint, ForwardRef):
        return hint.__forward_arg__
    return hint if isinstance(hint, str) else inspect.formatannotation(hint)


def _value(default: Any) -> str:
    """Without addresses in memory, which change with each run."""
    if inspect.isfunction(default):
        return default.__name__ if default.__name__ != "<lambda>" else "…"
    return "…" if re.search(r" at 0x|<", repr(default)) else repr(default)


def _text(doc: str | None) -> list[str]:
    """A docstring as Markdown: what is set in stays as it is."""
    found: list[str] = []
    inside = False
    for line in inspect.cleandoc(doc or "").splitlines():
        indented = line.startswith("    ")
        if line and indented != inside:
            while found and not found[-1]:
                found.pop()
            found += ["```", ""] if inside else ["", "```text"]
            inside = indented
        found.append(line[4:] if inside else line)
    while found and not found[-1]:
        found.pop()
    return [*found, "```"] if inside else found


def _line(doc: str | None) -> str:
    return (doc or "").strip().split("\n")[0]
