"""Two sweeps with one output: the second is told which process has it, and a killed process leaves no lock behind."""

import contextlib
import errno
import fcntl
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from pyrometer.cli._lock import FileLock, FolderLock, is_alive

from .answers import PROGRAM, one_line

monitor_command = importlib.import_module("pyrometer.cli.monitor")
CONFIG = """
output = "out.json"
samples = {samples}
method = "monte-carlo"
systems.net = {{data = "rows.csv", target = "price", hidden = [64, 64]}}
laws.some = {{kind = "LecunNormal", gain = [1.0, 2.0, 3.0]}}
"""


@pytest.fixture
def folder(file):
    return file.parent


def write(folder, samples, name="sweep.toml"):
    (folder / name).write_text(CONFIG.format(samples=samples))
    return folder / name


@contextlib.contextmanager
def running(config):
    """A sweep in a process of its own, which is computing; it is killed at the end."""
    process = subprocess.Popen([*PROGRAM, "sweep", config], stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        mark = config.parent / "out.json.parts" / "sweep.json"
        while not mark.exists():
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.01)
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()


def test_the_second_run_names_the_first_which_may_be_killed(run, folder):
    config = write(folder, 2_000_000)
    with running(config) as process:
        line = one_line(run("sweep", config))
        assert f"another run (process {process.pid}) is writing {folder / 'out.json'}; wait until it has ended" in line
        other = write(folder, 100, "other.toml")
        assert f"another run (process {process.pid})" in one_line(run("sweep", other))  # not: remove the folder
        assert process.poll() is None
    assert (folder / "out.json.parts" / "sweep.json").exists()
    # What was killed holds nothing: the same sweep goes on, here one of few draws in its place.
    mark = folder / "out.json.parts" / "sweep.json"
    assert json.loads(mark.read_text())["process"] == process.pid
    assert "must hold parts of this sweep, got those of another" in one_line(run("sweep", other))
    mark.unlink()
    assert run("sweep", other).exit_code == 0
    assert len(json.loads((folder / "out.json").read_text())["rows"]) == 3
    assert not (folder / "out.json.parts").exists()


def test_several_at_once_end_with_one_result(folder):
    config = write(folder, 200)
    runs = [subprocess.Popen([*PROGRAM, "sweep", config], stderr=subprocess.PIPE, text=True) for _ in range(4)]
    ends = [(one.communicate()[1], one.returncode) for one in runs]
    assert 0 in [code for _, code in ends]
    assert all(code == 0 or "another run" in said for said, code in ends)
    assert len(json.loads((folder / "out.json").read_text())["rows"]) == 3
    assert not (folder / "out.json.parts").exists()


def test_a_run_that_ends_in_any_way_gives_the_lock_back(run, folder):
    config = write(folder, 100)
    (folder / "out.json.parts").mkdir()
    (folder / "out.json.parts" / "mine.txt").write_text("x")
    for _ in range(2):
        assert "was not made by a sweep" in one_line(run("sweep", config))
    (folder / "out.json.parts" / "mine.txt").unlink()
    for _ in range(2):
        assert run("sweep", config).exit_code == 0


def test_the_lock_of_a_folder(tmp_path):
    path = str(tmp_path / "folder")
    first = FolderLock(path)
    assert first.acquired is True
    assert FolderLock(path).acquired is False
    os.rmdir(path)  # as the holder does at its end
    second = FolderLock(path)
    assert second.acquired is True
    first.release()
    assert FolderLock(path).acquired is False
    second.release()
    third = FolderLock(path)
    assert third.acquired is True
    third.release()


def test_without_locks_of_the_file_system_the_process_is_asked_for(run, folder, monkeypatch):
    def none(*_):
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(fcntl, "flock", none)
    config, parts = write(folder, 100), folder / "out.json.parts"
    assert run("sweep", config).exit_code == 0
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    for process, alive in ((os.getppid(), True), (int(gone.stdout), False), (0, False), ("x", False), (2**80, False)):
        parts.mkdir(exist_ok=True)
        (parts / "sweep.json").write_text(json.dumps({"format": "pyrometer-sweep", "key": "x", "process": process}))
        line = one_line(run("sweep", config))
        assert (f"another run (process {process}) is writing" in line) is alive
        assert ("must hold parts of this sweep" in line) is not alive
    assert not is_alive(os.getpid())
    assert not is_alive(-1)


@pytest.mark.parametrize("how", ["held", "replaced", "made"])
def test_two_monitors_with_one_state_lose_no_batch(run, folder, monkeypatch, how):
    """Each would replace the state that the other has written, and with it the other's batches."""
    state, other = folder / "m.state", folder / "other.state"
    for day in range(3):
        shutil.copy(folder / "rows.csv", folder / f"{day}.csv")

    def days(*numbers, to=state):
        batches = [folder / f"{number}.csv" for number in numbers]
        return run("monitor", folder / "rows.csv", *batches, "--target", "price", "--state", to)

    if how != "made":
        assert days(0).exit_code == 0
    assert days(0, 1, to=other).exit_code == 0
    if how == "held":
        lock = FileLock(state)
        assert (lock.acquired, lock.unchanged()) == (True, True)
        assert f"another run has {state}" in one_line(days(2))
        lock.release()
    else:
        about = monitor_command._about
        monkeypatch.setattr(monitor_command, "_about", lambda event: (os.replace(other, state), about(event))[1])
        refused = days(2)
        assert (refused.exit_code, f"another run has {state}" in refused.stderr) == (2, True)
        monkeypatch.undo()
        assert days(0, 1).stderr.count("left out") == 2
    assert days(2).exit_code == 0
    assert "2.csv is among" in days(2).stderr
