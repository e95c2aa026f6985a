-- What happened: only ever appended to. Everything in the tables of 0002 follows from it.

-- One row: how much there is. Whoever writes locks it first.
CREATE TABLE ledger (
    one     BIGINT PRIMARY KEY,
    version BIGINT NOT NULL,
    events  BIGINT NOT NULL,
    leaks   BIGINT NOT NULL,
    head    BYTEA  NOT NULL
);

CREATE TABLE event (
    seq    BIGINT PRIMARY KEY,
    leak   BIGINT NOT NULL,
    tenant TEXT   NOT NULL,
    at     BIGINT NOT NULL,
    actor  TEXT   NOT NULL,
    event  TEXT   NOT NULL,
    chain  BYTEA  NOT NULL
);
CREATE INDEX event_leak ON event (leak, seq);

-- Requests that carried a token: one row for each line that was imported, told apart by its hash.
CREATE TABLE attempt (
    line   BYTEA  PRIMARY KEY,
    leak   BIGINT NOT NULL,
    tenant TEXT   NOT NULL,
    at     BIGINT NOT NULL,
    node   TEXT   NOT NULL,
    client TEXT   NOT NULL,
    host   TEXT   NOT NULL,
    method TEXT   NOT NULL,
    path   TEXT   NOT NULL,
    part   TEXT   NOT NULL,
    name   TEXT   NOT NULL,
    view   TEXT   NOT NULL,
    action TEXT   NOT NULL
);
CREATE INDEX attempt_leak ON attempt (leak, at);
CREATE INDEX attempt_tenant ON attempt (tenant, at);

-- What is set, not what happened.
CREATE TABLE tenant (
    id      TEXT   PRIMARY KEY,
    enabled BIGINT NOT NULL
);
CREATE TABLE node (
    tenant TEXT NOT NULL,
    name   TEXT NOT NULL,
    PRIMARY KEY (tenant, name)
);

-- Tokens, sealed to an operator's public key.
CREATE TABLE sealed (
    tenant    TEXT   NOT NULL,
    digest    BYTEA  NOT NULL,
    recipient TEXT   NOT NULL,
    bytes     BYTEA  NOT NULL,
    PRIMARY KEY (tenant, digest, recipient)
);
