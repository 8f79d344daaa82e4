-- What the newest commands of HQ were answered, so that each is done once and answered the same.
CREATE TABLE command (
    id TEXT NOT NULL,
    counter INTEGER PRIMARY KEY,
    outcome TEXT NOT NULL CHECK (outcome IN ('done', 'refused')),
    why TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL
) STRICT;
