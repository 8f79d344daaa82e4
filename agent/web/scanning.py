"""`POST /v1/scans`: what a handheld with the store's page open has scanned."""

import re
from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.clerk import Clerk
from agent.config import USUAL_REPEAT_MS
from agent.core import barcodes
from agent.core.barcodes import LONGEST_BARCODE
from agent.intake import Intake, Stand
from agent.web import answers
from agent.web.promises import post
from drivers.readings import BarcodeScan

#: AIM symbology identifier in front of what was scanned.
_AIM = re.compile(r"\][A-Za-z][0-9A-Za-z]")


class _Scan(msgspec.Struct, forbid_unknown_fields=True):
    """`scan` names it among those of its device, so that it may be sent again; `find` enters nothing."""

    device: Annotated[str, Meta(pattern=r"^page-[0-9a-z]{1,12}\Z")]
    scan: Annotated[str, Meta(pattern=r"^[0-9A-Za-z-]{1,40}\Z")]
    purpose: Literal["find", "receive", "shelve"]
    text: Annotated[str, Meta(min_length=1, max_length=LONGEST_BARCODE + 3)]


class Answer(msgspec.Struct):
    """`sku` is empty where no article was found; `message` says why it was not accepted."""

    accepted: bool
    sku: str
    message: str


def routes(intake: Intake, clerk: Clerk) -> list[Route]:
    """What a scan at a page does: find its article, or the same as at a scanner of that purpose."""

    def look(scan: BarcodeScan) -> tuple[str, str]:
        """The article's SKU, and in words why there is none."""
        product = barcodes.read(scan.text, scan.aim, clerk.books.instore)
        if isinstance(product, barcodes.NoProduct):
            return "", product.why
        catalogue = clerk.books.catalogue
        sku = catalogue.by_gtin(product.gtin) or catalogue.by_gtin(product.or_gtin)
        return (sku.sku, product.doubt) if sku else ("", f"GTIN {product.gtin} is not in the catalogue")

    async def take(_: Request, body: _Scan) -> Response:
        aim = _AIM.match(body.text)
        scan = BarcodeScan(body.text[3:], aim.group()) if aim else BarcodeScan(body.text)
        sku, why = look(scan)
        if body.purpose == "find":
            return answers.json(Answer(bool(sku), sku, why))
        stand = Stand(body.device, {}, body.purpose, USUAL_REPEAT_MS / 1000)
        told = await intake.scan(stand, scan, body.scan)
        return answers.json(Answer(told.accepted, sku, told.message))

    return [post("/v1/scans", _Scan, take)]
