-- What grows is found by its time: couriers to be forgotten, counts and broken promises of a day, the last day told.
CREATE INDEX parcel_named ON parcel (at_ms) WHERE handed_to <> '';
CREATE INDEX count_session_closed ON count_session (closed_at) WHERE closed_at IS NOT NULL;
CREATE INDEX case_file_breach ON case_file (opened_at) WHERE kind = 'breach';
CREATE INDEX trading_day_until ON trading_day (until_ms);
