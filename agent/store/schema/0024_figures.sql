-- Orders are counted in the day in which they were over for the customer: handed over, rejected or cancelled. In the
-- books' own time; NULL: not yet.
ALTER TABLE customer_order ADD COLUMN ended_ms INTEGER;
UPDATE customer_order SET ended_ms = coalesce(
    (SELECT min(json_extract(value, '$[1]')) FROM json_each(steps) WHERE json_extract(value, '$[2]') = 'hand_over'),
    CASE WHEN state IN ('closed', 'rejected', 'cancelled') THEN json_extract(steps, '$[#-1][1]') END
);
CREATE INDEX customer_order_ended ON customer_order (ended_ms);

-- What people spent on an order in a task: milliseconds, and decimetres walked. `spot` is where its worker stands.
CREATE TABLE labour (
    customer_order TEXT NOT NULL,
    task TEXT NOT NULL,
    ms INTEGER NOT NULL,
    dm INTEGER NOT NULL,
    PRIMARY KEY (customer_order, task)
) STRICT, WITHOUT ROWID;
CREATE INDEX labour_task ON labour (task);
ALTER TABLE task ADD COLUMN spot TEXT NOT NULL DEFAULT '';

-- The days that HQ was told of, as the store has them (`2026-11-22`), with their sums as JSON {name: number}. `since`
-- and `until` are unix ms; of the orders, those that ended from `since_ms` to `until_ms` of the books' own time.
CREATE TABLE trading_day (
    day TEXT PRIMARY KEY,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,
    since_ms INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    sums TEXT NOT NULL
) STRICT, WITHOUT ROWID;
