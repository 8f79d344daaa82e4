-- What more is known of an order; see agent/core/orders.py. Its lines are JSON with more in each since:
-- [[line, sku, qty, unavailable, [substitute, …], tolerance_pct, member], …]. `question` is JSON: [line, [candidate, …]];
-- `amends` [[name, what it said], …].
ALTER TABLE customer_order ADD COLUMN fulfil TEXT NOT NULL DEFAULT 'courier' CHECK (fulfil IN ('courier', 'pickup', 'ship'));
ALTER TABLE customer_order ADD COLUMN pay_within_s INTEGER NOT NULL DEFAULT 0;
ALTER TABLE customer_order ADD COLUMN promise_min INTEGER NOT NULL DEFAULT 0;
ALTER TABLE customer_order ADD COLUMN code TEXT NOT NULL DEFAULT '';
ALTER TABLE customer_order ADD COLUMN group_buy TEXT NOT NULL DEFAULT '';
ALTER TABLE customer_order ADD COLUMN courier_at_ms INTEGER;
ALTER TABLE customer_order ADD COLUMN short TEXT NOT NULL DEFAULT '';
ALTER TABLE customer_order ADD COLUMN why TEXT NOT NULL DEFAULT '';
ALTER TABLE customer_order ADD COLUMN question TEXT;
ALTER TABLE customer_order ADD COLUMN amends TEXT NOT NULL DEFAULT '[]';
