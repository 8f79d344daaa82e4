-- Orders are found by when they came, in the books' own time: for the figures of a day.
ALTER TABLE customer_order ADD COLUMN came_ms INTEGER NOT NULL DEFAULT 0;
UPDATE customer_order SET came_ms = json_extract(steps, '$[0][1]');
CREATE INDEX customer_order_came ON customer_order (came_ms);
