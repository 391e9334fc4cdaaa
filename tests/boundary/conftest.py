"""What the tests of the command line share: a runner in this process, and a small file."""

import numpy as np
import pytest
from click.testing import CliRunner

from pyrometer.cli import main


@pytest.fixture
def run():
    def invoke(*arguments, **options):
        return CliRunner().invoke(main, [str(a) for a in arguments], **options)

    return invoke


@pytest.fixture(scope="module")
def rows():
    generator = np.random.default_rng(11)
    X = generator.normal([1.0, -2.0, 0.5], [1.0, 3.0, 0.2], size=(80, 3))
    return X, X @ [1.0, 2.0, -1.0] + generator.normal(size=80)


@pytest.fixture
def file(rows, tmp_path):
    X, y = rows
    path = tmp_path / "rows.csv"
    lines = [",".join(map(repr, map(float, (*x, t)))) for x, t in zip(X, y, strict=True)]
    path.write_text("\n".join(["a,b,c,price", *lines]) + "\n")
    return path
