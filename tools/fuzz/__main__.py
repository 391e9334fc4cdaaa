"""Fuzz every public function: `python tools/fuzz --minutes 60`; `--seed S --case NAME` repeats one call.

Each worker is a process that makes one call after another. If it crashes or hangs, the call is printed and a new worker
continues with the next one. A call may return, warn, or raise ValueError or TypeError; anything else is printed.
"""

from __future__ import annotations

import argparse
import queue
import subprocess
import sys
import threading
import time
import traceback
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

PATIENCE = 120.0  # seconds that one call may take


def call(name: str, seed: int) -> str:
    """Make one call and return what is wrong with it, or nothing."""
    import numpy as np

    from fuzz.cases import CASES
    from fuzz.checks import problems

    r = np.random.default_rng([seed, list(CASES).index(name)])
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            answer = CASES[name](r)
    except (ValueError, TypeError):
        caught, faults = [], []
        text = traceback.format_exc()  # pyrometer must raise it itself, not a library that it calls
        if "pyrometer" not in text.rsplit('File "', 1)[1].splitlines()[0]:
            faults = ["raised outside pyrometer: " + text]
    except Exception:
        return traceback.format_exc()
    else:
        ours = [w for w in caught if type(w.message).__module__.startswith("pyrometer")]
        faults = [
            f"leaked {w.category.__name__}: {w.message} ({w.filename}:{w.lineno})" for w in caught if w not in ours
        ]
        faults += problems(answer, bool(ours))
    return "\n".join(faults)


def work(first: int, step: int, calls: int) -> None:
    """Call each function in turn; print each call before it is made, and what is wrong with its result."""
    from fuzz.cases import CASES

    for seed in range(first, first + calls * step, step):
        for name in CASES:
            print("@", name, seed, flush=True)
            faults = call(name, seed)
            if faults:
                print(f"WRONG {name} --seed {seed}: {faults}", flush=True)


def watch(first: int, step: int, until: float) -> int:
    """Keep one worker running until the time `until`; return the number of calls that went wrong."""
    wrong, seed, calls = 0, first, 0
    while time.monotonic() < until:
        command = [sys.executable, __file__, "--work", str(seed), "--step", str(step)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as child:
            lines: queue.Queue[str | None] = queue.Queue()
            threading.Thread(target=_pump, args=(child, lines), daemon=True).start()
            last = "nothing yet"
            while True:
                try:
                    line = lines.get(timeout=PATIENCE if time.monotonic() < until else 0.01)
                except queue.Empty:
                    if time.monotonic() < until:
                        print("HANGS", last, flush=True)
                        wrong += 1
                    child.kill()
                    break
                if line is None:
                    print("DIES", last, child.wait(), flush=True)
                    wrong += 1
                    break
                if line.startswith("@ "):
                    last, calls = line[2:].strip(), calls + 1
                    if time.monotonic() >= until:
                        child.kill()
                        break
                else:
                    wrong += line.startswith("WRONG")
                    print(line.rstrip(), flush=True)
            seed = (int(last.split()[1]) if " " in last and last.split()[1].isdigit() else seed) + step
    print(f"{calls} calls, {wrong} wrong", flush=True)
    return wrong


def _pump(child: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
    assert child.stdout is not None
    for line in child.stdout:
        lines.put(line)
    lines.put(None)


def main() -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--case")
    parser.add_argument("--work", type=int)
    parser.add_argument("--step", type=int, default=1)
    parser.add_argument("--calls", type=int, default=10**9)
    options = parser.parse_args()
    if options.work is not None:
        work(options.work, options.step, options.calls)
        return 0
    if options.case is not None:
        faults = call(options.case, options.seed)
        print(faults or "nothing wrong")
        return bool(faults)
    until = time.monotonic() + 60.0 * options.minutes
    results: list[int] = []
    threads = [
        threading.Thread(
            target=lambda k=k: results.append(watch(options.seed + k, options.workers, until))  # type: ignore[misc]
        )
        for k in range(options.workers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return int(any(results))


if __name__ == "__main__":
    sys.exit(main())
