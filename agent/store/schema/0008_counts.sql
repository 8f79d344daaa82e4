-- Who is to count what, where and until when. Times are unix milliseconds; `closed_at` NULL: not all lines are settled.
CREATE TABLE count_session (
    id TEXT PRIMARY KEY,
    place TEXT NOT NULL,
    why TEXT NOT NULL CHECK (why IN ('cycle', 'short_pick', 'negative_stock', 'case', 'sent')),
    requested_by TEXT NOT NULL,
    requested_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    assigned_to TEXT NOT NULL,
    whole INTEGER NOT NULL CHECK (whole IN (0, 1)),
    closed_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX count_session_open ON count_session (id) WHERE closed_at IS NULL;

-- One SKU of a session. `counter` counts it now, since number `from_seq` of `epoch`; `readings` is JSON:
-- [[by, at, epoch, from_seq, to_seq, counted, variance, stands], …]; `posting` is the number of what was posted.
CREATE TABLE count_line (
    session TEXT NOT NULL REFERENCES count_session,
    line INTEGER NOT NULL,
    sku TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('requested', 'counting', 'recount', 'review', 'posted', 'cancelled')),
    counter TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    from_seq INTEGER NOT NULL,
    readings TEXT NOT NULL,
    why TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('', 'posted', 'agrees')),
    variance INTEGER NOT NULL,
    posting INTEGER,
    approved INTEGER NOT NULL,
    decided_by TEXT NOT NULL,
    PRIMARY KEY (session, line)
) STRICT, WITHOUT ROWID;
