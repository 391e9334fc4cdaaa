"""What holds for all tests: the same examples each time, as long as they may take; no pictures left; one terminal."""

import faulthandler
import os
import signal
import sys
import threading
import zlib

import pytest
from hypothesis import HealthCheck, settings

# No deadlines: how long an example takes says how busy the machine is.
settings.register_profile("fixed", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("fixed")


# Seconds after which a test is taken to wait without end: its process ends, and says where.
LONGEST = 1200


def pytest_configure(config):
    with config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        config.stderr_of_process = os.dup(2)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    faulthandler.dump_traceback_later(LONGEST, exit=True, file=item.config.stderr_of_process)
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()
        if pyplot := sys.modules.get("matplotlib.pyplot"):
            pyplot.close("all")


def pytest_addoption(parser):
    parser.addoption("--part", metavar="K/N", help="run part K of N of the tests, chosen by their names")


def pytest_collection_modifyitems(config, items):
    if part := config.getoption("--part"):
        k, n = map(int, part.split("/"))
        chosen, others = [], []
        for item in items:
            (chosen if zlib.crc32(item.nodeid.encode()) % n == k % n else others).append(item)
        config.hook.pytest_deselected(items=others)
        items[:] = chosen


# What is printed is for a terminal of the usual width and without colours, whatever this one is.
os.environ |= {"COLUMNS": "80", "LINES": "25"}
for name in ("FORCE_COLOR", "CLICOLOR_FORCE", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "JUPYTER_COLUMNS"):
    os.environ.pop(name, None)

# What runs in the background of a shell is told to ignore interrupts, and so are the processes that tests start.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN and threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)
