//! Who may do what: everything that the ledger is asked passes here.

use stanch::leak::{Act, Denied, Leak, Tenant, TenantId, User, permit};

use crate::database::{Conflict, Database};
use crate::error::StoreError;
use crate::schema::{NODE, TENANT};
use crate::store::{By, Store};
use crate::value::{Columns, Value};

/// Whether `who` may do `act` for `tenant`.
pub(crate) fn check(
    database: &mut Database,
    who: &User,
    act: Act,
    tenant: &TenantId,
) -> Result<(), StoreError> {
    Ok(permit(who, act, &find(database, tenant)?)?)
}

/// Whether `who` may do `act` with `leak`. Whoever belongs to another tenant does not learn that it
/// exists.
pub(crate) fn check_leak(
    database: &mut Database,
    who: &User,
    act: Act,
    leak: &Leak,
) -> Result<(), StoreError> {
    match check(database, who, act, leak.tenant()) {
        Err(StoreError::Denied(Denied::OtherTenant { .. })) => {
            Err(StoreError::UnknownLeak(leak.id()))
        }
        checked => checked,
    }
}

/// The tenants whose leaks `who` may do `act` with: the one that is asked for, or each. At least one.
pub(crate) fn tenants(
    database: &mut Database,
    who: &User,
    act: Act,
    asked: Option<&TenantId>,
) -> Result<Vec<TenantId>, StoreError> {
    if let Some(tenant) = asked {
        check(database, who, act, tenant)?;
        return Ok(vec![tenant.clone()]);
    }
    let all = database.query("SELECT id, enabled FROM tenant ORDER BY id", &[])?;
    let all: Vec<Tenant> = all
        .into_iter()
        .map(|row| {
            let mut row = Columns::of(row);
            Ok(Tenant { id: TenantId(row.text()?), enabled: row.int()? != 0 })
        })
        .collect::<Result<_, StoreError>>()?;
    let may = all.into_iter().filter(|tenant| permit(who, act, tenant).is_ok());
    let may: Vec<TenantId> = may.map(|tenant| tenant.id).collect();
    if may.is_empty() {
        // Says why not, of the user's own.
        check(database, who, act, &who.tenant)?;
    }
    Ok(may)
}

/// The names of the nodes that are enrolled for a tenant, sorted.
pub(crate) fn nodes(database: &mut Database, tenant: &TenantId) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT name FROM node WHERE tenant = ?1 ORDER BY name";
    let rows = database.query(sql, &[tenant.0.as_str().into()])?;
    rows.into_iter().map(|row| Columns::of(row).text()).collect()
}

impl Store {
    /// Switches the module on or off for a tenant. For a new tenant it is off.
    ///
    /// # Errors
    ///
    /// [`StoreError::Denied`] if the user may not.
    pub fn switch(&self, by: &By, tenant: &TenantId, on: bool) -> Result<(), StoreError> {
        self.write_plain(|database| {
            check(database, &by.who, Act::SwitchModule, tenant)?;
            let row = vec![tenant.0.as_str().into(), on.into()];
            database.put(&TENANT, Conflict::Replace, &[row])
        })
    }

    /// The tenants that the user may see, and whether the module is on for them.
    ///
    /// # Errors
    ///
    /// [`StoreError::Denied`] if the user has no role.
    pub fn tenants(&self, who: &User) -> Result<Vec<Tenant>, StoreError> {
        self.read(|database| {
            let rows = database.query("SELECT id FROM tenant ORDER BY id", &[])?;
            let mut seen = Vec::new();
            for row in rows {
                let tenant = find(database, &TenantId(Columns::of(row).text()?))?;
                // As if it were on: whether it is, is what is asked.
                let on = Tenant { enabled: true, ..tenant.clone() };
                match permit(who, Act::View, &on) {
                    Ok(()) => seen.push(tenant),
                    Err(Denied::OtherTenant { .. }) => {}
                    Err(denied) => return Err(denied.into()),
                }
            }
            Ok(seen)
        })
    }

    /// Enrols nodes for a tenant. What patches protect depends on them, so that its patched leaks are rated
    /// anew.
    ///
    /// # Errors
    ///
    /// [`StoreError::Denied`] if the user may not.
    pub fn enrol(&self, by: &By, tenant: &TenantId, names: &[String]) -> Result<(), StoreError> {
        self.write(by.at, |ledger| {
            check(ledger.database, &by.who, Act::ManageNodes, tenant)?;
            let mut names: Vec<&String> = names.iter().collect();
            names.sort();
            names.dedup();
            let row = |name: &&String| vec![tenant.0.as_str().into(), name.as_str().into()];
            let rows: Vec<_> = names.iter().map(row).collect();
            ledger.database.put(&NODE, Conflict::Keep, &rows)?;
            ledger.touch_patched(tenant)
        })
    }

    /// Removes a node.
    ///
    /// # Errors
    ///
    /// [`StoreError::Denied`] if the user may not; [`StoreError::Unknown`] if it is not enrolled.
    pub fn remove_node(&self, by: &By, tenant: &TenantId, name: &str) -> Result<(), StoreError> {
        self.write(by.at, |ledger| {
            check(ledger.database, &by.who, Act::ManageNodes, tenant)?;
            let values = [Value::from(tenant.0.as_str()), name.into()];
            let sql = "DELETE FROM node WHERE tenant = ?1 AND name = ?2";
            match ledger.database.execute(sql, &values)? {
                0 => Err(StoreError::Unknown(format!("no node {name} is enrolled"))),
                _ => ledger.touch_patched(tenant),
            }
        })
    }

    /// The names of a tenant's nodes, sorted.
    ///
    /// # Errors
    ///
    /// [`StoreError::Denied`] if the user may not look.
    pub fn nodes(&self, who: &User, tenant: &TenantId) -> Result<Vec<String>, StoreError> {
        self.read(|database| {
            check(database, who, Act::View, tenant)?;
            nodes(database, tenant)
        })
    }
}

/// A tenant as the ledger knows it. One that it does not know has the module off.
fn find(database: &mut Database, tenant: &TenantId) -> Result<Tenant, StoreError> {
    let sql = "SELECT enabled FROM tenant WHERE id = ?1";
    let row = database.row(sql, &[tenant.0.as_str().into()])?;
    let enabled = row.map(|mut row| row.int()).transpose()?.is_some_and(|enabled| enabled != 0);
    Ok(Tenant { id: tenant.clone(), enabled })
}
