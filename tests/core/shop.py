"""A small catalogue and plain ways to make goods for tests."""

from agent.core.catalogue import TAGGED, Catalogue, Sku, Traits
from agent.core.gtin import check_digit
from agent.core.ledger import Books, Turn


def gtin_14(number: int) -> str:
    payload = f"{number:013d}"
    return payload + str(check_digit(payload))


def epc_of(number: int, serial: int) -> bytes:
    """SGTIN-96, filter 1, a company prefix of 7 digits: of `gtin_14(number)`, indicator 0."""
    prefix, item = divmod(number, 10**5)
    bits = 0x30 << 88 | 1 << 85 | 5 << 82 | prefix << 58 | item << 38 | serial
    return bits.to_bytes(12, "big")


#: SHIRT carries tags, MILK and EGGS do not; of SOCKS, which are not in every catalogue, some do.
SHIRT, MILK, EGGS, SOCKS = 614141_00001, 614141_00002, 614141_00003, 614141_00004
CATALOGUE = Catalogue(
    [
        Sku("SHIRT", (gtin_14(SHIRT),), "Shirt", "衬衫", traits=TAGGED),
        Sku("MILK", (gtin_14(MILK),), "Milk", "牛奶"),
        Sku("EGGS", (gtin_14(EGGS),), "Eggs", "鸡蛋"),
    ]
)
WITH_SOCKS = Catalogue(
    [*CATALOGUE.skus.values(), Sku("SOCKS", (gtin_14(SOCKS),), "Socks", "袜子", traits=Traits(tags="partial"))]
)


def books(catalogue: Catalogue = CATALOGUE) -> Books:
    return Books("SH-1", 7, catalogue)


def turn(of: Books, at: int = 1000) -> Turn:
    """A turn that knows nothing of earlier sources; use a real store where that matters."""
    return Turn(of, at, {}, {})
