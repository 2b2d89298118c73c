"""The forms of CSV files: packed, in another encoding, with lines above the header, ragged."""

import gzip
import zipfile

import numpy as np
import pytest
from reading import prepared

from micrograd.files.column import TableError
from micrograd.files.csv_layout import Layout, layout
from micrograd.files.table_file import TableFile, read_table
from micrograd.files.written import Written

pytest.importorskip("pyarrow")

PLAIN = "a,b,cafe\n" + "".join(f"{i},{i / 4},é{i % 3}\n" for i in range(40))


def same(path, **written):
    """The file has the table of PLAIN, whole and in pieces."""
    file = TableFile(path, written=Written.of(**written))
    for table in (file.whole(), *file.pieces(40)):
        assert [*table.columns] == ["a", "b", "cafe"]
        np.testing.assert_array_equal(table["a"].values, np.arange(40))
        np.testing.assert_array_equal(table["b"].values, np.arange(40) / 4)
        assert table["cafe"].values.tolist() == [f"é{i % 3}" for i in range(40)]
    assert file.names() == ["a", "b", "cafe"]


def packed(path, names=("t.csv",)):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, PLAIN.encode())
    return path


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.tsv.gz", "t.txt"])
def test_gzip_is_known_by_its_content(name, tmp_path):
    (tmp_path / name).write_bytes(gzip.compress(PLAIN.encode()))
    same(tmp_path / name)
    (tmp_path / name).write_text(PLAIN, encoding="utf-8")  # not packed, whatever its name
    same(tmp_path / name)


def test_one_file_in_an_archive(tmp_path):
    same(packed(tmp_path / "t.zip", ["__MACOSX/t.csv", "folder/t.csv"]))
    same(packed(tmp_path / "t.csv"))
    with pytest.raises(TableError, match=r"archive of 2 files; unpack the one .*: a.csv, b.csv"):
        read_table(packed(tmp_path / "two.zip", ["a.csv", "b.csv"]))
    with pytest.raises(TableError, match="workbook of Excel; save its sheet as CSV"):
        read_table(packed(tmp_path / "book.csv", ["[Content_Types].xml", "xl/workbook.xml"]))


def test_damaged_packages(tmp_path):
    whole = gzip.compress(PLAIN.encode())
    (tmp_path / "t.csv").write_bytes(whole[: len(whole) // 2])
    with pytest.raises((TableError, OSError), match=r"t\.csv"):
        read_table(tmp_path / "t.csv")
    path = packed(tmp_path / "t.zip")
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(TableError, match=r"t\.zip cannot be"):
        read_table(path)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_names_the_encoding(encoding, tmp_path):
    (tmp_path / "t.csv").write_bytes(PLAIN.encode(encoding))
    same(tmp_path / "t.csv")


def test_another_encoding_is_named(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(PLAIN.encode("latin-1"))
    message = r"not UTF-8 text \(line 2 has '0,0.0,é'\); name its encoding, .* --encoding latin-1"
    with pytest.raises(TableError, match=message):
        read_table(path)
    with pytest.raises(TableError, match=message):
        len([*TableFile(path).pieces(10)])
    same(path, encoding="latin-1")
    path.write_bytes(PLAIN.encode("utf-16-le"))  # without a mark
    with pytest.raises(TableError, match="name its encoding"):
        read_table(path)
    same(path, encoding="utf-16-le")
    with pytest.raises(ValueError, match="encoding must be one that Python knows"):
        read_table(path, (), Written.of(encoding="klingon"))


ABOVE = {
    "a separator": ("sep=,", PLAIN),
    "another separator": ("sep=;", PLAIN.replace(",", ";")),
    "comments": ("# made by hand\n# in 2024, on a Monday", PLAIN),
    "a title": ("Flowers of the garden", PLAIN),
    "a title and a blank line": ("Flowers of the garden\n", PLAIN),
    "a title with delimiters": ("Flowers,,", PLAIN),
    "a title with a comma": ("Flowers, by year", PLAIN.replace(",", ";")),
    "blank lines": ("\n", PLAIN),
    "a tab": ("# x", PLAIN.replace(",", "\t")),
}


@pytest.mark.parametrize("case", ABOVE)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_above_the_header(case, end, tmp_path):
    above, table = ABOVE[case]
    path = tmp_path / "t.csv"
    path.write_bytes(f"{above}\n{table}".replace("\n", end).encode())
    same(path)
    said = str(prepared(path, "b"))
    first = above.split("\n", maxsplit=1)[0]
    assert (f"skipped    {first!r}" in said) == bool(first)


@pytest.mark.parametrize(
    "head",
    ["#chrom,start\n1,5\n2,6\n", "a,b\n1,2\n", "a\nhello, world\nfoo, bar\n", "x\n1\n2\n",
     "a;b\n1,5;2,5\n", "text\n1\n2,5\n3,5\n4,5\n", "a,b,c\n1,2,3\n"],
)  # fmt: skip
def test_a_header_in_the_first_line_stays_one(head):
    assert layout(head).above == ()


def test_what_stands_above_two_columns():
    assert layout("Sales\na\tb\n1,5\t2\n2,5\t3\n") == Layout(("Sales",), "\t", ",")


def test_comments_between_rows_are_skipped(tmp_path):
    lines = PLAIN.split("\n")
    (tmp_path / "t.csv").write_text("\n".join([*lines[:9], "# half", *lines[9:]]), encoding="utf-8")
    same(tmp_path / "t.csv")


@pytest.mark.parametrize("above", ["", "# made by hand\n", "Flowers\n\n", "sep=,\n"])
def test_a_ragged_row_is_named_by_its_number(above, tmp_path):
    lines = PLAIN.split("\n")
    lines[17] += ",1"
    (tmp_path / "t.csv").write_text(above + "\n".join(lines), encoding="utf-8")
    with pytest.raises(TableError, match=r"has 3 columns, but row 17 has 4: 16,4.0,é1,1"):
        read_table(tmp_path / "t.csv")
