//! PostgreSQL, for teams.

use std::collections::HashMap;
use std::time::Duration;

use postgres::error::SqlState;
use postgres::types::{IsNull, ToSql, Type, private::BytesMut};
use postgres::{Client, Config, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::database::Table;
use crate::error::StoreError;
use crate::tls::Tls;
use crate::value::{Kind, Row, Value};

/// How many rows go into one statement.
const BATCH: usize = 2_000;

/// A connection that is made anew when it broke.
pub(crate) struct Postgres {
    config: Config,
    tls: MakeRustlsConnect,
    client: Client,
    statements: HashMap<String, Statement>,
}

impl Postgres {
    /// Connects to the server that `url` names.
    pub(crate) fn connect(url: &str) -> Result<Postgres, StoreError> {
        let (url, tls) = Tls::split(url)?;
        let mut config: Config = url.parse().map_err(|_| {
            // What the parser says may hold the password.
            StoreError::Address("that is no address of a PostgreSQL server".into())
        })?;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Duration::from_secs(10));
        }
        config.application_name("stanch").ssl_mode(tls.mode());
        let tls = tls.connector()?;
        let client = begin(&config, &tls)?;
        Ok(Postgres { config, tls, client, statements: HashMap::new() })
    }

    /// Makes sure that there is a connection, at the beginning of a transaction.
    pub(crate) fn revive(&mut self) -> Result<(), StoreError> {
        if self.client.is_closed() {
            self.statements.clear();
            self.client = begin(&self.config, &self.tls)?;
        }
        Ok(())
    }

    pub(crate) fn script(&mut self, sql: &str) -> Result<(), StoreError> {
        self.client.batch_execute(sql).map_err(fault)
    }

    pub(crate) fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        let statement = self.statement(sql)?;
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as _).collect();
        let rows = self.client.query(&statement, &values).map_err(fault)?;
        rows.iter().map(|row| (0..row.len()).map(|at| value(row, at)).collect()).collect()
    }

    /// The first column of all rows as one value: a row each would take longer than the work.
    pub(crate) fn numbers(&mut self, sql: &str, values: &[Value]) -> Result<Vec<i64>, StoreError> {
        let statement =
            self.statement(&format!("SELECT array_agg(number) FROM ({sql}) AS found (number)"))?;
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as _).collect();
        let row = self.client.query_one(&statement, &values).map_err(fault)?;
        let numbers: Option<Vec<i64>> = row.try_get(0).map_err(fault)?;
        Ok(numbers.unwrap_or_default())
    }

    pub(crate) fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, StoreError> {
        let statement = self.statement(sql)?;
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as _).collect();
        self.client.execute(&statement, &values).map_err(fault)
    }

    /// Many rows in few statements: a round trip for each would take longer than the work.
    pub(crate) fn put(
        &mut self,
        table: &Table,
        conflict: &str,
        rows: &[Row],
    ) -> Result<(), StoreError> {
        let columns = table.columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let arrays: Vec<String> = table
            .columns
            .iter()
            .zip(1..)
            .map(|((_, kind), at)| {
                let kind = match kind {
                    Kind::Int => "BIGINT",
                    Kind::Text => "TEXT",
                    Kind::Bytes => "BYTEA",
                };
                format!("?{at}::{kind}[]")
            })
            .collect();
        let sql = format!(
            "INSERT INTO {} ({columns}) SELECT * FROM unnest({}) {conflict}",
            table.name,
            arrays.join(", ")
        );
        for rows in rows.chunks(BATCH) {
            let statement = self.statement(&sql)?;
            let arrays: Vec<Vec<&Value>> = (0..table.columns.len())
                .map(|column| rows.iter().filter_map(|row| row.get(column)).collect())
                .collect();
            let values: Vec<&(dyn ToSql + Sync)> = arrays.iter().map(|array| array as _).collect();
            self.client.execute(&statement, &values).map_err(fault)?;
        }
        Ok(())
    }

    fn statement(&mut self, sql: &str) -> Result<Statement, StoreError> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(&sql.replace('?', "$")).map_err(fault)?;
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

fn begin(config: &Config, tls: &MakeRustlsConnect) -> Result<Client, StoreError> {
    let mut client = config.connect(tls.clone()).map_err(fault)?;
    // An acknowledged commit is on the disk, whatever the server's default is. A plan that was made while a
    // table was small is the wrong one when it has grown, and no statement runs for so long that compiling it
    // pays.
    client
        .batch_execute(
            "SET synchronous_commit = on; SET lock_timeout = '30s'; SET client_min_messages = warning;
             SET plan_cache_mode = force_custom_plan; SET jit = off",
        )
        .map_err(fault)?;
    Ok(client)
}

/// What the database says, without the values that it says it of.
fn fault(error: postgres::Error) -> StoreError {
    let Some(said) = error.as_db_error() else {
        return StoreError::Unreachable(chain(&error));
    };
    let code = said.code();
    match code {
        _ if *code == SqlState::DISK_FULL => StoreError::Full,
        _ if *code == SqlState::LOCK_NOT_AVAILABLE => StoreError::Busy,
        _ if *code == SqlState::DATA_CORRUPTED || *code == SqlState::INDEX_CORRUPTED => {
            StoreError::Corrupted(said.message().to_owned())
        }
        // Class 08: connections; 28: who may connect; 3D: which database; 57P: the server ends.
        _ if ["08", "28", "3D", "57P"].iter().any(|class| code.code().starts_with(class)) => {
            StoreError::Unreachable(said.message().to_owned())
        }
        _ => StoreError::Database(said.message().to_owned()),
    }
}

/// An error and what it comes from, each once.
fn chain(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let text = source.to_string();
        if !told.contains(&text) {
            told = format!("{told}: {text}");
        }
        next = source.source();
    }
    told
}

fn value(row: &postgres::Row, at: usize) -> Result<Value, StoreError> {
    let value = match *row.columns()[at].type_() {
        Type::INT8 => row.try_get::<_, Option<i64>>(at).map(Value::from),
        Type::INT4 => row.try_get::<_, Option<i32>>(at).map(|value| value.map(i64::from).into()),
        Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(at).map(Value::from),
        _ => row.try_get::<_, Option<String>>(at).map(Value::from),
    };
    value.map_err(fault)
}

impl ToSql for Value {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Value::Null => Ok(IsNull::Yes),
            Value::Int(number) => number.to_sql(kind, out),
            Value::Text(text) => text.to_sql(kind, out),
            Value::Bytes(bytes) => bytes.to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        matches!(*kind, Type::INT8 | Type::TEXT | Type::BYTEA)
    }

    postgres::types::to_sql_checked!();
}
