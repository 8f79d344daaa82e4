-- From when on, in the books' own time, HQ may know that an order is picked; NULL: it knows what there is.
ALTER TABLE customer_order ADD COLUMN told_from_ms INTEGER;
-- A case that was not resolved in its time, which somebody else has now.
ALTER TABLE case_file ADD COLUMN late INTEGER NOT NULL DEFAULT 0 CHECK (late IN (0, 1));
-- What is over is found by its age: to be learnt from, and to be forgotten.
CREATE INDEX task_done ON task (heard_ms) WHERE state = 'done';
CREATE INDEX pick_report_at ON pick_report (at_ms);
CREATE INDEX case_file_resolved ON case_file (resolved_at) WHERE resolved_at IS NOT NULL;
