-- Which fields of users' records a client may copy; a JSON array of texts.
ALTER TABLE ww_clients ADD COLUMN user_fields TEXT NOT NULL DEFAULT '[]';
