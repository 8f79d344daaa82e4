-- Who picks or puts back what. `totes` is JSON: [[tote, order], …]; times are in the books' own.
CREATE TABLE task (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('pick', 'put_back')),
    totes TEXT NOT NULL,
    worker TEXT NOT NULL,
    token INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('claimed', 'offered', 'done')),
    reason TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    heard_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX task_open ON task (id) WHERE state <> 'done';

-- What handhelds reported, by the name each report got there, and what it was answered. `before` and `after` are JSON:
-- the hold's line as it was, and the lines that the report made of it, as in `hold`.
CREATE TABLE pick_report (
    id TEXT PRIMARY KEY,
    task TEXT NOT NULL,
    customer_order TEXT NOT NULL,
    said TEXT NOT NULL,
    entered INTEGER NOT NULL CHECK (entered IN (0, 1)),
    why TEXT NOT NULL,
    worker TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    line_before TEXT,
    lines_after TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What is handed over of an order: bags [[k, n, temperature], …], wrong codes tried, and the proof: to whom, by whom.
CREATE TABLE parcel (
    customer_order TEXT PRIMARY KEY,
    bags TEXT NOT NULL,
    tries INTEGER NOT NULL,
    how TEXT NOT NULL CHECK (how IN ('', 'code', 'courier', 'lead', 'counter')),
    handed_to TEXT NOT NULL,
    handed_by TEXT NOT NULL,
    age_checked INTEGER CHECK (age_checked IN (0, 1)),
    at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
