"""Paper for when handhelds are down: a pick list, and labels for bags, as PDF.

Drawn text by text, so that nothing in a name is ever taken for markup. Chinese is set in the font that every reader of
PDF brings for it (STSong-Light, Adobe-GB1), so the file stays small.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Final, Literal

from reportlab.graphics.barcode.code128 import Code128
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.pdfmetrics import registerFont, stringWidth
from reportlab.pdfgen.canvas import Canvas

Language = Literal["en", "zh"]
_TEXT: Final = "STSong-Light"
_BOLD: Final = "Helvetica-Bold"
registerFont(UnicodeCIDFont(_TEXT))

_WORDS: Final[dict[Language, dict[str, str]]] = {
    "en": {
        "list": "Pick list",
        "printed": "printed",
        "due": "due",
        "spot": "spot",
        "tote": "tote",
        "qty": "qty",
        "what": "what",
        "code": "barcode",
        "page": "page",
        "chilled": "CHILLED",
        "frozen": "FROZEN",
        "ambient": "",
        "bag": "bag",
    },
    "zh": {
        "list": "拣货单",
        "printed": "打印",
        "due": "截止",
        "spot": "货位",
        "tote": "周转箱",
        "qty": "数量",
        "what": "商品",
        "code": "条码",
        "page": "页",
        "chilled": "冷藏",
        "frozen": "冷冻",
        "ambient": "",
        "bag": "袋",
    },
}
_MARGIN: Final = 12 * mm
_ROW: Final = 9 * mm
#: Where columns begin, from the left margin; the first is a box to tick.
_COLUMNS: Final = {"spot": 8 * mm, "tote": 38 * mm, "qty": 58 * mm, "what": 76 * mm, "code": 152 * mm}
_LABEL: Final = (100 * mm, 60 * mm)


@dataclass(frozen=True, slots=True)
class PickRow:
    """One line to pick, in the order of the walk; `qty` as people read it (`2`, `350 g`)."""

    spot: str
    tote: str
    qty: str
    name: str
    gtin: str


@dataclass(frozen=True, slots=True)
class BagLabel:
    """Bag `bag` of `bags` of an order, known to people as `short`; `due` as people read it, "" when there is none."""

    order: str
    short: str
    bag: int
    bags: int
    temperature: Literal["ambient", "chilled", "frozen"] = "ambient"
    due: str = ""


def pick_list(orders: Sequence[tuple[str, str]], rows: Sequence[PickRow], language: Language, printed: str) -> bytes:
    """A4 pages with a line for each row. `orders` are their short names and when each is due, as people read it."""
    words, paper = _WORDS[language], BytesIO()
    canvas = Canvas(paper, pagesize=A4)
    canvas.setTitle(words["list"])
    _, height = A4
    each = int((height - 3 * _MARGIN) // _ROW) - 1
    pages = max(1, -(-len(rows) // each))
    title = " ".join((words["list"], *(short for short, _ in orders)))
    times = [f"{words['printed']} {printed}", *(f"{short} {words['due']} {due}" for short, due in orders)]
    for page in range(pages):
        top = height - _MARGIN
        _write(canvas, _MARGIN, top, title, _TEXT, 14, 150 * mm)
        _write(canvas, _MARGIN, top - 5 * mm, " · ".join(times), _TEXT, 9, A4[0] - 2 * _MARGIN)
        _write(canvas, 180 * mm, top, f"{words['page']} {page + 1}/{pages}", _TEXT, 9, 20 * mm)
        for column, left in _COLUMNS.items():
            _write(canvas, _MARGIN + left, top - _MARGIN, words[column], _TEXT, 9, 40 * mm)
        for number, row in enumerate(rows[page * each : (page + 1) * each], 1):
            _row(canvas, top - _MARGIN - number * _ROW, row)
        canvas.showPage()
    canvas.save()
    return paper.getvalue()


def _row(canvas: Canvas, base: float, row: PickRow) -> None:
    canvas.rect(_MARGIN, base - 1 * mm, 5 * mm, 5 * mm)
    cells = {"spot": (row.spot, _BOLD, 12, 28), "tote": (row.tote, _BOLD, 10, 18), "qty": (row.qty, _BOLD, 14, 17)}
    cells |= {"what": (row.name, _TEXT, 11, 74), "code": (row.gtin, "Helvetica", 9, 34)}
    for column, (text, font, size, wide) in cells.items():
        _write(canvas, _MARGIN + _COLUMNS[column], base, text, font, size, wide * mm)
    canvas.setLineWidth(0.2)
    canvas.line(_MARGIN, base - 2.5 * mm, A4[0] - _MARGIN, base - 2.5 * mm)


def bag_labels(labels: Iterable[BagLabel], language: Language) -> bytes:
    """A page of 100 by 60 mm for each bag, with the order's barcode (Code 128)."""
    words, paper = _WORDS[language], BytesIO()
    canvas = Canvas(paper, pagesize=_LABEL)
    canvas.setTitle("bags")
    for label in labels:
        _write(canvas, 5 * mm, 42 * mm, label.short, _BOLD, 40, 60 * mm)
        _write(canvas, 66 * mm, 42 * mm, f"{words['bag']} {label.bag}/{label.bags}", _TEXT, 20, 32 * mm)
        _write(canvas, 5 * mm, 30 * mm, words[label.temperature], _TEXT, 24, 60 * mm)
        _write(canvas, 66 * mm, 30 * mm, label.due, _BOLD, 16, 32 * mm)
        bars = Code128(label.order, barHeight=14 * mm, barWidth=0.35 * mm, humanReadable=True)
        if bars.width > 90 * mm:
            bars = Code128(label.order, barHeight=14 * mm, barWidth=0.35 * mm * 90 * mm / bars.width)
        bars.drawOn(canvas, 5 * mm, 8 * mm)
        canvas.showPage()
    canvas.save()
    return paper.getvalue()


def _write(canvas: Canvas, left: float, base: float, text: str, font: str, size: float, wide: float) -> None:
    """One line of text, cut where its room ends."""
    if not text.isascii():
        font = _TEXT
    if stringWidth(text, font, size) > wide:
        while text and stringWidth(text + "…", _TEXT, size) > wide:
            text = text[:-1]
        text, font = text + "…", _TEXT
    canvas.setFont(font, size)
    canvas.drawString(left, base, text)
