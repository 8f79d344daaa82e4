-- How many SKUs were free, hidden, and hidden because the store was stopped, from `at_ms` of the books' own time on, and
-- the SKU-milliseconds of each up to then: see agent/core/free_stock.py. Between two lines nothing changed.
CREATE TABLE free_stock (
    at_ms INTEGER PRIMARY KEY,
    free INTEGER NOT NULL,
    hidden INTEGER NOT NULL,
    stopped INTEGER NOT NULL,
    free_ms INTEGER NOT NULL,
    hidden_ms INTEGER NOT NULL,
    stopped_ms INTEGER NOT NULL
) STRICT;

-- How many rows HQ heard since the line before, by how long each took from its transaction to HQ's word: a JSON list of
-- counts, one for each bound of wire/figures.py and one for those that took longer.
CREATE TABLE heard_time (at_ms INTEGER PRIMARY KEY, counts TEXT NOT NULL) STRICT;
