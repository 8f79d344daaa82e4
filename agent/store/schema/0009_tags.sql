-- A tag may be in every state of its life (agent/core/life.py). `place` is the account that its unit is in.
CREATE TABLE tag_of_now (
    epc BLOB PRIMARY KEY,
    sku TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN (
        'expected', 'alien', 'in_stock', 'picked', 'sold', 'returned_pending', 'in_transit', 'suspect', 'missing', 'destroyed'
    )),
    place TEXT,
    moves INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO tag_of_now SELECT epc, sku, state, place, moves FROM tag;
DROP TABLE tag;
ALTER TABLE tag_of_now RENAME TO tag;
