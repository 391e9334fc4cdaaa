"""Make the source distribution twice, from two copies of the tree made at other times: its bytes must be the same.

python tools/check_sdist.py [FOLDER]        the archive stays in FOLDER; needs the package build
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from house.files import tracked

ROOT = Path(__file__).parent.parent


def copy(root: Path, target: Path, *, moment: int, mask: int) -> None:
    """Copy what git keeps, as a checkout at this moment with this umask would lay it out."""
    for path in tracked(root):
        made = target / path.relative_to(root)
        made.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, made)
        made.chmod((0o777 if os.access(path, os.X_OK) else 0o666) & ~mask)
        os.utime(made, (moment, moment))


def build(tree: Path) -> Path:
    """Return the archive of a tree."""
    command = [sys.executable, "-m", "build", "--sdist", "--outdir", str(tree / "dist"), str(tree)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return next((tree / "dist").glob("*.tar.gz"))


def main() -> int:
    """Compare the archives; 1 if they differ."""
    with tempfile.TemporaryDirectory() as scratch:
        trees = [Path(scratch, "one"), Path(scratch, "another", "place")]
        for tree, moment, mask in zip(trees, (1_000_000_000, 1_700_000_000), (0o022, 0o077), strict=True):
            copy(ROOT, tree, moment=moment, mask=mask)
        first, second = (build(tree) for tree in trees)
        if first.read_bytes() != second.read_bytes():
            print("Two source distributions of one tree must have the same bytes, and differ.", file=sys.stderr)
            return 1
        print(f"{first.name}: {first.stat().st_size} bytes, the same twice")
        if len(sys.argv) > 1:
            Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(first, Path(sys.argv[1], first.name))
    return 0


if __name__ == "__main__":
    sys.exit(main())
