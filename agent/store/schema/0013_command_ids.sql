-- A command is known again by its id, whatever counter it comes under.
CREATE INDEX command_by_id ON command (id);
