-- Of the facts about one user's record (kind 6) the last is kept.
CREATE INDEX ww_facts_by_record ON ww_facts (id) WHERE kind = 6;
