-- How far HQ had heard at a moment of the books' own time (ms): what it heard long ago is forgotten, whatever clocks say.
CREATE TABLE heard (
    books_ms INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL
) STRICT;
