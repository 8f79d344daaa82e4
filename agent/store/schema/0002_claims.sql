-- What each hold is; the claims themselves are postings between FREE, GRANT:…, HOLD:…, COMMIT:… and CONSUMED.
-- `lines` is JSON: [[line, sku, qty, open, consumed], …]. `expires_ms` is in the books' own time.
CREATE TABLE hold (
    id TEXT PRIMARY KEY,
    channel TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'committed', 'consumed', 'released', 'expired')),
    expires_ms INTEGER NOT NULL,
    lines TEXT NOT NULL,
    customer_order TEXT NOT NULL,
    grant_holder TEXT NOT NULL,
    due_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX hold_open ON hold (id) WHERE state IN ('pending', 'committed');

-- When, in the books' own time, somebody or something last saw a unit of the SKU.
CREATE TABLE evidence (
    sku TEXT PRIMARY KEY,
    books_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What was there before anybody noted evidence counts as seen when the noting began.
INSERT INTO evidence SELECT DISTINCT sku, 0 FROM balance;
