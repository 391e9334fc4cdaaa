"""Version, commands, links and presets are consistent between the files that state them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pyrometer

ROOT = Path(__file__).parents[2]


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def test_one_version() -> None:
    stated = {
        "pyproject.toml": re.search(r'^version = "(.+)"', read("pyproject.toml"), re.MULTILINE),
        "CITATION.cff": re.search(r"^version: (.+)", read("CITATION.cff"), re.MULTILINE),
    }
    assert {name: match and match.group(1) for name, match in stated.items()} == dict.fromkeys(
        stated, pyrometer.__version__
    )
    assert pyrometer.__version__ in possible_versions(read("CHANGELOG.md"))


def possible_versions(changelog: str) -> list[str]:
    """Return the version of the first section, and after a release, until the next is prepared, that of the last."""
    sections = re.findall(r"^## (\S+) \((.+)\)$", changelog, re.MULTILINE)
    begun = sections[0][1] == "unreleased"
    return [version for version, date in sections[: 1 + begun] if date != "unreleased" or len(sections) == 1]


def test_a_version_may_be_begun_before_it_is_prepared() -> None:
    assert possible_versions("## 1.0.0 (unreleased)\n") == ["1.0.0"]
    assert possible_versions("## 1.0.0 (2026-01-01)\n") == ["1.0.0"]
    assert possible_versions("## 1.1.0 (unreleased)\n\n## 1.0.0 (2026-01-01)\n") == ["1.0.0"]
    assert possible_versions("## 1.1.0 (2026-02-01)\n\n## 1.0.0 (2026-01-01)\n") == ["1.1.0"]


def test_the_readme_gives_the_commands_that_ci_runs() -> None:
    commands = re.search(r"```\n(.+?)\n```", read("README.md"), re.DOTALL)
    assert commands is not None
    assert commands.group(1).splitlines() == ["pip install . && pyrometer tables", "pip install '.[test]' && pytest"]
    assert re.search(r"^\(pip install '\.\[test\]' && pytest\)$", read(".ci/run"), re.MULTILINE)


def test_links_within_the_tree_lead_somewhere() -> None:
    for path in ROOT.glob("*.md"):
        for target in re.findall(r"\]\(([^):#]+)[^):]*\)", path.read_text("utf-8")):
            assert (ROOT / target).exists(), f"{path.name} links to {target}"


def test_hooks_fetch_nothing() -> None:
    assert set(re.findall(r"^\s*- repo: (\S+)", read(".pre-commit-config.yaml"), re.MULTILINE)) == {"local"}


def test_presets_are_json() -> None:
    names = {preset["name"] for preset in json.loads(read("CMakePresets.json"))["configurePresets"]}
    assert {"default", "release", "sanitize", "tidy"} <= names


def test_workflows_call_what_exists_and_give_no_more_rights_than_they_must() -> None:
    sessions = set(re.findall(r"^@nox\.session.*(?:\n@.*)*\ndef (\w+)", read("noxfile.py"), re.MULTILINE))
    for path in sorted((ROOT / ".github" / "workflows").glob("*.yml")):
        text = path.read_text("utf-8")
        for named in re.findall(r"nox -s ([\w ]+)", text):
            assert set(named.split()) <= sessions, path.name
        for listed in re.findall(r"session: \[(.+)\]", text):
            assert set(re.findall(r"(?:^|[ \"])([a-z_]+)(?=[,(]|$)", listed)) <= sessions, path.name
        assert "\npermissions:\n  contents: read\n" in text, path.name
        assert set(re.findall(r"uses: (?!\./)([\w-]+)/", text)) <= {"actions", "github"}, path.name
        for patterns in re.findall(r"paths: \[(.+)\]", text):
            assert all(any(ROOT.glob(pattern)) for pattern in patterns.split(", ")), path.name
        for tool in re.findall(r"python (tools/\S+)", text):
            assert (ROOT / tool).is_file(), path.name
