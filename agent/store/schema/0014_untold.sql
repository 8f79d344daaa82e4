-- SKUs whose held units or ATP may be other than HQ was told, without a posting since: to be told again. Older programs
-- told neither, so all are.
CREATE TABLE untold (sku TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;

INSERT INTO untold SELECT DISTINCT sku FROM balance;
