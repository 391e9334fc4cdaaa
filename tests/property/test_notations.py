"""Columns of CSV: numbers, dates and times in other notations are no categories; names and codes are."""

import string
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import pyrometer as pm
from pyrometer.base._like_numbers import are_like_numbers

SEEDS, ROWS = 30, 60


def date(a):
    return str(np.datetime64("2020-01-01") + int(a * 1e3) % 9000)


def written(a, form):
    return form.format(datetime(2000, 1, 1) + timedelta(minutes=int(a * 1e6) % 10**7))


def grouped(a, group, mark="."):
    return f"{1e3 * a:,.2f}".translate({ord(","): group, ord("."): mark})


# Of a positive number and a random generator.
NOTATIONS = {
    "decimal comma": lambda a, _: f"{a:.3f}".replace(".", ","),
    "decimal comma with powers": lambda a, _: f"{a:.5e}".replace(".", ","),
    **{
        f"thousands {group!r}": lambda a, _, group=group: grouped(a, group)
        for group in (",", "'", "\u2019", " ", "\u00a0", "\u202f", "\u2009")
    },
    "European": lambda a, _: grouped(a, ".", ","),
    "French": lambda a, _: grouped(a, "\u202f", ",") + " €",
    **{
        f"before: {mark}": lambda a, _, mark=mark: f"{mark}{a:.2f}"
        for mark in ("$", "-$", "£", "US$", "R$", "EUR ", "CHF ", "Rs. ", "~", "\u2212")
    },
    **{
        f"after: {mark}": lambda a, _, mark=mark: f"{a:.2f}{mark}"
        for mark in (
            "%",
            " %",
            " USD",
            "€",
            " kg",
            " km/h",
            "°C",
            " mmol/L",
            " m²",
            " m^2",
            "MB",
            "K",
            " bps",
            " min",
            "-",
        )
    },
    "thousands of pounds": lambda a, _: f"£{1e3 * a:,.2f}",
    "accounting": lambda a, rng: f"({a:.2f})" if rng.random() < 0.5 else f"{a:.2f}",
    "limits": lambda a, rng: f"{rng.choice(['<', '> ', '<= ', ''])}{a:.3f}",
    "two units": lambda a, rng: f"{a:.2f} {rng.choice(['day', 'days'])}",
    "sizes": lambda a, rng: f"{a:.1f}{rng.choice(['K', 'M', 'G'])}",
    "errors": lambda a, rng: f"{a:.2f} ± {rng.random():.2f}",
    "Fortran": lambda a, _: f"{a:.5e}".replace("e", "D"),
    "powers of ten": lambda a, _: f"{a:.3f}×10^3",
    "hexadecimal": lambda a, _: f"0x{int(a * 1e6):x}",
    **{
        f"missing: {mark}": lambda a, rng, mark=mark: mark if rng.random() < 0.2 else f"{a:.4f}"
        for mark in ("?", "-", ".", "n/d", "missing", "not measured")
    },
    "ISO date": lambda a, _: date(a),
    "German date": lambda a, _: "{2}.{1}.{0}".format(*date(a).split("-")),
    "American date": lambda a, _: "{1}/{2}/{0}".format(*date(a).split("-")),
    "short date": lambda a, _: "/".join(part[-2:] for part in date(a).split("-")),
    "named month": lambda a, _: f"{int(a * 1e3) % 28 + 1} {['Jan', 'March'][int(a * 1e4) % 2]} {2000 + int(a) % 30}",
    "American short date": lambda a, _: written(a, "{0.month}/{0.day}/{0:%y}"),
    "European short date": lambda a, _: written(a, "{0.day}/{0.month}/{0:%y}"),
    "short date and time": lambda a, _: written(a, "{0.month}/{0.day}/{0:%y} {0:%H:%M}"),
    "day and month": lambda a, _: written(a, "{0.day}-{0:%b}"),
    "month and day": lambda a, _: written(a, "{0:%b} {0.day}"),
    "month and year": lambda a, _: written(a, "{0:%b-%y}"),
    "year and month": lambda a, _: written(a, "{0:%Y %b}"),
    "month of a year": lambda a, _: written(a, "{0.month}/{0:%Y}"),
    "ISO month": lambda a, _: written(a, "{0:%Y-%m}"),
    "SAS date": lambda a, _: written(a, "{0:%d%b%Y}").upper(),
    "weekday first": lambda a, _: written(a, "{0:%a, %d %b %Y %H:%M}"),
    "clock first": lambda a, _: written(a, "{0:%H:%M:%S}  {0.day} {0:%b %Y}"),
    "sign behind a letter": lambda a, rng: f"{rng.choice(list('DR'))}+{a:.2f}",
    "sign behind a letter and a space": lambda a, rng: f"{rng.choice(list('DR'))} +{a:.1f}",
    "date and time": lambda a, _: str(np.datetime64("2020-01-01T00:00:00") + int(a * 1e6) % 10**8).replace("T", " "),
    "time": lambda a, _: f"{int(a * 1e3) % 24:02d}:{int(a * 6e4) % 60:02d}:{int(a * 36e5) % 60:02d}",
    "minutes and seconds": lambda a, _: f"{int(a * 1e3) % 90}:{int(a * 6e4) % 60:02d}",
    "ISO duration": lambda a, _: f"PT{int(a * 1e3) % 90}M{int(a * 6e4) % 60}S",
    "hours and minutes": lambda a, _: f"{int(a * 1e3) % 90}h {int(a * 6e4) % 60}m",
    "days and time": lambda a, _: f"{int(a * 10) % 9} days {int(a * 1e3) % 24:02d}:{int(a * 6e4) % 60:02d}:00",
    "degrees": lambda a, _: f"{int(a * 1e3) % 90}°{int(a * 6e4) % 60:02d}'{int(a * 1e6) % 60:02d}\"N",
}


def letters(rng, size, pool=string.ascii_uppercase):
    return "".join(rng.choice(list(pool), size))


def joined(mark, *numbers):
    return mark.join(map(str, numbers))


WORDS = ["alpha", "red", "north", "Ana", "Zoé", "blue", "Müller"]
CATEGORIES = {
    "names": lambda rng: f"{rng.choice(WORDS)} {letters(rng, 5)}",
    "letter and digits": lambda rng: f"{letters(rng, 1)}{rng.integers(100_000)}",
    "digits and letter": lambda rng: f"{rng.integers(100_000)}{letters(rng, 1)}",
    "rooms": lambda rng: f"{rng.integers(1, 900)}{letters(rng, 1, 'abc')}",
    "one prefix": lambda rng: f"ID{rng.integers(100_000)}",
    "one word": lambda rng: f"Item {rng.integers(100_000)}",
    "leading zeros": lambda rng: f"{rng.integers(100_000):09d}DE",
    "IP addresses": lambda rng: joined(".", *rng.integers(0, 256, 4)),
    "IPv6": lambda rng: ":".join(f"{part:x}" for part in rng.integers(0, 65536, 8)),
    "MAC": lambda rng: ":".join(f"{part:02x}" for part in rng.integers(0, 256, 6)),
    "UUID": lambda rng: f"{letters(rng, 8, '0123456789abcdef')}-{letters(rng, 4, '0123456789abcdef')}",
    "British postcodes": lambda rng: f"{letters(rng, 2)}{rng.integers(1, 20)} {rng.integers(9)}{letters(rng, 2)}",
    "Canadian postcodes": lambda rng: f"K{rng.integers(9)}{letters(rng, 1)} {rng.integers(9)}A{rng.integers(9)}",
    "Dutch postcodes": lambda rng: f"{rng.integers(1000, 9999)} {letters(rng, 2)}",
    "Brazilian postcodes": lambda rng: f"{rng.integers(10_000, 99_999)}-{rng.integers(100, 999)}",
    "American postcodes": lambda rng: f"{rng.integers(10_000, 99_999)}-{rng.integers(1000, 9999)}",
    "versions": lambda rng: joined(".", *rng.integers(0, 30, 3)),
    "builds": lambda rng: joined(".", *rng.integers(0, 30, 3), rng.integers(9999)),
    "named versions": lambda rng: f"v{rng.integers(9)}.{rng.integers(300)}",
    "candidates": lambda rng: f"{joined('.', *rng.integers(0, 30, 3))}rc{rng.integers(5)}",
    "ranges": lambda rng: "{}-{}".format(*np.cumsum(rng.integers(1, 99, 2))),
    "scores": lambda rng: joined("-", *rng.integers(0, 99, 2)),
    "telephones": lambda rng: f"+49 {rng.integers(100, 999)} {rng.integers(10**6, 10**7)}",
    "American telephones": lambda rng: f"({rng.integers(100, 999)}) {rng.integers(999)}-{rng.integers(1000, 9999)}",
    "books": lambda rng: f"978-3-{rng.integers(10, 99)}-{rng.integers(100_000, 999_999)}-{rng.integers(9)}",
    "people": lambda rng: f"{rng.integers(100, 999)}-{rng.integers(10, 99)}-{rng.integers(1000, 9999)}",
    "substances": lambda rng: f"{rng.integers(100, 9999)}-{rng.integers(10, 99)}-{rng.integers(9)}",
    "diseases": lambda rng: f"{letters(rng, 1)}{rng.integers(10, 99)}.{rng.integers(9)}",
    "cars": lambda rng: f"{rng.integers(1, 9)}{letters(rng, 3)}{rng.integers(100, 999)}",
    "flights": lambda rng: f"{rng.choice(['LH', 'BA'])} {rng.integers(100, 9999)}",
    "quarters": lambda rng: f"Q{rng.integers(1, 5)} {rng.integers(1900, 2030)}",
    "words behind years": lambda rng: f"{rng.integers(1900, 2030)}{rng.choice(['PASS', 'FAIL'])}",
    "letter, hyphen and digits": lambda rng: f"{letters(rng, 1)}-{rng.integers(100_000)}",
    "school years": lambda rng: f"{rng.integers(1900, 2030)}-{rng.integers(13, 99):02d}",
    "names that begin as months": lambda rng: f"{rng.choice(['Mark', 'Mara', 'Juno', 'Decker'])} {rng.integers(1, 99)}",
    "addresses": lambda rng: f"{rng.integers(1, 200)} {rng.choice(WORDS)} Street",
    "mail": lambda rng: f"{letters(rng, 5)}{rng.integers(99)}@example.org",
    "objects": lambda rng: joined(".", 1, 3, 6, 1, *rng.integers(1, 99, 3)),
}


@pytest.mark.parametrize("name", NOTATIONS)
def test_numbers_in_another_notation(name):
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        numbers = 10.0 ** rng.integers(0, 6) * (np.abs(rng.normal(size=ROWS)) + rng.integers(2) + 0.01)
        texts = list(dict.fromkeys(NOTATIONS[name](a, rng) for a in numbers.tolist()))
        last = ["", "Total", "a"][seed % 3]  # a footer, or a second header
        assert are_like_numbers([*texts, last][: len(texts) + bool(last)]), (seed, texts[:5])


@pytest.mark.parametrize("name", CATEGORIES)
def test_names_and_codes(name):
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        texts = list(dict.fromkeys(CATEGORIES[name](rng) for _ in range(ROWS)))
        assert not are_like_numbers(texts), (seed, texts[:5])


def test_groups_and_steps_are_few():
    """Of few texts the reader does not ask; ranges and words are categories in any number."""
    for texts in (["18-24", "25-34", "35-44", "45-54", "55-64", "65+", "0-17"], ["low", "mid", "high"]):
        assert not are_like_numbers(texts)


FRAMES = {
    "pandas": lambda column: pd.DataFrame({"a": pd.Series(column, dtype=object)}),
    "polars": lambda column: pl.DataFrame({"a": column}),
    "arrow": lambda column: pa.table({"a": column}),
}
MARKED = ["decimal comma", "French", "after: %", "German date", "thousands ','"]


@pytest.mark.parametrize("kind", FRAMES)
def test_texts_of_frames_are_asked_as_those_of_csv(kind):
    for seed, name in enumerate(MARKED):
        rng = np.random.default_rng(seed)
        numbers = (1.0 + np.abs(rng.normal(size=ROWS))).tolist()
        texts = [NOTATIONS[name](a, rng) for a in numbers]
        frame = FRAMES[kind](texts)
        with pytest.raises(ValueError, match=r"before: X .* column 'a' of texts that look like numbers or dates"):
            pm.shift(frame, frame)
        with pytest.raises(ValueError, match="of texts that look like numbers or dates, such as '[0-9]"):
            pm.DataState(FRAMES[kind]([f"{a:.4f}" for a in numbers]))
        for each in (CATEGORIES["letter and digits"], lambda rng: str(rng.integers(10_000, 99_999))):
            names = FRAMES[kind]([each(rng) for _ in range(ROWS)])
            assert pm.shift(names, names, resamples=99, rng=0).verdict == "not-shifted"
    named = pd.DataFrame({"a": pd.Categorical(texts)})  # the types of categories are taken at their word
    assert pm.shift(named, named, resamples=99, rng=0).verdict == "not-shifted"


def test_few_rows_of_known_categories_are_taken_as_they_are():
    rng = np.random.default_rng(0)
    sizes = [f"{k / 2} mm" for k in range(30)]
    reference, batch = (pa.table({"a": rng.choice(sizes, m), "b": rng.normal(size=m)}) for m in (400, 24))
    monitor = pm.RefreshMonitor(reference, None, rng=0)
    monitor.update(batch)
    assert monitor.batches == 1
    assert pm.shift(reference, batch, resamples=99, rng=0).verdict == "not-shifted"
