//! The desk that a command works at: which ledger, whose leaks, and who works.

use std::env;
use std::path::Path;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use stanch::leak::{Actor, LeakId, Role, TenantId, Time, User};
use stanch::secret::ImprintKey;
use stanch_store::{By, Filter, Key, Page, Sort, Store};

use crate::outcome::{Failure, shown};
use crate::time;

/// The ledger where nothing else is said.
const LEDGER: &str = "stanch.db";

/// What tells who works, where `--by` does not.
const LOGIN: [&str; 2] = ["USER", "LOGNAME"];

const HEADING: &str = "Ledger";

#[derive(Debug, Args)]
pub(crate) struct Desk {
    /// The ledger: a file, or postgres://… (with a password only in the variable, where others do not
    /// see it)
    #[arg(
        long,
        env = "STANCH_STORE",
        hide_env_values = true,
        default_value = LEDGER,
        value_name = "LEDGER",
        help_heading = HEADING
    )]
    store: String,
    /// The tenant whose leaks these are [default: default]
    #[arg(long, env = "STANCH_TENANT", value_name = "TENANT", help_heading = HEADING)]
    tenant: Option<String>,
    /// Work in this role
    #[arg(long = "as", value_enum, value_name = "ROLE", default_value_t = RoleName::Administrator, help_heading = HEADING)]
    role: RoleName,
    /// The name that stands in the ledger for what is done [default: the login name]
    #[arg(long, env = "STANCH_BY", value_name = "NAME", help_heading = HEADING)]
    by: Option<String>,
}

/// A role, as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RoleName {
    /// Everything, for the tenant
    Administrator,
    /// Everything, for every tenant
    GlobalAdministrator,
    /// View everything of the tenant, change nothing
    Analyst,
    /// View everything of every tenant, change nothing
    GlobalAnalyst,
    /// Nothing
    None,
}

impl Desk {
    /// The ledger, which must be there.
    pub(crate) fn open(&self) -> Result<Store, Failure> {
        let is_file = !self.store.contains("://");
        let path = Path::new(self.store.strip_prefix("sqlite:").unwrap_or(&self.store));
        if is_file && !path.exists() {
            return Err(Failure::named(
                shown(path),
                "there is no ledger; `stanch tenant enable` makes one",
            ));
        }
        self.open_or_make()
    }

    /// The ledger, which is made if it is not there.
    pub(crate) fn open_or_make(&self) -> Result<Store, Failure> {
        Ok(Store::open(&self.store)?)
    }

    /// Who works.
    pub(crate) fn user(&self) -> User {
        let role = match self.role {
            RoleName::Administrator => Role::Administrator,
            RoleName::GlobalAdministrator => Role::GlobalAdministrator,
            RoleName::Analyst => Role::Analyst,
            RoleName::GlobalAnalyst => Role::GlobalAnalyst,
            RoleName::None => Role::None,
        };
        User { role, tenant: self.tenant() }
    }

    /// The tenant that is meant.
    pub(crate) fn tenant(&self) -> TenantId {
        self.tenant.clone().map_or_else(TenantId::default, TenantId)
    }

    /// The tenant that was asked for; without one, all that the role reaches are meant.
    pub(crate) fn asked(&self) -> Option<TenantId> {
        self.tenant.clone().map(TenantId)
    }

    /// Who does something now.
    pub(crate) fn by(&self) -> Result<By, Failure> {
        let login = || LOGIN.iter().find_map(|name| env::var(name).ok());
        let name = self.by.clone().or_else(login).filter(|name| !name.trim().is_empty());
        let name = name.ok_or_else(|| {
            Failure::named("--by", "nobody knows who you are; the ledger names who did what")
        })?;
        Ok(By { who: self.user(), actor: Actor::Person(name), at: now() })
    }

    /// Refuses a key that is not the one that the tokens in the ledger were imprinted with: under
    /// another one no token is ever known again.
    pub(crate) fn check_key(
        &self,
        store: &Store,
        key: &ImprintKey,
        path: &Path,
    ) -> Result<(), Failure> {
        let who = self.user();
        let oldest = store.list(&who, &Filter::default(), Sort::by(Key::Id), Page::first(1))?;
        let Some(oldest) = oldest.leaks.first() else { return Ok(()) };
        let leak = store.leak(&who, oldest.id)?;
        match leak.tokens().first().map(|token| token.imprint().key_id()) {
            Some(known) if known != key.id() => Err(Failure::WrongKey {
                file: shown(path),
                held: key.id().to_string(),
                known: known.to_string(),
            }),
            _ => Ok(()),
        }
    }
}

/// What an option takes that names one of `all`.
pub(crate) fn one_of<T: Copy + Send + Sync + 'static>(
    all: &'static [T],
    name: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    let names = PossibleValuesParser::new(all.iter().map(move |one| name(*one)));
    names.try_map(move |given| {
        all.iter().copied().find(|one| name(*one) == given).ok_or("there is no such name")
    })
}

/// The time.
pub(crate) fn now() -> Time {
    Time(i64::try_from(time::now()).unwrap_or(i64::MAX))
}

/// A time of the ledger as people read it, in UTC.
pub(crate) fn told(time: Time) -> String {
    match u64::try_from(time.0) {
        Ok(seconds) => time::told(seconds),
        Err(_) => "before 1970".to_owned(),
    }
}

/// The number of a leak, as it is written: `7`, `#7`.
pub(crate) fn leak_id(text: &str) -> Result<LeakId, String> {
    let digits = text.strip_prefix('#').unwrap_or(text);
    digits.parse().map(LeakId).map_err(|_| "a leak goes by its number: see stanch leak list".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaks_go_by_number() {
        assert_eq!((leak_id("7"), leak_id("#7")), (Ok(LeakId(7)), Ok(LeakId(7))));
        for wrong in ["", "#", "-1", "seven", "7 "] {
            assert!(leak_id(wrong).is_err(), "{wrong}");
        }
    }
}
