-- Lists anew: each order's index holds everything that is filtered by in two numbers, and what is searched for
-- stands by itself, close together. All of it follows from the events and is made anew from them.

DROP TABLE leak;
DROP TABLE source;
DROP INDEX token_class;
DELETE FROM token;
DELETE FROM place;
DELETE FROM projection;

CREATE TABLE leak (
    id         BIGINT PRIMARY KEY,
    tenant     TEXT   NOT NULL,
    status     BIGINT NOT NULL,
    patch      BIGINT NOT NULL,
    score      BIGINT NOT NULL,
    residual   BIGINT NOT NULL,
    level      BIGINT NOT NULL,
    critical   BIGINT NOT NULL,
    first_seen BIGINT NOT NULL,
    last_seen  BIGINT NOT NULL,
    attempts   BIGINT NOT NULL,
    tokens     BIGINT NOT NULL,
    sources    BIGINT NOT NULL,
    places     BIGINT NOT NULL,
    class      TEXT   NOT NULL,
    source     TEXT   NOT NULL,
    target     TEXT   NOT NULL,
    target_key TEXT   NOT NULL,
    rated_at   BIGINT NOT NULL,
    due        BIGINT,
    -- A bit for its status, level, patch, whether it is critical, and each kind of place where it was found.
    marks      BIGINT NOT NULL,
    -- The hash of the class of its tokens; below zero a bit for each of their classes.
    class_key  BIGINT NOT NULL
);
-- One for each order of lists, so that no page has to be sorted, and no row read but those of the page: for one
-- tenant and for several.
CREATE INDEX leak_status ON leak (status, score DESC, id, tenant, marks, class_key);
CREATE INDEX leak_number ON leak (id, tenant, marks, class_key);
CREATE INDEX leak_score ON leak (score DESC, id, tenant, marks, class_key);
CREATE INDEX leak_residual ON leak (residual DESC, id, tenant, marks, class_key);
CREATE INDEX leak_first_seen ON leak (first_seen DESC, id, tenant, marks, class_key);
CREATE INDEX leak_last_seen ON leak (last_seen DESC, id, tenant, marks, class_key);
CREATE INDEX leak_attempts ON leak (attempts DESC, id, tenant, marks, class_key);
CREATE INDEX leak_class ON leak (class, id, tenant, marks, class_key);
CREATE INDEX leak_source ON leak (source, id, tenant, marks, class_key);
CREATE INDEX leak_target ON leak (target_key, id, tenant, marks, class_key);
CREATE INDEX leak_due ON leak (due);

-- What is searched for, in lower case, a row a leak. The words begin with the places where it was found, up to the
-- character `ending`.
CREATE TABLE search (
    leak   BIGINT PRIMARY KEY,
    ending BIGINT NOT NULL,
    target TEXT   NOT NULL,
    words  TEXT   NOT NULL
);
