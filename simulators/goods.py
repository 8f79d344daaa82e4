"""What the simulated shops sell: products with GTINs, and the EPCs of their tagged units.

The encoder is this package's own on purpose: the agent's decoder is judged by it.
"""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from simulators.floor_plan import FloorPlan

#: GS1 prefix 952 is set aside for demonstrations; companies of 7 and 9 digits exercise two ways to cut an SGTIN.
_COMPANIES = ("9521234", "952140099")

#: Digits of the company prefix → (partition, bits of the prefix, bits of the item reference). TDS 1.13, table 14-2.
_PARTITIONS = {
    12: (0, 40, 4),
    11: (1, 37, 7),
    10: (2, 34, 10),
    9: (3, 30, 14),
    8: (4, 27, 17),
    7: (5, 24, 20),
    6: (6, 20, 24),
}

_SGTIN_96 = 0x30
_FILTER_RETAIL = 1

_CLOTHES = (
    ("Cotton T-shirt, white, M", "纯棉T恤 白色 M"),
    ("Cotton T-shirt, black, L", "纯棉T恤 黑色 L"),
    ("Linen shirt, blue, M", "亚麻衬衫 蓝色 M"),
    ("Slim jeans, 32", "修身牛仔裤 32码"),
    ("Pleated skirt, S", "百褶裙 S"),
    ("Merino sweater, grey, L", "美利奴毛衣 灰色 L"),
    ("Down vest, navy, M", "羽绒马甲 藏青 M"),
    ("Rain jacket, yellow, L", "雨衣外套 黄色 L"),
    ("Canvas shoes, 42", "帆布鞋 42码"),
    ("Running shoes, 40", "跑步鞋 40码"),
    ("Leather belt, 95 cm", "真皮腰带 95厘米"),
    ("Wool scarf, red", "羊毛围巾 红色"),
    ("Baseball cap", "棒球帽"),
    ("Silk tie, striped", "真丝领带 条纹"),
    ("Yoga leggings, M", "瑜伽裤 M"),
    ("Swim trunks, L", "泳裤 L"),
    ("Pyjamas, flannel, M", "法兰绒睡衣 M"),
    ("Wool socks, 3 pairs", "羊毛袜 3双"),
    ("Backpack, 20 l", "双肩包 20升"),
    ("Tote bag, canvas", "帆布购物袋"),
)
_GROCERIES = (
    ("Oolong tea, 250 g", "乌龙茶 250克"),
    ("Jasmine rice, 5 kg", "茉莉香米 5公斤"),
    ("Soy sauce, 500 ml", "生抽 500毫升"),
    ("Oyster sauce, 300 g", "蚝油 300克"),
    ("Sesame oil, 250 ml", "芝麻香油 250毫升"),
    ("Instant noodles, beef", "红烧牛肉面"),
    ("Rice noodles, 400 g", "米粉 400克"),
    ("Dried mushrooms, 100 g", "干香菇 100克"),
    ("Coconut milk, 400 ml", "椰浆 400毫升"),
    ("Chilli crisp, 210 g", "香辣脆油辣椒 210克"),
    ("Sparkling water, 500 ml", "气泡水 500毫升"),
    ("Orange juice, 1 l", "橙汁 1升"),
    ("Oat biscuits, 200 g", "燕麦饼干 200克"),
    ("Dark chocolate, 100 g", "黑巧克力 100克"),
    ("Roasted peanuts, 150 g", "炒花生 150克"),
    ("Toothpaste, mint", "薄荷牙膏"),
    ("Hand soap, 300 ml", "洗手液 300毫升"),
    ("Paper tissues, 10 packs", "纸巾 10包"),
    ("Dish sponge, 5 pieces", "百洁布 5片"),
    ("AA batteries, 4 pieces", "五号电池 4节"),
    ("Fresh milk, 950 ml", "鲜牛奶 950毫升"),
    ("Yoghurt, 500 g", "酸奶 500克"),
    ("Red wine, 750 ml", "红葡萄酒 750毫升"),
    ("Ham, by weight", "火腿 称重"),
)


#: The shop the goods stand in.
FLOOR_PLAN = FloorPlan(aisles=6, bays=10)
_SHELVES = FLOOR_PLAN.shelves()


@dataclass(frozen=True, slots=True)
class Product:
    """One SKU. `gtin` has 13 digits, the first `company_digits` of which are the company prefix."""

    sku: str
    gtin: str
    company_digits: int
    name_en: str
    name_zh: str
    tagged: bool
    #: The label of the shelf it stands on.
    spot: str
    unit: Literal["each", "gram"] = "each"
    temperature: Literal["ambient", "chilled"] = "ambient"
    min_age: int = 0
    category: str = "pantry"


#: What is not like most goods, by its English name.
_SPECIAL: dict[str, dict[str, Any]] = {
    "Fresh milk, 950 ml": {"temperature": "chilled", "category": "dairy"},
    "Yoghurt, 500 g": {"temperature": "chilled", "category": "dairy"},
    "Red wine, 750 ml": {"min_age": 18, "category": "wine"},
    "Ham, by weight": {"unit": "gram", "temperature": "chilled", "category": "deli"},
}


def check_digit(digits: str) -> str:
    """The last digit of a GTIN whose other digits these are. GS1 General Specifications, 7.9.1."""
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits)))
    return str(-total % 10)


def range_of_goods() -> tuple[Product, ...]:
    """All products of the simulated chain: clothes with tags, groceries without."""
    names = [(*name, True) for name in _CLOTHES] + [(*name, False) for name in _GROCERIES]
    return tuple(_product(number, *name) for number, name in enumerate(names, start=1))


def _product(number: int, name_en: str, name_zh: str, tagged: bool) -> Product:
    company = _COMPANIES[number % len(_COMPANIES)]
    digits = company + f"{number:0{12 - len(company)}}"
    sku = f"{'CL' if tagged else 'GR'}-{number:03}"
    spot = _SHELVES[number * 37 % len(_SHELVES)].code  # neighbours on the list are none in the shop
    gtin, special = digits + check_digit(digits), _SPECIAL.get(name_en, {"category": "clothes"} if tagged else {})
    return Product(sku, gtin, len(company), name_en, name_zh, tagged, spot, **special)


def piece_of(product: Product, grams: int) -> str:
    """The code on a piece of goods by weight: GTIN (01) and net weight (3103). GS1 General Specifications, 3.6.2."""
    return f"01{product.gtin:0>14}3103{grams:06}"


def sgtin_96(gtin: str, company_digits: int, serial: int) -> bytes:
    """The EPC of one unit, 12 bytes: GTIN of 13 digits and a serial number below 2³⁸. TDS 1.13, 14.5.1."""
    if len(gtin) != 13 or not 0 <= serial < 1 << 38:
        raise ValueError(f"no SGTIN-96 for GTIN {gtin!r} and serial {serial}")
    partition, company_bits, item_bits = _PARTITIONS[company_digits]
    # The indicator digit, 0 for an each, stands before the item reference.
    company, item = int(gtin[:company_digits]), int("0" + gtin[company_digits:12])
    value = _SGTIN_96
    for field, bits in ((_FILTER_RETAIL, 3), (partition, 3), (company, company_bits), (item, item_bits), (serial, 38)):
        value = value << bits | field
    return value.to_bytes(12, "big")


def catalogue_csv(products: Iterable[Product]) -> str:
    """The catalogue as the agent reads it."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(
        ("sku", "gtin", "name_en", "name_zh", "tagged", "spots", "unit", "temperature", "min_age", "category")
    )
    for p in products:
        tagged = "yes" if p.tagged else "no"
        rows.writerow(
            (p.sku, p.gtin, p.name_en, p.name_zh, tagged, p.spot, p.unit, p.temperature, p.min_age, p.category)
        )
    return text.getvalue()
