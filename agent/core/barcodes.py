"""What a scanned barcode says: the GTIN in it, whatever symbology carried it. biip knows GS1; this chooses."""

from functools import lru_cache

from agent.core import gtin

#: No retail symbol carries more than this; longer text is no product.
LONGEST_BARCODE = 128


@lru_cache(maxsize=4096)
def gtin_of(text: str, aim: str | None = None) -> str | None:
    """The GTIN-14 a scan names, or None.

    Bare digits are read as a GTIN first: 18.7 % of EAN-13 numbers would also parse as a GS1 element string, and only
    an AIM identifier (`]C1`, `]d2` …) can say that one was meant.
    """
    if len(text) > LONGEST_BARCODE:
        return None
    if aim is None:
        plain = gtin.to_14(text)
        if plain is not None:
            return plain
    # Only now: biip's tables take 17 MB and 0.1 s, and most scans are a GTIN alone.
    import biip

    try:
        parsed = biip.parse((aim or "") + text)
    except (biip.ParseError, ValueError, IndexError):
        return None  # a symbology that carries no product
    return parsed.gtin.as_gtin_14() if parsed.gtin else None
