#!/usr/bin/env python3
"""Check in a browser that search of the built documentation finds what people look for: `check_search.py BUILD`."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

# Pages that must be among the first results.
WANTED = {
    "temperature": ("pyrometer.temperature",),
    "heat_engine": ("pyrometer.heat_engine",),
    "shift": ("pyrometer.shift", "tutorials/shift"),
}
FIRST = 20
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--virtual-time-budget=10000",
    "--dump-dom",
    "--allow-file-access-from-files",
)


def results_of(browser: str, address: str) -> list[str]:
    """Return the addresses of the results of a search, best first."""
    run = subprocess.run([browser, *OPTIONS, address], capture_output=True, text=True, timeout=120, check=True)
    results = re.search(r'<ul[^>]*class="search".*?</ul>', run.stdout, re.DOTALL)
    return re.findall(r'href="([^"]+)"', results[0]) if results else []


def main(build: Path) -> int:
    """Search for each word, and return how many were not found."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        print("!!!! SKIPPED: search of the documentation needs the browser chromium", file=sys.stderr)
        return 0
    failed = 0
    for word, pages in WANTED.items():
        results = results_of(browser, f"{(build / 'search.html').resolve().as_uri()}?q={word}")[:FIRST]
        for page in pages:
            if not any(page in result for result in results):
                failed += 1
                print(f"search for {word!r} does not find {page}, but {results}", file=sys.stderr)
    return failed


if __name__ == "__main__":
    sys.exit(bool(main(Path(sys.argv[1]))))
