-- What was reported of the hold's work, in order: JSON, [[name, what it said], …]. `lines` go on after `consumed` now, once
-- somebody worked at them, with pulled [[place, units], …], back [[place, units], …], lost, state, instead_of.
ALTER TABLE hold ADD COLUMN works TEXT NOT NULL DEFAULT '[]';
