"""Copies: folders that some program copies to a server or to other machines."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from cellsync.doctor.finding import Finding, good, warning
from cellsync.doctor.mounts import MOVE
from cellsync.doctor.subject import Visit

CHECK: Final = "copied_folder"
PROGRAMS: Final = (  # the beginning of a folder's name, in lower case, and the program it belongs to
    ("dropbox", "Dropbox"),
    ("onedrive", "OneDrive"),
    ("google drive", "Google Drive"),
    ("googledrive", "Google Drive"),
    ("icloud", "iCloud"),
    ("mobile documents", "iCloud"),
    ("cloudstorage", "A cloud program"),
    ("nextcloud", "Nextcloud"),
    ("owncloud", "ownCloud"),
    ("yandex.disk", "Yandex.Disk"),
    ("yandexdisk", "Yandex.Disk"),
    ("mail.ru", "Mail.ru Cloud"),
    ("megasync", "MEGA"),
    ("pcloud", "pCloud"),
    ("seafile", "Seafile"),
    ("syncthing", "Syncthing"),
)
MARKS: Final = (
    (".dropbox", "Dropbox"),
    (".stfolder", "Syncthing"),
    (".sync", "Resilio Sync"),
)  # left in the top folder


def copied_folder(visit: Visit) -> list[Finding]:
    for folder in (visit.subject.profile, visit.subject.vault):
        for path in (folder, Path(os.path.realpath(folder))):
            program = _program(path)
            if program is not None:
                text = f"{program} copies the profile's folder: copies of a vault that are used twice fork."
                return [warning(CHECK, text, MOVE)]
    return [good(CHECK, "No cloud program seems to copy the profile's folder.")]


def _program(path: Path) -> str | None:
    for part in path.parts:
        for beginning, program in PROGRAMS:
            if part.casefold().startswith(beginning):
                return program
    for parent in path.parents:
        for mark, program in MARKS:
            if (parent / mark).exists():
                return program
    return None
