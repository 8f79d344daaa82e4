-- A hold may be in every state of its life (agent/core/life.py): one that could not be kept ends as breached.
CREATE TABLE hold_of_now (
    id TEXT PRIMARY KEY,
    channel TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'committed', 'consumed', 'released', 'expired', 'breached')),
    expires_ms INTEGER NOT NULL,
    lines TEXT NOT NULL,
    customer_order TEXT NOT NULL,
    grant_holder TEXT NOT NULL,
    due_ms INTEGER NOT NULL,
    works TEXT NOT NULL DEFAULT '[]'
) STRICT, WITHOUT ROWID;

INSERT INTO hold_of_now SELECT id, channel, state, expires_ms, lines, customer_order, grant_holder, due_ms, works FROM hold;
DROP TABLE hold;
ALTER TABLE hold_of_now RENAME TO hold;

CREATE INDEX hold_open ON hold (id) WHERE state IN ('pending', 'committed');
