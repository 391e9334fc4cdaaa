"""Sizes of files, forbidden words, and the hosts that links may lead to."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from house import rules
from house.report import Problem

_LINK = re.compile(r"https?://([\w.-]+)")
_TEXT = {".md", ".toml", ".cff", ".yaml", ".yml", ".json", ".cfg", ".ini", ".csv", ".dat", ""} | rules.CODE_SUFFIXES


def tracked(root: Path) -> list[Path]:
    """Return the files that git tracks or would add; all files if there is no repository."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    if (root / ".git").exists():
        names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
        paths = [root / name for name in names if name]
    else:
        paths = list(root.rglob("*"))
    return sorted(path for path in paths if path.is_file())


def check(root: Path) -> Iterator[Problem]:
    """Check every text file of the tree."""
    for path in tracked(root):
        if path.suffix not in _TEXT:
            continue
        name = path.relative_to(root).as_posix()
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            yield Problem(name, 1, "text", "text must be UTF-8; re-encode the file, or give data a binary suffix")
            continue
        yield from _size(name, path.suffix, len(text.splitlines()))
        for number, rule, message in _words(text):
            yield Problem(name, number, rule, message)


def _size(name: str, suffix: str, lines: int) -> Iterator[Problem]:
    if suffix not in rules.CODE_SUFFIXES or lines <= rules.QUESTION_LINES:
        return
    most = rules.MOST_LINES
    page = rules.QUESTION_LINES
    message = f"a file should have at most {page} lines, and must have at most {most}, got {lines}; split it"
    yield Problem(name, 1, "size", message, warning=lines <= most)


@cache
def _words(text: str) -> list[tuple[int, str, str]]:
    """Return line, rule and message of what a text must not have; each content is read once."""
    return [(number, *problem) for number, line in enumerate(text.splitlines(), 1) for problem in _line(line)]


def _line(line: str) -> Iterator[tuple[str, str]]:
    for what, pattern in rules.FORBIDDEN.items():
        if match := pattern.search(line):
            yield "words", f"{what} must not be in the tree, got {match.group()!r}; remove it"
    for match in _LINK.finditer(line):
        if match.group(1).lower() not in rules.HOSTS:
            advice = "add it to HOSTS in tools/house/rules.py if readers need it"
            yield "links", f"links must lead to a known host, got {match.group()}; {advice}"
