-- Every posting carries the chain value after it (agent/store/chain.py); rows from before get theirs in this step.
ALTER TABLE posting ADD COLUMN chain BLOB NOT NULL DEFAULT x'';

-- Where this epoch's ledger begins: postings up to `seq` are archived (0: none), `chain` is the value after them.
CREATE TABLE ledger_start (
    epoch INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL,
    chain BLOB NOT NULL
) STRICT;

-- All balances as of posting `seq`, compressed (agent/store/snapshots.py); `seal` is a hash over the rest of the row.
CREATE TABLE snapshot (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    chain BLOB NOT NULL,
    balances BLOB NOT NULL,
    seal BLOB NOT NULL
) STRICT;

-- Months that left the ledger for a file of their own: its postings, the chain before and after, its SHA-256.
CREATE TABLE archive (
    file TEXT PRIMARY KEY,
    epoch INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    before BLOB NOT NULL,
    after BLOB NOT NULL,
    sha256 TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Postings of the epochs before a restore, moved here as they were: so that what was entered then is never entered again.
CREATE TABLE former_posting (
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    sku TEXT NOT NULL,
    origin TEXT NOT NULL,
    target TEXT NOT NULL,
    qty INTEGER NOT NULL,
    code TEXT NOT NULL,
    at INTEGER NOT NULL,
    source TEXT NOT NULL,
    part INTEGER NOT NULL,
    actor TEXT NOT NULL,
    epc BLOB,
    from_now INTEGER NOT NULL,
    to_now INTEGER NOT NULL,
    on_hand INTEGER NOT NULL,
    chain BLOB NOT NULL,
    PRIMARY KEY (epoch, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX former_posting_source ON former_posting (source) WHERE part = 0;
