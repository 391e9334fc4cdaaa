"""The first number that must not be there: every place, every kind, any number of threads."""

import numpy as np
import pytest

from pyrometer import _core


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_found_wherever_it_is(dtype, bad):
    for size in (1, 7, 600):
        for place in {0, 1, 255, 256, 300, size - 1} & set(range(size)):
            x = np.full(size, np.finfo(dtype).max)
            x = x.astype(dtype) * (-1) ** np.arange(size)
            x = x.astype(dtype)
            assert _core.first_bad(x, "finite", 1) == -1
            x[place] = bad
            assert _core.first_bad(x, "finite", 1) == place


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0, 2.0, 0.5, 5e-324, -5e-324, 1 + 2.0**-52, 1 - 2.0**-53])
def test_what_is_no_label_is_found(bad):
    for place in (0, 255, 300, 599):
        x = (np.arange(600) % 3 == 0).astype(float)
        x[1] = -0.0
        assert _core.first_bad(x, "label", 1) == -1
        x[place] = bad
        assert _core.first_bad(x, "label", 1) == place


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_first_of_many_is_the_same_for_any_number_of_threads(threads):
    x = np.zeros((3, 100_000))
    x[1, 77_777:] = np.nan
    x[0, 99_999] = 2.0
    assert _core.first_bad(x, "finite", threads) == 177_777
    assert _core.first_bad(x, "label", threads) == 99_999


def test_an_empty_array_has_no_bad_values():
    assert _core.first_bad(np.zeros((4, 0)), "finite", 1) == -1
    with pytest.raises(ValueError, match="allowed must be 'finite' or 'label', got 'even'"):
        _core.first_bad(np.zeros(1), "even", 1)
