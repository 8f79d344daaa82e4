-- What customers want of this store. `lines` is JSON: [[line, sku, qty], …]; `steps` [[state, since_ms, event, source], …],
-- the last one is where it stands; `missing` [[sku, wanted, available, why], …] if it was rejected. `due_at` is unix ms;
-- `due_ms`, `deadline_ms` and `since_ms` are in the books' own time.
CREATE TABLE customer_order (
    id TEXT PRIMARY KEY,
    channel TEXT NOT NULL,
    state TEXT NOT NULL,
    lines TEXT NOT NULL,
    steps TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    due_ms INTEGER NOT NULL,
    deadline_ms INTEGER NOT NULL,
    late INTEGER NOT NULL CHECK (late IN (0, 1)),
    fallback TEXT NOT NULL CHECK (fallback IN ('decide', 'cancel')),
    missing TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX customer_order_open ON customer_order (id) WHERE state NOT IN ('closed', 'rejected', 'cancelled');
