-- What a customer compares a SKU with others by; empty and 0: not known.
ALTER TABLE sku ADD COLUMN category TEXT NOT NULL DEFAULT '';
ALTER TABLE sku ADD COLUMN brand TEXT NOT NULL DEFAULT '';
ALTER TABLE sku ADD COLUMN size TEXT NOT NULL DEFAULT '';
ALTER TABLE sku ADD COLUMN price_fen INTEGER NOT NULL DEFAULT 0 CHECK (price_fen >= 0);
