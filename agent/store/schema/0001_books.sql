-- Who these books belong to: store, epoch, heard.
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The physical ledger. `seq` is the number of the announcement that told HQ; never edited, never reused.
CREATE TABLE posting (
    seq INTEGER PRIMARY KEY,
    sku TEXT NOT NULL,
    origin TEXT NOT NULL,
    target TEXT NOT NULL CHECK (target <> origin),
    qty INTEGER NOT NULL CHECK (qty > 0),
    code TEXT NOT NULL,
    at INTEGER NOT NULL,
    source TEXT NOT NULL,
    part INTEGER NOT NULL,
    actor TEXT NOT NULL,
    epc BLOB,
    from_now INTEGER NOT NULL,
    to_now INTEGER NOT NULL,
    on_hand INTEGER NOT NULL
) STRICT;

-- One source event makes one set of postings, whatever else goes wrong.
CREATE UNIQUE INDEX posting_source ON posting (source, part);

CREATE TABLE balance (
    sku TEXT NOT NULL,
    place TEXT NOT NULL,
    qty INTEGER NOT NULL,
    PRIMARY KEY (sku, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE tag (
    epc BLOB PRIMARY KEY,
    sku TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('expected', 'in_stock', 'sold')),
    place TEXT,
    moves INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE delivery_line (
    source TEXT PRIMARY KEY,
    at INTEGER NOT NULL,
    tags INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE scan (
    device TEXT NOT NULL,
    n INTEGER NOT NULL,
    at INTEGER NOT NULL,
    text TEXT NOT NULL,
    outcome TEXT NOT NULL,
    PRIMARY KEY (device, n)
) STRICT, WITHOUT ROWID;

-- `id` is the number of the announcement that opened the case.
CREATE TABLE case_file (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    about TEXT NOT NULL,
    opened_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    times INTEGER NOT NULL,
    detail TEXT NOT NULL,
    resolved_at INTEGER,
    resolution TEXT
) STRICT;

CREATE INDEX case_file_open ON case_file (kind, about) WHERE resolved_at IS NULL;

-- What HQ is to hear, in order, without a hole; `body` is the row as it crosses the line.
CREATE TABLE announcement (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
