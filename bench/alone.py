"""A command that finds no daemon, as a process of its own: it imports what such a command imports, and no more."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from time import process_time
from typing import Any

from bench import children
from cellsync.api.direct import DirectClient
from cellsync.api.profile import Profile


def ask(job: Mapping[str, Any]) -> None:
    with DirectClient(Profile(Path(job["folder"])), online=False) as client:
        client.call("unlock", passphrase=job["passphrase"])
        client.call(job["operation"], **job["given"])
    children.tell({"processor": process_time()})
