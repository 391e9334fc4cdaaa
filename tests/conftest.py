"""One choice for all tests: hypothesis draws the same examples every time, so that a failure comes back."""

from hypothesis import settings

settings.register_profile("fixed", derandomize=True)
settings.load_profile("fixed")
