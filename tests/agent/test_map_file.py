"""The store's map, read from a file: what it says, and what is wrong with a line that cannot be right."""

from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from hypothesis.strategies import DrawFn

from agent.core.picking.store_map import Point, Spot, StoreMap
from agent.core.picking.tour import Stop, tour
from agent.map_file import COLUMNS, BadMapError, read

HEADER = ",".join(COLUMNS)
GOOD = f"""{HEADER}
ENTRANCE,,,,,,2.4,front
PACKING,,,,,,9.6,back
BACK,,,,,,,12
A01-L-03-2,,,,,,,
A01-R-03,,,,,chilled,,
MILK-7,4,R,2,1,chilled,9.6,1.5
END-1,,,,,frozen,5,back
"""


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "map.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_map_is_read(tmp_path: Path) -> None:
    found = read(written(tmp_path, GOOD))
    assert (found.entrance, found.packing, found.depth_m) == (Point(2.4, 0.0), Point(9.6, 12.0), 12.0)
    assert dict(found.spots) == {
        "A01-L-03-2": Spot("A01-L-03-2", 1, "L", 3, 2, "ambient", 2.4, 3.0),
        "A01-R-03": Spot("A01-R-03", 1, "R", 3, 0, "chilled", 2.4, 3.0),
        "MILK-7": Spot("MILK-7", 4, "R", 2, 1, "chilled", 9.6, 1.5),
        "END-1": Spot("END-1", 0, "L", 0, 0, "frozen", 5.0, 12.0),
    }


def test_a_file_of_codes_is_the_map_that_codes_alone_tell(tmp_path: Path) -> None:
    codes = ["A01-L-03-2", "A02-R-01-1", "A07-5"]
    assert read(written(tmp_path, "\n".join(["code", *codes]))) == StoreMap.of_codes(codes)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("A 1,,,,,,,", "line 2: code 'A 1' is not 1 to 32"),
        ("A01-L-1,,,,,,,\nA01-L-1,,,,,,,", "line 3: code 'A01-L-1' stands on line 2 already"),
        ("A01-L-1,,M,,,,,", "line 2: side 'M' is neither L nor R"),
        ("A01-L-1,,,,,warm,,", "line 2: temperature 'warm' is none of"),
        ("A01-L-1,201,,,,,,", "line 2: aisle '201' is not a whole number from 0 to 200"),
        ("A01-L-1,,,,,,,nan", "line 2: y_m 'nan' is not a number of metres"),
        ("A01-L-1,,,,,,,1e9", "line 2: y_m '1e9' is not a number of metres"),
        ("CELLAR,,,,,,,", "line 2: code 'CELLAR' does not say where it is"),
        ("CELLAR,,,,,,3,4\nA01-L-9,,,,,,,", "line 2: CELLAR is neither in an aisle nor at a cross aisle"),
        ("ENTRANCE,,,,,,3,4\nA01-L-9,,,,,,,", "line 2: ENTRANCE is neither in an aisle nor at a cross aisle"),
        ("A01-L-1,,,,,,,\nA01-L-2,,,,,,3,", "line 3: aisle 1 is at 2.4 m in A01-L-1, and at 3 m here"),
        ("A01-L-9,,,,,,,\nBACK,,,,,,,4", "line 3: a spot is 9 m deep, the aisles only 4 m"),
        ("END,,,,,,1,back", "line 1: there is no aisle from one cross aisle to the other"),
        ("A01-L-1", "line 2: 1 cells, where the header has 8"),
    ],
)
def test_a_line_that_cannot_be_right_is_named(tmp_path: Path, lines: str, says: str) -> None:
    with pytest.raises(BadMapError) as refused:
        read(written(tmp_path, f"{HEADER}\n{lines}\n"))
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1: the columns are some of code"),
        ("code,price", "line 1: the columns are some of code"),
        (b"code\n\xff", "not UTF-8"),
        ('code\n"A', "cannot be read"),
        ("code\n" + "\n".join(f"A{n // 900 + 1}-{n % 900 + 1}" for n in range(20_001)), "at most 20000 lines"),
    ],
)
def test_a_file_that_is_no_map_is_refused(tmp_path: Path, text: str | bytes, says: str) -> None:
    with pytest.raises(BadMapError) as refused:
        read(written(tmp_path, text))
    assert says in str(refused.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadMapError, match="cannot be read: No such file"):
        read(tmp_path / "map.csv")


@st.composite
def files(draw: DrawFn) -> str:
    cells = st.sampled_from(
        ["", "A01-L-1", "A02-2", "END", "BACK", "ENTRANCE", "1", "9", "back", "front", "-1", "L", '"']
    )
    rows = draw(st.lists(st.lists(cells, min_size=8, max_size=8), max_size=6))
    return "\n".join([HEADER, *(",".join(row) for row in rows)])


@settings(max_examples=200, deadline=None)
@given(files())
def test_any_file_is_a_map_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    try:
        found = read(written(tmp_path_factory.mktemp("map"), text))
    except BadMapError:
        return
    assert len(tour(found, [Stop(code, (code,)) for code in found.spots]).stops) == len(found.spots)
