//! A ledger to test with, in either database.

use stanch::leak::TenantId;
use stanch_store::Store;
use tempfile::TempDir;

pub(crate) use crate::sample::{NOW, all, ann, ann_at, found, own, register, token, user};
use crate::server::Server;

/// An empty ledger with the module on for the tenant `default`.
pub(crate) struct Fixture {
    pub(crate) address: String,
    pub(crate) store: Store,
    /// Whether it is SQLite.
    pub(crate) is_file: bool,
    _folder: TempDir,
}

impl Fixture {
    pub(crate) fn sqlite() -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let address = folder.path().join("ledger.db").to_str().unwrap().to_owned();
        Fixture::new(address, true, folder)
    }

    pub(crate) fn postgres() -> Fixture {
        Fixture::new(Server::shared().database(), false, tempfile::tempdir().unwrap())
    }

    /// The ledger, opened once more.
    pub(crate) fn open(&self) -> Store {
        Store::open(&self.address).unwrap()
    }

    fn new(address: String, is_file: bool, folder: TempDir) -> Fixture {
        let store = Store::open(&address).unwrap();
        store.switch(&ann(), &TenantId::default(), true).unwrap();
        Fixture { address, store, is_file, _folder: folder }
    }
}

/// Makes each of the functions a test with either database.
macro_rules! both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[test] fn $name() { super::$name(&crate::fixture::Fixture::sqlite()); })+
        }
        mod postgres {
            $(#[test] fn $name() { super::$name(&crate::fixture::Fixture::postgres()); })+
        }
    };
}
pub(crate) use both;
