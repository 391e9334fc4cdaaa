"""A release, step by step; every step checks first, and with --dry-run says what it would change and changes nothing.

python tools/release.py prepare VERSION     the version in pyproject.toml and CITATION.cff, today's date in CHANGELOG.md
python tools/release.py tag                 a tag vVERSION on the commit that is checked out
python tools/release.py build FOLDER        the source distribution, twice with equal bytes, and this machine's wheel
python tools/release.py verify FOLDER       what is in FOLDER, before it is uploaded; --tag vVERSION, --all for every
                                            platform but Windows, which is experimental
"""

from __future__ import annotations

import argparse
import base64
import csv
import datetime as dt
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from email.parser import Parser
from pathlib import Path

ROOT = Path(__file__).parent.parent
# On Linux the levels share one library of bindings, and members are packed again; elsewhere each module has its own.
MOST_BYTES = {"linux": 3_000_000, "elsewhere": 5_000_000}
PYTHONS = ("cp310", "cp311", "cp312", "cp313", "cp314")
# Windows is experimental: no release waits for its wheels.
PLATFORMS = ("manylinux.*x86_64", "manylinux.*aarch64", "macosx.*arm64", "macosx.*x86_64")
_VERSION = re.compile(r"\d+\.\d+\.\d+")
_SECTION = re.compile(r"^## (\S+) \((.+)\)$", re.MULTILINE)
_DECLARED = {"pyproject.toml": r'(?m)^(version = ")([^"]+)(")$', "CITATION.cff": r"(?m)^(version: )(\S+)()$"}


class Refused(Exception):
    """What must hold before this step, and does not."""


def declared(root: Path) -> str:
    """Return the version of the tree, which its files must agree on."""
    versions = {}
    for name, pattern in _DECLARED.items():
        match = re.search(pattern, (root / name).read_text("utf-8"))
        if match is None:
            raise Refused(f"{name} must have a line with the version, got none.")
        versions[name] = match.group(2)
    if len(set(versions.values())) > 1:
        raise Refused(f"files must have one version, got {versions}; run prepare.")
    return versions["pyproject.toml"]


def newest_section(root: Path) -> tuple[str, str, str]:
    """Return version, date and text of the first section of the changelog."""
    text = (root / "CHANGELOG.md").read_text("utf-8")
    headings = list(_SECTION.finditer(text))
    if not headings:
        raise Refused("CHANGELOG.md must have a section '## VERSION (unreleased)', got none.")
    end = headings[1].start() if len(headings) > 1 else len(text)
    return headings[0].group(1), headings[0].group(2), text[headings[0].end() : end].strip()


def _numbers(version: str) -> tuple[int, ...]:
    if not _VERSION.fullmatch(version):
        raise Refused(f"a version must be three numbers with dots between, got {version!r}.")
    return tuple(map(int, version.split(".")))


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _committed(root: Path) -> None:
    if changed := _git(root, "status", "--porcelain"):
        raise Refused(f"all changes must be committed, got {changed.splitlines()}.")


def _untagged(root: Path, version: str) -> None:
    if _git(root, "tag", "--list", f"v{version}"):
        raise Refused(f"the tag v{version} must be new; a release is never made again: prepare the next version.")


def prepare(root: Path, version: str, *, dry_run: bool) -> list[str]:
    """Write the version and the date of today; return what was done."""
    if _numbers(version) < _numbers(declared(root)):
        raise Refused(f"the version must not be below {declared(root)}, got {version}.")
    section, date, text = newest_section(root)
    if (section, date) != (version, "unreleased") or not text:
        raise Refused(f"CHANGELOG.md must begin with '## {version} (unreleased)' and entries, got {section} ({date}).")
    _untagged(root, version)
    _committed(root)
    today = dt.datetime.now(dt.timezone.utc).date().isoformat()
    edits = {name: (pattern, rf"\g<1>{version}\g<3>") for name, pattern in _DECLARED.items()}
    edits["CHANGELOG.md"] = (rf"(?m)^## {re.escape(version)} \(unreleased\)$", f"## {version} ({today})")
    done = []
    for name, (pattern, replacement) in edits.items():
        before = (root / name).read_text("utf-8")
        after = re.sub(pattern, replacement, before, count=1)
        if not dry_run:
            (root / name).write_text(after, "utf-8", newline="\n")
        done.append(f"{name}: {version}{f', {today}' if name == 'CHANGELOG.md' else ''}")
    return [*done, "next: commit these files, have it reviewed and merged, then tag"]


def tag(root: Path, *, dry_run: bool) -> list[str]:
    """Tag the commit that is checked out; return what was done."""
    version = declared(root)
    section, date, _ = newest_section(root)
    if section != version or date == "unreleased":
        raise Refused(f"CHANGELOG.md must begin with '## {version} (DATE)', got {section} ({date}); run prepare.")
    _committed(root)
    _untagged(root, version)
    source = _project(root)["urls"]["Source"]
    remote = _git(root, "config", "--default", "", "--get", "remote.origin.url")
    if remote.removesuffix(".git").replace("git@github.com:", "https://github.com/") != source:
        raise Refused(f"the remote 'origin' must be Source of [project.urls], {source}, got {remote or 'none'}.")
    merged = _git(root, "branch", "--remotes", "--contains", "HEAD", "--format=%(refname:short)").split()
    if "origin/main" not in merged:
        raise Refused("the commit must be on origin/main, got one that is not; merge it, git pull, then tag.")
    if not dry_run:
        _git(root, "tag", "--annotate", f"v{version}", "--message", f"pyrometer {version}")
    return [f"tag v{version} on {_git(root, 'rev-parse', '--short', 'HEAD')}", f"next: git push origin v{version}"]


def _project(root: Path) -> dict[str, dict[str, str]]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    project: dict[str, dict[str, str]] = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    return project


def build(root: Path, folder: Path, *, dry_run: bool) -> list[str]:
    """Make the source distribution and the wheel of this machine; return what was done."""
    commands = [
        [sys.executable, str(root / "tools/check_sdist.py"), str(folder)],
        [str(root / "tools/check_wheel.sh"), str(folder)],
    ]
    _committed(root)
    for command in [] if dry_run else commands:
        subprocess.run(command, check=True, cwd=root)
    return [" ".join(command) for command in commands]


def verify(root: Path, folder: Path, *, tag: str | None, every: bool) -> list[str]:
    """Check the files that are to be uploaded; return their names and digests."""
    version = declared(root)
    if tag is not None and tag != f"v{version}":
        raise Refused(f"the tag must be v{version}, the version of the tree, got {tag}.")
    if tag is not None and newest_section(root)[:2] == (version, "unreleased"):
        raise Refused(f"CHANGELOG.md must give {version} a date, got (unreleased).")
    files = sorted(path for path in folder.iterdir() if path.is_file())
    strangers = [path.name for path in files if not path.name.startswith(f"pyrometer-{version}")]
    if strangers:
        raise Refused(f"{folder} must have files of pyrometer {version} only, got {strangers}.")
    wheels = [path for path in files if path.suffix == ".whl"]
    sources = [path for path in files if path.name == f"pyrometer-{version}.tar.gz"]
    if not wheels or len(sources) != 1 or len(files) != len(wheels) + 1:
        raise Refused(f"{folder} must have one .tar.gz, and wheels, got {[path.name for path in files]}.")
    problems = [*_of_source(root, sources[0])]
    for path in wheels:
        problems += [f"{path.name}: {problem}" for problem in _of_wheel(root, path, version)]
    if every:
        problems += _missing([path.name for path in wheels])
    if problems:
        raise Refused("\n".join(problems))
    return [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}" for path in files]


def _missing(names: Sequence[str]) -> Iterator[str]:
    for platform in PLATFORMS:
        for python in PYTHONS:
            if not any(re.search(f"-{python}-{python}-.*{platform}", name) for name in names):
                yield f"there must be a wheel of {python} for {platform.replace('.*', ' ')}, got none"


def _of_source(root: Path, path: Path) -> Iterator[str]:
    prefix = path.name.removesuffix(".tar.gz")
    with tarfile.open(path) as archive:
        names = set(archive.getnames())
    needed = ["PKG-INFO", "CMakeLists.txt", "README.md", "CHANGELOG.md", *(p.name for p in root.glob("LICENSE*"))]
    for name in needed:
        if f"{prefix}/{name}" not in names:
            yield f"{path.name} must have {name}"
    for name in names:
        if not name.startswith(f"{prefix}/") or ".." in name.split("/"):
            yield f"{path.name} must have files below {prefix} only, got {name}"


def _of_wheel(root: Path, path: Path, version: str) -> Iterator[str]:
    info = f"pyrometer-{version}.dist-info"
    most = MOST_BYTES["linux" if "linux" in path.name else "elsewhere"]
    if path.stat().st_size >= most:
        yield f"it must be smaller than {most} bytes, got {path.stat().st_size}"
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        yield from _record(archive, info)
        needed = [f"{info}/METADATA", f"{info}/sboms/pyrometer.cdx.json", "pyrometer/py.typed"]
        needed += [f"{info}/licenses/{licence.name}" for licence in root.glob("LICENSE*")]
        bundled = [name for name in names if ".libs/" in name or ".dylibs/" in name]
        if bundled:
            needed.append(f"{info}/sboms/auditwheel.cdx.json")
        yield from (f"it must have {name}" for name in needed if name not in names)
        if not any(name.startswith("pyrometer/_core_") for name in names):
            yield "it must have a compiled core"
        if foreign := [name for name in names if name.split("/")[0] not in ("pyrometer", info, "pyrometer.libs")]:
            yield f"it must install nothing beside the package, got {foreign}"
        if set(needed) <= set(names):
            metadata = Parser().parsestr(archive.read(f"{info}/METADATA").decode("utf-8"))
            yield from _agreement("METADATA", metadata["Version"], version)
            bill = json.loads(archive.read(f"{info}/sboms/pyrometer.cdx.json"))
            yield from _agreement("pyrometer.cdx.json", bill["metadata"]["component"]["version"], version)
            libraries = json.dumps(json.loads(archive.read(needed[-1]))) if bundled else ""
            for name in bundled:
                library = re.sub(r"[-.].*", "", name.split("/")[-1])
                if library not in libraries:
                    yield f"the bill of what it bundles must name {name}, and LICENSE files its licence"


def _agreement(name: str, given: str | None, version: str) -> Iterator[str]:
    if given != version:
        yield f"{name} must have version {version}, got {given}"


def _record(archive: zipfile.ZipFile, info: str) -> Iterator[str]:
    """Compare every member with its digest in RECORD."""
    names = [name for name in archive.namelist() if not name.endswith("/")]
    if len(set(names)) != len(names) or f"{info}/RECORD" not in names:
        yield "it must have each member once, and RECORD"
        return
    rows = csv.reader(archive.read(f"{info}/RECORD").decode("utf-8").splitlines())
    digests = {row[0]: row[1] for row in rows}
    for name in names:
        digest = base64.urlsafe_b64encode(hashlib.sha256(archive.read(name)).digest()).rstrip(b"=").decode("ascii")
        if name != f"{info}/RECORD" and digests.get(name) != f"sha256={digest}":
            yield f"RECORD must have the digest of {name}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one step; 1 if something does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    steps = parser.add_subparsers(dest="step", required=True)
    for name, argument in (("prepare", "version"), ("tag", None), ("build", "folder"), ("verify", "folder")):
        parts = steps.add_parser(name)
        if argument is not None:
            parts.add_argument(argument, type=Path if argument == "folder" else str)
        if name != "verify":
            parts.add_argument("--dry-run", action="store_true", help="say what would be done, and change nothing")
    steps.choices["verify"].add_argument("--tag", help="the tag of the release, which must be that of the version")
    complete = "a wheel for every Python of every platform but Windows, which is experimental"
    steps.choices["verify"].add_argument("--all", action="store_true", dest="every", help=complete)
    given = vars(parser.parse_args(arguments))
    root, name = given.pop("root"), given.pop("step")
    steps_of: dict[str, Callable[..., list[str]]] = {"prepare": prepare, "tag": tag, "build": build, "verify": verify}
    try:
        print("\n".join(steps_of[name](root, **given)))
    except Refused as reason:
        print(f"release.py: {reason}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
