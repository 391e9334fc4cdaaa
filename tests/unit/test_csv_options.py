"""CSV in other dialects: read with its options, and named in the message where they are missing."""

import bz2
import csv
import functools
import gzip
import io
import itertools
import pickle
import re
import types
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pyrometer as pm
from pyrometer.data.readers._bytes import Text
from pyrometer.data.readers._dialect import Dialect
from pyrometer.data.readers._sniff import suggestion

NUMBERS = (np.random.default_rng(0).normal(size=(40, 3)) * [1.0, 1e4, 10.0]).round(4)
NAMES = ("size", "Größe, m²", "y")


def written(sep=",", decimal=".", thousands="", comment="", skip=0, names=NAMES):
    def number(value):
        whole, _, fraction = f"{value:,.4f}".partition(".")
        return whole.replace(",", thousands) + decimal + fraction

    def field(text):
        return f'"{text}"' if sep in text else text

    rows = [names, *[[number(value) for value in row] for row in NUMBERS]]
    lines = [sep.join(map(field, row)) for row in rows]
    if comment:
        lines = [line for row in lines for line in (f"{comment} 1{sep}2", row)]
    return "\n".join(["Report of 2026", "", "made, by hand", ""][:skip] + lines) + "\n"


MARKS = [(",", ".", None), (";", ",", None), ("\t", ".", None), ("|", ",", "."), (";", ".", ","), (",", ".", ",")]
DIALECTS = [
    {"sep": sep, "decimal": decimal, "thousands": thousands, "comment": comment, "skip": skip}
    for sep, decimal, thousands in (*MARKS, (";", ",", "'"))
    for comment, skip in ((None, 0), ("#", 0), (None, 3))
]


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16", "utf-8-sig"])
@pytest.mark.parametrize("options", DIALECTS, ids=str)
def test_every_dialect(tmp_path, options, encoding):
    text = written(**{name: value or "" for name, value in options.items() if name != "skip"}, skip=options["skip"])
    (tmp_path / "rows.csv").write_bytes(text.encode(encoding))
    data = pm.interop.read_data(tmp_path / "rows.csv", target="y", encoding=encoding, **options)
    assert data.names == NAMES[:2]
    np.testing.assert_array_equal(np.c_[data.X, data.y], NUMBERS)
    moments = pm.Moments.scan(tmp_path / "rows.csv", target="y", encoding=encoding, chunk_rows=7, **options)
    np.testing.assert_allclose(moments.mean, NUMBERS.mean(axis=0), rtol=1e-12)
    assert moments.names == NAMES[:2]


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16"])
@pytest.mark.parametrize("options", DIALECTS, ids=str)
def test_messages_lead_to_the_options(tmp_path, options, encoding):
    """Whoever passes what the message says, as often as there is one, reads the file; in Python and in the shell."""
    text = written(**{name: value or "" for name, value in options.items() if name != "skip"}, skip=options["skip"])
    (tmp_path / "rows.csv").write_bytes(text.encode(encoding))
    given = {}
    for _ in range(4):
        try:
            data = pm.interop.read_data(tmp_path / "rows.csv", target="y", **given)
            break
        except ValueError as error:
            message = str(error)
        assert message.startswith(f"{tmp_path / 'rows.csv'}")
        first = re.split(r" or (?=\w+=)", message)[0]
        options = first.split("pass ")[1].split(" (--")[0].split(", such as ")[-1]
        found = dict(re.findall(r"(\w+)=('[^']*'|\"'\"|\d+)", options))
        assert found, message
        assert all(f"--{name}" in message for name in found)
        given |= {name: eval(value) for name, value in found.items()}
    np.testing.assert_array_equal(np.c_[data.X, data.y], NUMBERS)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([",", ";"]))
def test_no_bytes_break_the_search_for_options(head, sep):
    suggestion(head, Dialect(sep=None), sep, ["y"])


def test_compression_is_recognised_by_the_first_bytes(tmp_path):
    text = written().encode()
    for name, content in (("a.csv", gzip.compress(text)), ("b", bz2.compress(text)), ("c.gz", gzip.compress(text))):
        (tmp_path / name).write_bytes(content)
        assert len(pm.interop.read_data(tmp_path / name, target="y").y) == 40
    with pa.CompressedOutputStream(str(tmp_path / "d.csv"), "zstd") as file:
        file.write(text)
    assert len(pm.interop.read_data(tmp_path / "d.csv", target="y").y) == 40


@pytest.mark.parametrize("rows", [10, 300_000])
@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("x,1,2", "column 'a' must be numeric, got 'x' in row {}"),
        ("1,2", "must have 3 columns in every row, got 2 in row {}"),
        ("1,inf,2", "column 'b' must be finite, got 1 value that is not, the first inf in row {}"),
        ("1,,2", "column 'b' must have no missing values, got 1, the first in row {}"),
    ],
)
def test_a_bad_value_is_reported_by_column_and_row(tmp_path, rows, bad, said):
    for skip in (0, 2):
        (tmp_path / "rows.csv").write_text("x\n" * skip + "a,b,y\n" + "1,2,3\n" * (rows - 1) + bad + "\n1,2,3\n")
        with pytest.raises(ValueError, match="rows.csv") as caught:
            pm.Moments.scan(tmp_path / "rows.csv", target="y", skip=skip)
        assert said.format(rows) in str(caught.value)


def test_all_columns_of_words_are_named_at_once(tmp_path):
    (tmp_path / "rows.csv").write_text('a,city,"first, name",y\n1,Ulm,A,2\n2,Bonn,B,3\n')
    with pytest.raises(ValueError, match="'city' of type string .'Ulm' in row 1., 'first, name' of type") as caught:
        pm.Moments.scan(tmp_path / "rows.csv", target="y")
    assert """--drop 'city,"first, name"'""" in str(caught.value)
    frame = pd.read_csv(tmp_path / "rows.csv")
    with pytest.raises(TypeError, match="got other columns, 'city', 'first, name'; drop or encode them"):
        pm.LinearRegression(frame[["a", "city", "first, name"]], frame["y"])


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"sep": "||"}, ValueError, "sep must be a single character or None, got '||'"),
        ({"decimal": None}, ValueError, "decimal must be a single character, got None"),
        ({"thousands": "1"}, ValueError, "thousands must be a single character or None"),
        ({"sep": ";", "decimal": ";"}, ValueError, "decimal must be another character than sep"),
        ({"encoding": "latin-99"}, ValueError, "encoding must be one that Python knows"),
        ({"encoding": 3}, ValueError, "encoding must be one that Python knows"),
        ({"comment": ""}, ValueError, "comment must be the text"),
        ({"skip": -1}, ValueError, "skip must be at least 0"),
        ({"separator": ";"}, TypeError, "unexpected keyword argument 'separator'; the options of CSV are sep, "),
        ({"encoding": "utf-16"}, ValueError, "rows.csv cannot be read: UTF-16 stream does not start with BOM"),
        ({"encoding": "ascii", "target": "é"}, ValueError, "has no column"),
        ({"drop": 3}, TypeError, "drop must be names of columns, got 3"),
        ({"target": None}, TypeError, "target must be the name of a column, got None"),
        ({"drop": [3]}, TypeError, "drop must be names of columns, got 3"),
    ],
)
def test_options_that_are_refused(tmp_path, options, error, said):
    (tmp_path / "rows.csv").write_text("a,y\n1,2\n2,3\n")
    with pytest.raises(error) as caught:
        pm.Moments.scan(tmp_path / "rows.csv", **{"target": "y", **options})
    assert said in str(caught.value)


def test_options_of_csv_are_for_csv(tmp_path):
    pa.parquet = pytest.importorskip("pyarrow.parquet")
    pa.parquet.write_table(pa.table({"a": [1.0, 2.0], "y": [1.0, 2.0]}), tmp_path / "rows.parquet")
    with pytest.raises(ValueError, match="sep is for CSV, and .*rows.parquet is not; leave it out"):
        pm.interop.read_data(tmp_path / "rows.parquet", target="y", sep=";")


def test_one_name_is_a_list_of_one(tmp_path):
    (tmp_path / "rows.csv").write_text("a,b,y\n1,2,3\n2,3,5\n")
    assert pm.interop.read_data(tmp_path / "rows.csv", target="y", drop="b").names == ("a",)
    assert pm.Moments.scan(tmp_path / "rows.csv", target="y", columns="b").names == ("b",)


@pytest.mark.parametrize(
    "scan", [functools.partial(pm.LinearRegression.scan, energy="mae"), pm.LogisticRegression.scan]
)
def test_systems_take_the_options(tmp_path, scan):
    (tmp_path / "rows.csv").write_text("a;y\n1,5;0\n2,5;1\n4,5;0\n")
    (tmp_path / "commented.csv").write_text("# of 2026\na;y\n1,5;0\n2,5;1\n4,5;0\n")
    law = pm.Normal(1.0)
    for name, comment in (("rows.csv", None), ("commented.csv", "#")):
        system = scan(tmp_path / name, target="y", sep=";", decimal=",", comment=comment)
        again = pickle.loads(pickle.dumps(system))
        assert pm.mean_energy(again, law).value == pm.mean_energy(system, law).value
        assert system.rows == 3


GENEVA = "ville,a,y\nGenève,1,2\nBâle,2,3\n"


@pytest.mark.parametrize(
    ("text", "encoding", "options", "said"),
    [
        ("sep=;\r\na;b;y\r\n1,5;2;3\r\n2,5;3;4\r\n", "utf-8-sig", {}, "pass skip=1, sep=';', decimal=','"),
        ('"a";"y"\n"1,5";"2"\n"2,5";"3"\n', "utf-8", {}, "pass sep=';', decimal=','"),
        ("a b y\n1 2 3\n2 3 4\n", "utf-8", {}, "pass sep=' ' (--sep ' ')"),
        ("a  b  y\n1  2  3\n", "utf-8", {}, "has no column 'y'; it has 'a  b  y'"),
        ("a, b, y\n1, 2, 3\n2, 5, 6\n", "utf-8", {}, "has no column 'y'; did you mean ' y'?"),
        ("a,b,y,\n1,2,3,\n2,3,4,\n", "utf-8", {}, "has a column without a name ('')"),
        (
            "a;y\n1.5;2\n3.5;1\n",
            "utf-8",
            {"sep": ";", "decimal": ","},
            "got '1.5' in row 1; if that is a number, pass decimal='.'",
        ),
        (
            "a;y\n1.500;2\n3.250;1\n",
            "utf-8",
            {"sep": ";", "decimal": ","},
            "pass decimal='.' (--decimal .) or thousands='.'",
        ),
        (
            "a,y\n1.5,2\n3.5,1\n",
            "utf-8",
            {"sep": ";", "decimal": ","},
            "with sep=';', decimal=','; pass sep=',', decimal='.'",
        ),
        ("a,y\n1.5,2\n3.5,1\n", "utf-8", {"sep": "\t"}, "pass sep=',' (--sep ,)"),
        ("a;y\n1,500;2\n3,250;1\n", "utf-8", {"sep": ";"}, "pass decimal=',' (--decimal ,) or thousands=','"),
        ("a;y\n1\u00a0000;2\n3\u00a0000;4\n", "utf-8", {"sep": ";"}, "pass thousands='\\xa0'"),
        ("a,y\n1,2\n3,4\n", "utf-16-le", {}, "is encoded as UTF-16; pass encoding='utf-16-le'"),
        ("a,y\n1,2\n3,4\n", "utf-16-be", {}, "is encoded as UTF-16; pass encoding='utf-16-be'"),
        ("a,y\n1,2\n3,4\n", "utf-32", {}, "is encoded as UTF-32; pass encoding='utf-32'"),
        ("a,y\n1,2\n3,4\n", "utf-32-le", {}, "is encoded as UTF-32; pass encoding='utf-32-le'"),
        ("a,y\n1,2\n3,4\n", "utf-32-be", {}, "is encoded as UTF-32; pass encoding='utf-32-be'"),
        (GENEVA, "latin-1", {}, "column 'ville' must be numeric, got binary ('Gen\ufffdve' in row 1)"),
        ("a,y\n1,oui\n2,é\n", "latin-1", {"labels": ("oui", "é")}, "column 'y' is not UTF-8; pass its encoding"),
        ("a,y\n1,2\n3,4\nTotal,6\n", "utf-8", {}, "column 'a' must be numeric, got 'Total' in row 3; correct it"),
        ("a,y\n1,2\n2\0,3\n", "utf-8", {}, "column 'a' must be numeric, got '2\\x00' in row 2"),
        ("\n\n", "utf-8", {}, "must be CSV with a header and at least one row, got less"),
        ('[{"a":1,"y":2}]', "utf-8", {}, "must be CSV with a header and at least one row, got less"),
    ],
)
def test_files_of_a_day(tmp_path, text, encoding, options, said):
    (tmp_path / "rows.csv").write_bytes(text.encode(encoding))
    with pytest.raises(ValueError, match=r"rows\.csv") as caught:
        pm.interop.read_data(tmp_path / "rows.csv", target="y", **options)
    assert said in str(caught.value)


def test_text_that_is_not_read_may_have_any_encoding(tmp_path):
    (tmp_path / "rows.csv").write_bytes(GENEVA.encode("latin-1"))
    assert pm.interop.read_data(tmp_path / "rows.csv", target="y", drop="ville").X.tolist() == [[1.0], [2.0]]


def test_thousands_further_down_and_in_no_groups_of_three(tmp_path):
    (tmp_path / "rows.csv").write_text("a,y\n" + "5,1\n" * 300_000 + '"1,000",2\n')
    data = pm.interop.read_data(tmp_path / "rows.csv", target="y", thousands=",")
    assert data.X[[0, -1], 0].tolist() == [5.0, 1000.0]
    with pytest.raises(ValueError, match=r"got '1,000' in row 300001; if that is a number, pass thousands=','"):
        pm.interop.read_data(tmp_path / "rows.csv", target="y")
    (tmp_path / "rows.csv").write_text("a,y\n" + "5,1\n" * 300_000 + '"1,00",2\n')
    with pytest.raises(ValueError, match="got '1,00' in row 300001; correct it"):
        pm.interop.read_data(tmp_path / "rows.csv", target="y", thousands=",")


def test_the_end_of_the_last_line_changes_no_number(tmp_path):
    """Types were inferred without a last row that had no line break: digits were lost in silence, or refused."""
    fields = ["2", "2.5", "1e83", "12345678901234567890", "10000000000000000", "9007199254740993", "u", "-8.585e+19"]
    path = tmp_path / "t.csv"
    for first, last in itertools.product(fields, fields):
        for newline in ("\n", "\r\n", "\r"):
            answers = set()
            for end in ("", newline):
                path.write_bytes(newline.join(["a,y", f"{first},1", f"{last},2"]).encode() + end.encode())
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    try:
                        answers.add(str(pm.Moments.scan(path, target="y").mean))
                    except ValueError as error:
                        answers.add(str(error))
            assert len(answers) == 1, (first, last, answers)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=repr)
@pytest.mark.parametrize("shift", range(2))
def test_line_breaks_within_quotes_where_blocks_end(tmp_path, shift, end, last):
    """Blocks of a file end anywhere in a value of many lines, of which some look like rows; read as Python reads it."""
    words = ['"l\nm"', '"\n"', '"r\r\ns"', '"1,2,3\n4,5,6\n7,8,9"', '"say ""\n"", he said"', "w"]
    rng = np.random.default_rng(shift)
    numbers, which = rng.normal(size=2000).tolist(), rng.integers(0, len(words), 2000)
    cells = [[f"{number!r},{k % 7}", words[j]] for k, (number, j) in enumerate(zip(numbers, which, strict=True))]
    rows = "".join(",".join(row if last else row[::-1]) + end for row in cells)
    header = ("a,y,text" if last else "text,a,y") + end
    text = header + f"{'0.5,1,' if last else ''}{'x' * (shift * 7)}{'' if last else ',0.5,1'}{end}" + rows * 30
    (tmp_path / "rows.csv").write_text(text, newline="")
    expected = list(csv.reader(io.StringIO(text, newline="")))[1:]
    data = pm.interop.read_data(tmp_path / "rows.csv", target="y", drop=["text"])
    first = 0 if last else 1
    np.testing.assert_array_equal(data.X[:, 0], [float(row[first]) for row in expected])
    np.testing.assert_array_equal(data.y, [float(row[first + 1]) for row in expected])


def test_line_breaks_within_quotes_below_the_first_block(tmp_path):
    """What looks like rows in a value is none, wherever a block ends."""
    for shift in range(3):
        rows = "0.5,1,w\n" * 150_000 + f"0.25,3,{'w' * (3 + 5 * shift)}\n" + '1.5,2,"1,2,3\n4,5,6\n7,8,9"\n' * 60_000
        (tmp_path / "rows.csv").write_text("a,y,text\n" + rows)
        assert pm.Moments.scan(tmp_path / "rows.csv", target="y", drop=["text"]).count == 210_001


def without_comments(text, comment, delimiter):
    """Remove comments, character by character."""
    kept, at, starts_line, starts_field = "", 0, True, True
    while at < len(text):
        rest = text[at:]
        if starts_line and rest.startswith(comment):
            taken, kept_part = re.match(r"[^\r\n]*(\r\n?|\n)?", rest)[0], ""
        elif starts_field and rest[0] == '"':
            end = 1
            while end < len(rest) and (rest[end] != '"' or rest[end : end + 2] == '""'):
                end += 2 if rest[end] == '"' else 1
            taken = kept_part = rest[: end + 1]
            starts_line = starts_field = False
        else:
            taken = kept_part = rest[0]
            starts_line = rest[0] in "\r\n"
            starts_field = starts_line or rest[0] == delimiter
        kept, at = kept + kept_part, at + len(taken)
    return kept


@pytest.mark.parametrize("comment", ["#", "//", "é"])
def test_comments_are_lines_outside_quotes_wherever_pieces_end(comment):
    rng = np.random.default_rng(ord(comment[0]))
    for _ in range(3000):
        delimiter = str(rng.choice([",", ";", "\t"]))
        parts = ['"', '""', comment, comment, "\n", "\n", "\r\n", "\r", delimiter, delimiter, "a", " "]
        text = "".join(rng.choice(parts, rng.integers(40)))
        rest = io.BytesIO(text.encode())
        pieces = types.SimpleNamespace(read=lambda size, rest=rest: rest.read(int(rng.integers(1, 4))))
        read = Text(b"", pieces, "utf-8", comment, delimiter).read()
        assert read.decode() == without_comments(text, comment, delimiter), text


@pytest.mark.parametrize(("mark", "encoding"), [(b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le")])
def test_a_comment_after_a_byte_order_mark(tmp_path, mark, encoding):
    path = tmp_path / "d.csv"
    path.write_bytes(mark + "# of today, by hand\na,y\n1,2\n3,5\n# end\n4,4\n".encode(encoding))
    moments = pm.Moments.scan(path, target="y", comment="#", encoding=encoding)
    assert moments.names == ("a",)
    assert np.array_equal(moments.mean, [8.0 / 3.0, 11.0 / 3.0])


def test_a_value_with_a_line_that_looks_like_a_comment(tmp_path):
    """Without its end the value took the next row with it."""
    (tmp_path / "rows.csv").write_text('# made by "hand\ntext,a,y\n"x\n#y",1,2\n# "\n"z",3,4\nw,7,9\n')
    data = pm.interop.read_data(tmp_path / "rows.csv", target="y", columns=["a"], comment="#")
    np.testing.assert_array_equal(np.c_[data.X, data.y], [[1, 2], [3, 4], [7, 9]])


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le"])
def test_options_of_csv_say_that_a_file_of_any_name_is_text(tmp_path, encoding):
    (tmp_path / "rows").write_bytes("a,y\n1,2\n3,4\n".encode(encoding))
    with pytest.raises(ValueError, match="must be a file of Parquet"):
        pm.interop.read_data(tmp_path / "rows", target="y")
    assert pm.interop.read_data(tmp_path / "rows", target="y", encoding=encoding).y.tolist() == [2.0, 4.0]


def test_quotes_within_values_and_above_the_header_are_characters(tmp_path):
    """They are counted as ends of values no more than Python counts them, with line breaks within quotes among them."""
    words = ['5" disk', '"l\nm"', 'say "so"', 'x"', '"a ""b""\n\n"', '""', "w"]
    rng, path = np.random.default_rng(0), tmp_path / "rows.csv"
    for _ in range(300):
        end, skip = str(rng.choice(["\n", "\r\n"])), int(rng.integers(3))
        above = "".join(str(rng.choice(['Disks of 5"', '"', "rows"])) + end for _ in range(skip))
        cells = [[repr(value), str(rng.choice(words)), "1"] for value in rng.normal(size=rng.integers(1, 12)).tolist()]
        text = "".join(",".join(row) + end for row in [["a", "text", "y"], *cells])
        path.write_text(above + text, newline="")
        expected = list(csv.reader(io.StringIO(text, newline="")))[1:]
        data = pm.interop.read_data(path, target="y", drop=["text"], skip=skip)
        np.testing.assert_array_equal(data.X[:, 0], [float(row[0]) for row in expected], str([above, text]))


def test_a_row_that_is_too_long_is_explained(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("a,text,y\n" + "1,w,2\n" * 200_000 + f"1,{'w' * 3_000_000},2\n" + "1,w,2\n" * 200_000)
    said = f"{path} must have rows of less than 1048576 bytes, as its first ones are short, got a longer one; close a"
    for read in (pm.Moments.scan, pm.interop.read_data):
        with pytest.raises(ValueError, match=re.escape(said)):
            read(path, target="y", drop=["text"])
    path.write_text("a,text,y\n" + f"{2**60},w,2\n" * 200_000 + f"1,{'w' * 3_000_000},2\n")
    with pytest.raises(ValueError, match=re.escape(said)):
        pm.Moments.scan(path, target="y", drop=["text"])
