"""What a process may do while or after the core runs in parallel: Ctrl-C, fork, threads of Python, thread limits.

Each script runs in a process of its own, so that a hang or a crash fails the test and nothing else.
"""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from pyrometer import _core

PRELUDE = """
import os, signal, sys, threading, time
import numpy as np
import pyrometer as pm
from pyrometer import _core

def sample(samples, threads, features=20):
    eye = np.eye(features + 1)[None]
    scale = np.ones((1, features))
    return _core.sample_squares(
        1, np.zeros((1, features + 1)), eye, False, scale, features, 0.0, 0.0, 0, (1, 2), 0, samples, threads
    )
FOREVER = 10**12

# Wait until this process has worked for a while, by a clock that stands while others do.
def busy():
    begun = time.process_time()
    while time.process_time() < begun + 0.2: time.sleep(0.005)
"""


def run(script, timeout=300, **environment):
    """Run a script after the prelude; its standard output."""
    # scikit-learn, imported by other tests, tells LLVM's OpenMP (a core made by Clang) not to start anew in a child.
    inherited = {name: value for name, value in os.environ.items() if name != "KMP_INIT_AT_FORK"}
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", PRELUDE + textwrap.dedent(script)],
        env=inherited | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        # With its children: a hung one would hold the pipes open.
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        pytest.fail(f"no end after {timeout} s")
    assert process.returncode == 0, err
    return out.strip()


# A second of the processor that the calling thread has: while it waits for one, nobody can tell it to stop.
INTERRUPTED = """
    def spent(): return time.clock_gettime(time.pthread_getcpuclockid(threading.main_thread().ident))
    def interrupt():
        busy()
        interrupt.at = spent()
        os.kill(os.getpid(), signal.SIGINT)
    try:
        threading.Thread(target=interrupt).start()
        call()
    except KeyboardInterrupt:
        print("interrupted" if spent() - interrupt.at < 1 else "late")
    sample(10_000, 2)  # and the core still works
"""


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_ctrl_c_ends_a_long_call_within_a_second(threads):
    script = f"def call(): sample(FOREVER, {threads})\n" + textwrap.dedent(INTERRUPTED)
    assert run(script) == "interrupted"


def test_ctrl_c_ends_one_draw_under_many_laws_of_many_parameters():
    script = """
    def call():
        n = 2000
        _core.sample_squares(1, np.zeros((1, n + 1)), np.eye(n + 1)[None], False, np.ones((4000, n)), n, 0.0, 0.0, 0,
                             (1, 2), 0, 10_000, 2)
    """
    assert run(textwrap.dedent(script) + textwrap.dedent(INTERRUPTED)) == "interrupted"


def test_ctrl_c_ends_an_endless_scan():
    script = """
    import pyarrow as pa
    batch = pa.record_batch({"a": [1.0, 2.0] * 5000, "y": [0.0, 1.0] * 5000})
    def batches():
        while True: yield batch
    def call(): pm.Moments.scan(pa.RecordBatchReader.from_batches(batch.schema, batches()), target="y")
    """
    assert run(textwrap.dedent(script) + textwrap.dedent(INTERRUPTED)) == "interrupted"


def test_what_a_signal_handler_raises_comes_out():
    script = """
    class Enough(Exception): pass
    def handler(*_): raise Enough("of this")
    signal.signal(signal.SIGPROF, handler)
    signal.setitimer(signal.ITIMER_PROF, 0.3)
    try:
        sample(FOREVER, 2)
    except Enough as error:
        print(error)
    """
    assert run(script) == "of this"


def test_a_signal_handler_may_use_the_core():
    script = """
    def handler(*_):
        global inside
        inside = sample(20_000, 2)
        raise KeyboardInterrupt
    signal.signal(signal.SIGPROF, handler)
    signal.setitimer(signal.ITIMER_PROF, 0.3)
    try:
        sample(FOREVER, 2)
    except KeyboardInterrupt:
        print(np.array_equal(inside, sample(20_000, 1)))
    """
    assert run(script) == "True"


def test_a_call_on_another_thread_leaves_ctrl_c_to_the_main_one():
    script = """
    results, enough = [], threading.Event()
    def work():
        while not enough.is_set(): results.append(sample(300_000, 2))
    worker = threading.Thread(target=work)
    worker.start()
    while not results: time.sleep(0.001)
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)
    except KeyboardInterrupt:
        print("interrupted")
    seen = len(results)
    while worker.is_alive() and len(results) < seen + 2: time.sleep(0.001)
    enough.set()
    worker.join()
    print(len(results) >= seen + 2 and all(np.array_equal(result, sample(300_000, 1)) for result in results))
    """
    assert run(script).split() == ["interrupted", "True"]


def test_the_program_may_end_while_a_daemon_thread_is_in_the_core():
    script = """
    threading.Thread(target=sample, args=(FOREVER, 2), daemon=True).start()
    busy()
    print("done")
    """
    assert run(script) == "done"


def test_several_threads_of_python_at_once():
    script = """
    from concurrent.futures import ThreadPoolExecutor
    expected = sample(50_000, 1)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda threads: sample(50_000, threads), [1, 2, 3, 7] * 5))
    print(all(np.array_equal(result, expected) for result in results))
    """
    assert run(script) == "True"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("caller", ["main", "thread"])
def test_a_forked_child_computes_in_parallel_too(caller):
    script = """
    def parent_and_child():
        expected = sample(100_000, 2)
        for _ in range(5):
            child = os.fork()
            if child == 0:
                os._exit(0 if np.array_equal(sample(100_000, 2), expected) else 1)
            assert os.waitpid(child, 0)[1] == 0
            assert np.array_equal(sample(100_000, 2), expected)
        print("same")
    """
    call = (
        "parent_and_child()"
        if caller == "main"
        else "t = threading.Thread(target=parent_and_child); t.start(); t.join()"
    )
    assert run(textwrap.dedent(script) + call) == "same"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_while_another_thread_computes():
    script = """
    expected = sample(100_000, 2)
    threading.Thread(target=sample, args=(FOREVER, 2), daemon=True).start()
    busy()
    child = os.fork()
    if child == 0:
        os._exit(0 if np.array_equal(sample(100_000, 2), expected) else 1)
    assert os.waitpid(child, 0)[1] == 0
    print("same")
    """
    assert run(script) == "same"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_pool_of_forked_processes():
    script = """
    import multiprocessing
    expected = sample(100_000, 2)
    def work(threads): return sample(100_000, threads)
    with multiprocessing.get_context("fork").Pool(3) as pool:
        print(all(np.array_equal(result, expected) for result in pool.map(work, [1, 2, 3, 2, 7, 0])))
    """
    assert run(script) == "True"


@pytest.mark.skipif(_core.openmp == 0, reason="needs OpenMP")
def test_limits_on_threads_are_honoured():
    assert run("print(_core.max_threads())", OMP_NUM_THREADS="3") == "3"
    threadpoolctl = pytest.importorskip("threadpoolctl")
    sets = [3, 1]
    for limit in sets:
        with threadpoolctl.threadpool_limits(limit, user_api="openmp"):
            assert _core.max_threads() == limit


def test_the_core_leaves_the_limits_of_others_alone():
    script = """
    before = _core.max_threads()
    sample(100_000, 1); sample(100_000, 7)
    print(_core.max_threads() == before)
    """
    assert run(script) == "True"


def test_a_failure_inside_the_loop_is_an_exception_and_names_the_draw():
    script = """
    moments = np.zeros((1, 3)), np.eye(3)[None]
    messages = set()
    for threads in (1, 2, 3, 7) * 5:
        try:
            _core.sample_squares(
                1, *moments, False, np.full((1, 2), 3e153), 2, 0.0, 0.0, 0, (1, 2), 0, 200_000, threads
            )
        except ValueError as error:
            messages.add(str(error))
    print(len(messages), *messages)
    """
    output = run(script)
    assert output.startswith("1 the energy of draw ")
    assert output.endswith("use a smaller scale.")
