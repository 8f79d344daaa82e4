-- What the store sells. A SKU that was ever booked is retired, never deleted; what it is counted in never changes.
CREATE TABLE sku (
    sku TEXT PRIMARY KEY,
    name_en TEXT NOT NULL,
    name_zh TEXT NOT NULL,
    unit TEXT NOT NULL CHECK (unit IN ('each', 'gram')),
    temperature TEXT NOT NULL CHECK (temperature IN ('ambient', 'chilled', 'frozen')),
    min_age INTEGER NOT NULL CHECK (min_age >= 0),
    tags TEXT NOT NULL CHECK (tags IN ('full', 'partial', 'none')),
    eligibility TEXT NOT NULL CHECK (eligibility IN ('instant', 'prepare', 'order_in', 'display_only')),
    safety INTEGER NOT NULL CHECK (safety >= 0),
    spots TEXT NOT NULL,
    retired INTEGER NOT NULL CHECK (retired IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE TABLE gtin (
    gtin TEXT PRIMARY KEY CHECK (length(gtin) = 14),
    sku TEXT NOT NULL REFERENCES sku,
    nth INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX gtin_sku ON gtin (sku, nth);

-- Units that one channel must leave, where that differs from the SKU's own `safety`.
CREATE TABLE channel_safety (
    sku TEXT NOT NULL REFERENCES sku,
    channel TEXT NOT NULL,
    units INTEGER NOT NULL CHECK (units >= 0),
    PRIMARY KEY (sku, channel)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER sku_unit_is_for_life BEFORE UPDATE OF unit ON sku WHEN new.unit <> old.unit
BEGIN
    SELECT raise(ABORT, 'a SKU is counted in one unit for life');
END;

CREATE TRIGGER sku_is_retired_never_deleted BEFORE DELETE ON sku
WHEN EXISTS (SELECT 1 FROM balance WHERE balance.sku = old.sku)
BEGIN
    SELECT raise(ABORT, 'a SKU that was booked is never deleted');
END;
