-- What follows from the events, for lists: written with them, and made anew from them.

-- One row: the policy by which the leaks were rated.
CREATE TABLE projection (
    one    BIGINT PRIMARY KEY,
    policy BYTEA  NOT NULL
);

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
    words      TEXT   NOT NULL
);
-- One for each order of lists, so that no page has to be sorted. Each holds what is filtered by most, so that
-- whoever looks for it or counts need not read the rows.
CREATE INDEX leak_status ON leak (tenant, status, score DESC, id, level, critical, patch);
CREATE INDEX leak_number ON leak (tenant, id, status, level, critical, patch);
CREATE INDEX leak_score ON leak (tenant, score DESC, id, status, level, critical, patch);
CREATE INDEX leak_residual ON leak (tenant, residual DESC, id, status, level, critical, patch);
CREATE INDEX leak_first_seen ON leak (tenant, first_seen DESC, id, status, level, critical, patch);
CREATE INDEX leak_last_seen ON leak (tenant, last_seen DESC, id, status, level, critical, patch);
CREATE INDEX leak_attempts ON leak (tenant, attempts DESC, id, status, level, critical, patch);
CREATE INDEX leak_class ON leak (tenant, class, id, status, level, critical, patch);
CREATE INDEX leak_source ON leak (tenant, source, id, status, level, critical, patch);
CREATE INDEX leak_target ON leak (tenant, target_key, id, status, score, level, critical, patch);
CREATE INDEX leak_due ON leak (due);

CREATE TABLE token (
    tenant  TEXT   NOT NULL,
    digest  BYTEA  NOT NULL,
    leak    BIGINT NOT NULL,
    class   TEXT   NOT NULL,
    imprint BYTEA  NOT NULL,
    PRIMARY KEY (tenant, digest)
);
CREATE INDEX token_leak ON token (leak);
CREATE INDEX token_class ON token (class, leak);

CREATE TABLE source (
    leak   BIGINT NOT NULL,
    number BIGINT NOT NULL,
    kind   TEXT   NOT NULL,
    words  TEXT   NOT NULL,
    PRIMARY KEY (leak, number)
);
CREATE INDEX source_kind ON source (kind, leak);

CREATE TABLE place (
    leak   BIGINT NOT NULL,
    host   TEXT   NOT NULL,
    method TEXT   NOT NULL,
    path   TEXT   NOT NULL,
    part   TEXT   NOT NULL,
    name   TEXT   NOT NULL,
    client TEXT   NOT NULL,
    ticked BIGINT NOT NULL,
    PRIMARY KEY (leak, host, method, path, part, name, client)
);
