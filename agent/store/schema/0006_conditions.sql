-- What stops the store's promises, as last noted; `at` in unix ms. Of each a row at most, written when it changes.
CREATE TABLE condition (
    name TEXT PRIMARY KEY CHECK (name IN ('paused', 'lease_stale')),
    holds INTEGER NOT NULL CHECK (holds IN (0, 1)),
    at INTEGER NOT NULL,
    why TEXT NOT NULL,
    said_by TEXT NOT NULL
) STRICT, WITHOUT ROWID;
