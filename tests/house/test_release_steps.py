"""`tools/release.py`: each step on a small tree of its own, and everything that must stop it."""

import base64
import hashlib
import io
import json
import subprocess
import tarfile
import zipfile

import pytest
import release

SOURCE = "https://github.com/someone/pyrometer"
INFO = "pyrometer-1.2.0.dist-info"


def git(root, *arguments):
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    subprocess.run(["git", "-C", str(root), *identity, *arguments], check=True, capture_output=True)


def merge(root):
    """As after a merge and a pull: the commit is on the main branch of the remote."""
    git(root, "update-ref", "refs/remotes/origin/main", "HEAD")


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "tree"
    root.mkdir()
    (root / "pyproject.toml").write_text(f'[project]\nversion = "1.1.0"\nurls = {{ Source = "{SOURCE}" }}\n')
    (root / "CITATION.cff").write_text("cff-version: 1.2.0\nversion: 1.1.0\n")
    (root / "CHANGELOG.md").write_text(
        "# Changelog\n\n## 1.2.0 (unreleased)\n\n- News.\n\n## 1.1.0 (2026-01-01)\n\n- Old.\n"
    )
    (root / "LICENSE").write_text("Free.")
    git(root, "init", "-q")
    git(root, "remote", "add", "origin", "git@github.com:someone/pyrometer.git")
    git(root, "add", ".")
    git(root, "commit", "-qm", "first")
    return root


@pytest.fixture
def run(capsys):
    def run(root, *arguments):
        code = release.main(["--root", str(root), *map(str, arguments)])
        done = capsys.readouterr()
        assert (code == 0) == (not done.err)
        return done.out if code == 0 else done.err

    return run


def contents(root):
    return {path.name: path.read_text() for path in root.iterdir() if path.is_file()}


def test_a_release_from_its_version_to_its_tag(run, tree):
    before = contents(tree)
    assert "CHANGELOG.md: 1.2.0" in run(tree, "prepare", "1.2.0", "--dry-run")
    assert contents(tree) == before
    run(tree, "prepare", "1.2.0")
    after = contents(tree)
    assert 'version = "1.2.0"' in after["pyproject.toml"]
    assert "\nversion: 1.2.0\n" in after["CITATION.cff"]
    assert after["CITATION.cff"].startswith("cff-version: 1.2.0\n")
    assert "## 1.2.0 (20" in after["CHANGELOG.md"]
    assert "## 1.1.0 (2026-01-01)" in after["CHANGELOG.md"]
    assert "must be committed" in run(tree, "tag")
    assert "must be committed" in run(tree, "build", "dist")
    git(tree, "commit", "-qam", "1.2.0")
    assert "must be on origin/main" in run(tree, "tag")
    merge(tree)
    tags = ["git", "-C", str(tree), "tag"]
    assert "tag v1.2.0" in run(tree, "tag", "--dry-run")
    assert subprocess.run(tags, capture_output=True, text=True).stdout == ""
    git(tree, "config", "user.name", "A")
    git(tree, "config", "user.email", "a@example.org")
    assert "push origin v1.2.0" in run(tree, "tag")
    assert subprocess.run(tags, capture_output=True, text=True).stdout == "v1.2.0\n"
    assert "must be new" in run(tree, "tag")
    assert "check_sdist.py" in run(tree, "build", "dist", "--dry-run")


@pytest.mark.parametrize(
    ("change", "step", "message"),
    [
        ({}, ("prepare", "1.0.9"), "must not be below 1.1.0"),
        ({}, ("prepare", "1.3.0"), r"must begin with '## 1.3.0 (unreleased)'"),
        ({}, ("prepare", "v1.2"), "three numbers"),
        ({"CITATION.cff": "version: 1.0.0\n"}, ("prepare", "1.2.0"), "must have one version"),
        ({"CITATION.cff": "title: x\n"}, ("prepare", "1.2.0"), "must have a line with the version"),
        ({"CHANGELOG.md": "## 1.2.0 (unreleased)\n\n## 1.1.0 (x)\n"}, ("prepare", "1.2.0"), "and entries"),
        ({"CHANGELOG.md": "News\n"}, ("prepare", "1.2.0"), "must have a section"),
        ({}, ("tag",), r"must begin with '## 1.1.0 (DATE)'"),
    ],
)
def test_what_stops_a_release(run, tree, change, step, message):
    for name, text in change.items():
        (tree / name).write_text(text)
    before = contents(tree)
    assert message in run(tree, *step)
    assert contents(tree) == before


def test_a_version_is_prepared_once_and_in_a_clean_tree(run, tree):
    (tree / "notes.txt").write_text("mine")
    before = contents(tree)
    assert "must be committed, got ['?? notes.txt']" in run(tree, "prepare", "1.2.0")
    (tree / "notes.txt").unlink()
    git(tree, "tag", "v1.2.0")
    assert "tag v1.2.0 must be new" in run(tree, "prepare", "1.2.0")
    assert contents(tree) == {name: text for name, text in before.items() if name != "notes.txt"}


def test_a_tag_belongs_into_the_repository_that_the_metadata_name(run, tree):
    run(tree, "prepare", "1.2.0")
    git(tree, "commit", "-qam", "1.2.0")
    git(tree, "remote", "set-url", "origin", "https://github.com/other/pyrometer")
    assert SOURCE in run(tree, "tag")
    git(tree, "remote", "remove", "origin")
    assert "got none" in run(tree, "tag")


def wheel(folder, *, python="cp312", platform="manylinux_2_28_x86_64", version="1.2.0", drop=(), change=(), extra=()):
    members = {
        "pyrometer/": b"",
        "pyrometer/py.typed": b"",
        f"pyrometer/_core_v3.{python}.so": b"core",
        "pyrometer.libs/libgomp-a34b.so.1": b"runtime",
        f"{INFO}/METADATA": f"Name: pyrometer\nVersion: {version}\n".encode(),
        f"{INFO}/licenses/LICENSE": b"Free.",
        f"{INFO}/sboms/pyrometer.cdx.json": json.dumps({"metadata": {"component": {"version": version}}}).encode(),
        f"{INFO}/sboms/auditwheel.cdx.json": json.dumps({"components": [{"name": "libgomp"}]}).encode(),
        **dict(extra),
    }
    members = {name: data for name, data in members.items() if name not in drop}
    rows = []
    for name, data in members.items():
        if name.endswith("/"):
            continue
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows.append(f"{name},sha256={digest},{len(data)}")
    members |= dict(change)
    path = folder / f"pyrometer-1.2.0-{python}-{python}-{platform}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
        archive.writestr(f"{INFO}/RECORD", "\n".join([*rows, f"{INFO}/RECORD,,"]))


def source(folder, *, drop=(), extra=()):
    names = ["PKG-INFO", "CMakeLists.txt", "README.md", "CHANGELOG.md", "LICENSE"]
    with tarfile.open(folder / "pyrometer-1.2.0.tar.gz", "w:gz") as archive:
        for name in [*(f"pyrometer-1.2.0/{name}" for name in names if name not in drop), *extra]:
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())


@pytest.fixture
def released(run, tree):
    run(tree, "prepare", "1.2.0")
    folder = tree.parent / "dist"
    folder.mkdir()
    return tree, folder


def test_what_is_uploaded_is_verified(run, released):
    tree, folder = released
    source(folder)
    wheel(folder)
    lines = run(tree, "verify", folder, "--tag", "v1.2.0").splitlines()
    assert [line.split("  ")[1] for line in lines] == sorted(path.name for path in folder.iterdir())
    for line in lines:
        digest, name = line.split("  ")
        assert digest == hashlib.sha256((folder / name).read_bytes()).hexdigest()
    assert "must be v1.2.0" in run(tree, "verify", folder, "--tag", "v1.2.1")
    assert run(tree, "verify", folder, "--all").count("there must be a wheel") == 19
    for python in ("cp310", "cp311", "cp312", "cp313", "cp314"):
        for platform in ("manylinux_2_28_x86_64", "manylinux_2_28_aarch64", "win_amd64"):
            wheel(folder, python=python, platform=platform)
        for machine in ("11_0_arm64", "11_0_x86_64"):
            wheel(folder, python=python, platform=f"macosx_{machine}")
    assert len(run(tree, "verify", folder, "--all").splitlines()) == 26


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"drop": [f"{INFO}/licenses/LICENSE"]}, "must have pyrometer-1.2.0.dist-info/licenses/LICENSE"),
        ({"drop": [f"{INFO}/sboms/pyrometer.cdx.json"]}, "sboms/pyrometer.cdx.json"),
        ({"drop": [f"{INFO}/sboms/auditwheel.cdx.json"]}, "sboms/auditwheel.cdx.json"),
        ({"drop": ["pyrometer/_core_v3.cp312.so"]}, "must have a compiled core"),
        ({"version": "1.1.0"}, "must have version 1.2.0, got 1.1.0"),
        ({"change": [("pyrometer/py.typed", b"x")]}, "must have the digest of pyrometer/py.typed"),
        ({"change": [("pyrometer/new.py", b"x")]}, "must have the digest of pyrometer/new.py"),
        ({"extra": [("other/x.py", b"")]}, "nothing beside the package, got ['other/x.py']"),
        ({"extra": [("pyrometer.libs/libfoo-1.so", b"")]}, "must name pyrometer.libs/libfoo-1.so"),
        ({"extra": [("pyrometer/big", bytes(3_000_000))]}, "smaller than 3000000 bytes"),
        (
            {"extra": [("pyrometer/big", bytes(5_000_000))], "platform": "macosx_11_0_x86_64"},
            "smaller than 5000000 bytes",
        ),
    ],
)
def test_wheels_that_must_not_be_uploaded(run, released, options, message):
    tree, folder = released
    source(folder)
    wheel(folder, **options)
    assert message in run(tree, "verify", folder)


def test_folders_that_must_not_be_uploaded(run, released):
    tree, folder = released
    assert "must have one .tar.gz" in run(tree, "verify", folder)
    source(folder, drop=["LICENSE"], extra=["elsewhere"])
    assert "and wheels, got" in run(tree, "verify", folder)
    wheel(folder)
    problems = run(tree, "verify", folder)
    assert "must have LICENSE" in problems
    assert "got elsewhere" in problems
    (folder / "notes.txt").write_text("")
    assert "of pyrometer 1.2.0 only, got ['notes.txt']" in run(tree, "verify", folder)
