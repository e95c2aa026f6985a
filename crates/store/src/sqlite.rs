//! SQLite: the ledger in one file of one machine.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use memchr::memmem::Finder;
use rusqlite::config::DbConfig;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, ToSql};

use crate::database::{Database, Table};
use crate::error::StoreError;
use crate::schema;
use crate::value::{Row, Value, odd};

/// What a SQLite file that is a ledger says in its header: `stch`.
const APPLICATION: u32 = 0x7374_6368;

/// How long to wait for other writers.
const PATIENCE: Duration = Duration::from_secs(30);

/// The longest file of which every page is looked at when it is opened, in bytes: that takes a few hundred
/// milliseconds. Of a longer one a damaged page is told when it is read.
const MOST_CHECKED: u64 = 64 << 20;

/// The name of the function that looks for a text.
pub(crate) const POSITION: &str = "stanch_position";

/// A connection to a ledger's file.
pub(crate) struct Sqlite {
    connection: Connection,
}

impl Sqlite {
    /// Opens the ledger at `path`, or makes a new one if there is nothing.
    ///
    /// A file that is no ledger, damaged or of a newer version is not written to.
    pub(crate) fn open(path: &Path) -> Result<Sqlite, StoreError> {
        match check_file(path) {
            Ok(()) => {}
            Err(Absent::Nothing) => {
                create(path)?;
                check_file(path).map_err(|absent| absent.fault(path))?;
            }
            Err(Absent::Fault(fault)) => return Err(fault),
        }
        let sqlite = Sqlite::connect(path)?;
        // Until the file is known to be sound, closing it must not move anything into it.
        let hold = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
        sqlite.connection.set_db_config(hold, true).map_err(fault)?;
        let mut database = Database::Sqlite(sqlite);
        if fs::metadata(path).is_ok_and(|meta| meta.len() <= MOST_CHECKED) {
            check_content(&mut database)?;
        }
        schema::version(&mut database)?.ok_or_else(|| no_ledger(path))?;
        let Database::Sqlite(sqlite) = database else { return Err(no_ledger(path)) };
        sqlite.connection.set_db_config(hold, false).map_err(fault)?;
        Ok(sqlite)
    }

    pub(crate) fn script(&mut self, sql: &str) -> Result<(), StoreError> {
        self.connection.execute_batch(sql).map_err(fault)
    }

    pub(crate) fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        let mut statement = self.connection.prepare_cached(sql).map_err(fault)?;
        let columns = statement.column_count();
        let mut cursor = statement.query(rusqlite::params_from_iter(values)).map_err(fault)?;
        let mut rows = Vec::new();
        while let Some(row) = cursor.next().map_err(fault)? {
            let values = (0..columns).map(|at| value(row.get_ref(at).map_err(fault)?));
            rows.push(values.collect::<Result<_, _>>()?);
        }
        Ok(rows)
    }

    pub(crate) fn numbers(&mut self, sql: &str, values: &[Value]) -> Result<Vec<i64>, StoreError> {
        let mut statement = self.connection.prepare_cached(sql).map_err(fault)?;
        let mut cursor = statement.query(rusqlite::params_from_iter(values)).map_err(fault)?;
        let mut numbers = Vec::new();
        while let Some(row) = cursor.next().map_err(fault)? {
            match row.get_ref(0).map_err(fault)? {
                ValueRef::Integer(number) => numbers.push(number),
                other => return Err(value(other).err().unwrap_or_else(odd)),
            }
        }
        Ok(numbers)
    }

    pub(crate) fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, StoreError> {
        let mut statement = self.connection.prepare_cached(sql).map_err(fault)?;
        let changed = statement.execute(rusqlite::params_from_iter(values)).map_err(fault)?;
        Ok(changed as u64)
    }

    pub(crate) fn put(
        &mut self,
        table: &Table,
        conflict: &str,
        rows: &[Row],
    ) -> Result<(), StoreError> {
        let names = table.columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let marks = vec!["?"; table.columns.len()].join(", ");
        let sql = format!("INSERT INTO {} ({names}) VALUES ({marks}) {conflict}", table.name);
        let mut statement = self.connection.prepare_cached(&sql).map_err(fault)?;
        for row in rows {
            statement.execute(rusqlite::params_from_iter(row)).map_err(fault)?;
        }
        Ok(())
    }

    fn connect(path: &Path) -> Result<Sqlite, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_EXRESCODE;
        let connection = Connection::open_with_flags(path, flags).map_err(fault)?;
        connection.busy_timeout(PATIENCE).map_err(fault)?;
        connection.set_prepared_statement_cache_capacity(128);
        connection
            .execute_batch(
                "PRAGMA synchronous = FULL; PRAGMA cell_size_check = ON;
                 PRAGMA temp_store = MEMORY; PRAGMA cache_size = -65536; PRAGMA trusted_schema = OFF;",
            )
            .map_err(fault)?;
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
        connection
            .create_scalar_function(POSITION, 2, flags, |context| position(context))
            .map_err(fault)?;
        Ok(Sqlite { connection })
    }
}

/// Where a text begins in another one. SQLite's own `instr` says the same, byte by byte.
fn position(context: &Context<'_>) -> rusqlite::Result<i64> {
    let text = context.get_raw(0).as_str()?;
    let sought = context.get_or_create_aux(1, |sought| {
        Ok::<_, rusqlite::types::FromSqlError>(Finder::new(sought.as_str()?).into_owned())
    })?;
    let found = sought.find(text.as_bytes()).and_then(|at| text.get(..at));
    Ok(found.map_or(0, |before| before.chars().count() as i64 + 1))
}

/// Whether every page of the file is one, and where it belongs.
pub(crate) fn check_content(database: &mut Database) -> Result<(), StoreError> {
    let said = database.row("PRAGMA quick_check(1)", &[])?;
    match said.map(|mut said| said.text()).transpose()? {
        Some(said) if said == "ok" => Ok(()),
        Some(said) => Err(StoreError::Corrupted(said.trim().replace('\n', "; "))),
        None => Err(StoreError::Corrupted("it cannot be checked".into())),
    }
}

/// Why there is no file to open.
enum Absent {
    Nothing,
    Fault(StoreError),
}

impl Absent {
    fn fault(self, path: &Path) -> StoreError {
        match self {
            Absent::Nothing => no_ledger(path),
            Absent::Fault(fault) => fault,
        }
    }
}

/// Looks at a file without SQLite, which would begin to repair it.
fn check_file(path: &Path) -> Result<(), Absent> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(Absent::Nothing),
        opened => opened.map_err(|error| Absent::Fault(io(path, &error)))?,
    };
    let meta = file.metadata().map_err(|error| Absent::Fault(io(path, &error)))?;
    if !meta.is_file() {
        return Err(Absent::Fault(no_ledger(path)));
    }
    let mode = meta.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(Absent::Fault(StoreError::Exposed { path: path.into(), mode }));
    }
    let mut header = Vec::new();
    let read = (&mut file).take(100).read_to_end(&mut header);
    read.map_err(|error| Absent::Fault(io(path, &error)))?;
    // A ledger comes into being as a whole: no part of one is ever seen.
    if header.is_empty() {
        let cut = format!("{} is empty", path.display());
        return Err(Absent::Fault(StoreError::Corrupted(cut)));
    }
    if !header.starts_with(b"SQLite format 3\0") {
        return Err(Absent::Fault(no_ledger(path)));
    }
    // Beside its log it may end anywhere: the log holds what is missing.
    let is_closed = !beside(path, "-wal").exists();
    let page = header.get(16..18).map_or(0, |size| u64::from(size[0]) << 8 | u64::from(size[1]));
    match header.get(68..72) {
        _ if header.len() < 100 || is_closed && page > 1 && meta.len() % page != 0 => {
            let cut = format!("{} is cut off", path.display());
            Err(Absent::Fault(StoreError::Corrupted(cut)))
        }
        Some(id) if id == APPLICATION.to_be_bytes() => Ok(()),
        _ => Err(Absent::Fault(no_ledger(path))),
    }
}

/// Makes an empty ledger. It is made under another name and gets its own when it is whole, so that
/// whoever dies on the way, or does the same at the same time, leaves nothing that is half a ledger.
fn create(path: &Path) -> Result<(), StoreError> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = path.file_name().ok_or_else(|| no_ledger(path))?.to_string_lossy();
    let name = format!(".{name}.{}-{count}.new", std::process::id());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let draft = Draft(folder.join(name));
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft.0)
        .map_err(|error| io(path, &error))?;
    let mut database = Database::Sqlite(Sqlite::connect(&draft.0)?);
    database.script(&format!("PRAGMA application_id = {APPLICATION}"))?;
    schema::migrate(&mut database)?;
    // What migrations made and dropped again leaves no hole.
    database.script("VACUUM")?;
    database.script("PRAGMA journal_mode = WAL")?;
    drop(database);
    match fs::hard_link(&draft.0, path) {
        // Somebody else was faster.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        linked => {
            linked.and_then(|()| File::open(folder)?.sync_all()).map_err(|error| io(path, &error))
        }
    }
}

/// A file that goes away again, with what SQLite puts beside it.
struct Draft(PathBuf);

impl Drop for Draft {
    fn drop(&mut self) {
        for end in ["", "-journal", "-wal", "-shm"] {
            // What stays behind has a name that nobody opens.
            let _ = fs::remove_file(beside(&self.0, end));
        }
    }
}

/// The file whose name ends so, beside another one.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

fn io(path: &Path, error: &std::io::Error) -> StoreError {
    match error.kind() {
        ErrorKind::StorageFull => StoreError::Full,
        _ => StoreError::Io { path: path.into(), reason: error.to_string() },
    }
}

fn no_ledger(path: &Path) -> StoreError {
    StoreError::NotALedger(path.display().to_string())
}

fn fault(error: rusqlite::Error) -> StoreError {
    let text = error.to_string();
    match error.sqlite_error().map(|error| error.extended_code) {
        // The file ends where there must be more.
        Some(rusqlite::ffi::SQLITE_IOERR_SHORT_READ) => return StoreError::Corrupted(text),
        // There is no room for what lies beside the file.
        Some(rusqlite::ffi::SQLITE_IOERR_SHMSIZE) => return StoreError::Full,
        _ => {}
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy,
        Some(ErrorCode::DiskFull) => StoreError::Full,
        Some(ErrorCode::DatabaseCorrupt) => StoreError::Corrupted(text),
        Some(ErrorCode::NotADatabase) => StoreError::Corrupted("it is no SQLite file".into()),
        _ => StoreError::Database(text),
    }
}

fn value(value: ValueRef<'_>) -> Result<Value, StoreError> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
        ValueRef::Text(text) => match str::from_utf8(text) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(_) => return Err(StoreError::Corrupted("a text that is no UTF-8".into())),
        },
        ValueRef::Real(_) => return Err(StoreError::Corrupted("a number of another kind".into())),
    })
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Int(number) => ValueRef::Integer(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}
