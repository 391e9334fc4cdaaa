"""What the tests of the command line expect: numbers from the rows, single rows, single lines."""

import json
import sys

import numpy as np
import pytest

PROGRAM = [sys.executable, "-m", "pyrometer"]


def exact(X, y, sigma):
    """E, E*, S and T of the normal law, from the rows."""
    A = np.column_stack([X, np.ones(len(X))])
    E = sigma**2 * (A**2).mean(axis=0).sum() + np.mean(y**2)
    E_star = np.mean((y - A @ np.linalg.lstsq(A, y, rcond=None)[0]) ** 2)
    S = A.shape[1] * (0.5 * np.log(2 * np.pi * np.e) + np.log(sigma))
    return E, E_star, S, (E - E_star) / S


def only(result):
    """The single row of the first table of a JSON answer."""
    assert result.exit_code == 0, result.stderr
    table, *_ = json.loads(result.stdout, parse_constant=pytest.fail)["tables"]
    (row,) = table["rows"]
    return row


def one_line(result, code=2):
    assert result.exit_code == code
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.stderr
    return result.stderr
