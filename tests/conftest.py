"""What holds for all tests: hypothesis draws the same examples every time, and interrupts interrupt."""

import signal
import threading

from hypothesis import settings

settings.register_profile("fixed", derandomize=True)
settings.load_profile("fixed")

# What runs in the background of a shell is told to ignore interrupts, and so are the processes that tests start.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN and threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)
