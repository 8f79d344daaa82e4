"""What is printed when handhelds are down: read back by a PDF library and by a barcode reader."""

from typing import Any

import pypdfium2
import pytest
import zxingcpp

from agent.web.paper import BagLabel, Language, PickRow, bag_labels, pick_list


def _pages(paper: bytes) -> list[Any]:
    return list(pypdfium2.PdfDocument(paper))


def _text(page: Any) -> str:
    return str(page.get_textpage().get_text_range())


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_line_is_on_the_list_in_order_in_its_own_characters(language: Language) -> None:
    rows = [
        PickRow(f"A{n:02}-L-3", f"T{n % 4}", "350 g" if n % 3 else "2", f"牛奶 {n}号 <b>", "04006381333931")
        for n in range(70)
    ]
    pages = _pages(pick_list([("4711", "12:40")], rows, language, "12:04"))
    text = "".join(map(_text, pages))
    assert len(pages) == 3
    at = [text.index(f"{row.spot} {row.tote} {row.qty} {row.name} {row.gtin}") for row in rows]
    assert at == sorted(at)
    assert [text.count(said) for said in ("12:04 · 4711", " 12:40")] == [3, 3]


def test_a_list_of_nothing_is_a_page() -> None:
    assert len(_pages(pick_list([], [], "en", "12:04"))) == 1


def test_what_is_too_long_ends_where_its_room_ends() -> None:
    endless = PickRow("A" * 90, "T" * 90, "1" * 90, "长" * 200, "0" * 90)
    (page,) = _pages(pick_list([("题" * 300, "12:40")], [endless], "en", "12:04"))
    wide, _ = page.get_size()
    text = page.get_textpage()
    assert text.count_rects() > 0
    assert all(text.get_rect(n)[2] <= wide for n in range(text.count_rects()))
    assert _text(page).count("…") == 7


@pytest.mark.parametrize("order", ["7", "WEB-20261122-004711", "x" * 64])
def test_a_label_is_for_each_bag_and_its_order_can_be_scanned(order: str) -> None:
    labels = [BagLabel(order, "4711", bag, 3, "frozen" if bag == 2 else "ambient", "12:40") for bag in (1, 2, 3)]
    pages = _pages(bag_labels(labels, "zh"))
    assert [f"袋 {bag}/3" in _text(page) for bag, page in enumerate(pages, 1)] == [True] * 3
    assert ["冷冻" in _text(page) for page in pages] == [False, True, False]
    for page in pages:
        seen = zxingcpp.read_barcodes(page.render(scale=6, grayscale=True).to_pil())
        assert [(one.text, one.format.name) for one in seen] == [(order, "Code128")]
