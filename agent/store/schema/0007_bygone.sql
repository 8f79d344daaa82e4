-- Sources whose postings are no longer here: a 64-bit hash of each, and the day (days since 1970) its posting was made.
CREATE TABLE bygone (
    source INTEGER PRIMARY KEY,
    day INTEGER NOT NULL
) STRICT;
