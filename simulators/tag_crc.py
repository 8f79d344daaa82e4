"""The CRC-16 that a Gen2 tag sends after its PC and EPC (EPC Gen2, annex F), bit by bit."""

from functools import lru_cache


@lru_cache(4096)  # the same tags come again
def gen2_crc(data: bytes) -> int:
    """Preset FFFF, polynomial 1021, complemented."""
    crc = 0xFFFF
    for byte in data:
        for bit in range(7, -1, -1):
            crc = (crc << 1 ^ (0x1021 if (crc >> 15 ^ byte >> bit) & 1 else 0)) & 0xFFFF
    return crc ^ 0xFFFF
