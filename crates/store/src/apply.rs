//! Applying policies that decide.

use stanch::leak::{Act, Leak, LeakId, Status, TenantId, User};

use crate::access;
use crate::database::Database;
use crate::error::StoreError;
use crate::ledger::{self, id_of};
use crate::policy::{DecisionPolicy, Planned};
use crate::project::status_number;
use crate::rate;
use crate::store::{By, Store};
use crate::value::Value;

/// How many leaks are decided about in one transaction.
const STEP: usize = 500;

impl Store {
    /// What a policy would decide now about the leaks of one tenant, or of each that the user may see, by number; with
    /// what the leaks refuse. Nothing is decided.
    ///
    /// # Errors
    ///
    /// [`StoreError::Denied`] if the user may see none.
    pub fn plan_policy(
        &self,
        by: &By,
        tenant: Option<&TenantId>,
        policy: &DecisionPolicy,
    ) -> Result<Vec<Planned>, StoreError> {
        self.read(|database| {
            let mut planned = Vec::new();
            for tenant in access::tenants(database, &by.who, Act::View, tenant)? {
                planned.extend(self.plan_of(database, by, &tenant, policy)?);
            }
            planned.sort_by_key(|planned| planned.leak);
            Ok(planned)
        })
    }

    /// Decides what a policy says about the leaks of one tenant, or of each for which the user may: see
    /// [`Store::plan_policy`], which it gives. The actor is the policy; its rule and who applied it stand in the note.
    /// To apply it again does nothing.
    ///
    /// Hundreds of leaks at a time are decided about at once; where it ends with an error, what was decided before
    /// stays.
    ///
    /// # Errors
    ///
    /// [`StoreError::Denied`] if the user may not apply policies, or not decide what this one does.
    pub fn apply_policy(
        &self,
        by: &By,
        tenant: Option<&TenantId>,
        policy: &DecisionPolicy,
    ) -> Result<Vec<Planned>, StoreError> {
        let tenants =
            self.read(|database| tenants_to_decide_for(database, &by.who, tenant, policy))?;
        let mut done = Vec::new();
        for tenant in tenants {
            let planned = self.read(|database| self.plan_of(database, by, &tenant, policy))?;
            let ids: Vec<LeakId> = planned.iter().map(|planned| planned.leak).collect();
            for ids in ids.chunks(STEP) {
                done.extend(self.apply_to(by, ids, policy)?);
            }
        }
        done.sort_by_key(|planned| planned.leak);
        Ok(done)
    }

    /// What the policy says of each opened leak of a tenant.
    fn plan_of(
        &self,
        database: &mut Database,
        by: &By,
        tenant: &TenantId,
        policy: &DecisionPolicy,
    ) -> Result<Vec<Planned>, StoreError> {
        let nodes = access::nodes(database, tenant)?;
        let sql = "SELECT id FROM leak WHERE tenant = ?1 AND status = ?2 ORDER BY id";
        let values = [Value::from(tenant.0.as_str()), status_number(Status::Opened).into()];
        let ids = database.query(sql, &values)?.into_iter().map(id_of);
        let ids: Vec<LeakId> = ids.collect::<Result<_, _>>()?;
        let mut planned = Vec::new();
        for ids in ids.chunks(STEP) {
            for leak in ledger::load(database, ids)? {
                planned.extend(self.plan_for(by, &leak, &nodes, policy));
            }
        }
        Ok(planned)
    }

    /// Decides about leaks at once, as they are by now: somebody may have been faster.
    fn apply_to(
        &self,
        by: &By,
        ids: &[LeakId],
        policy: &DecisionPolicy,
    ) -> Result<Vec<Planned>, StoreError> {
        self.write(by.at, |ledger| {
            ledger.load(ids)?;
            let mut done = Vec::new();
            for id in ids {
                let leak = ledger.leak(*id)?.clone();
                let nodes = ledger.nodes(leak.tenant())?;
                let Some(planned) = self.plan_for(by, &leak, &nodes, policy) else { continue };
                let act = Act::Decide(planned.decision);
                access::check_leak(ledger.database, &by.who, act, &leak)?;
                if let Ok(entry) = &planned.entry {
                    ledger.append(entry)?;
                }
                done.push(planned);
            }
            Ok(done)
        })
    }

    fn plan_for(
        &self,
        by: &By,
        leak: &Leak,
        nodes: &[String],
        policy: &DecisionPolicy,
    ) -> Option<Planned> {
        let rated = rate::rate(self.policy(), leak, nodes, by.at)?;
        policy.plan(leak, &rated.assessment, nodes, by.at, &by.actor)
    }
}

/// The tenants for which the user may do all that the policy decides.
fn tenants_to_decide_for(
    database: &mut Database,
    who: &User,
    asked: Option<&TenantId>,
    policy: &DecisionPolicy,
) -> Result<Vec<TenantId>, StoreError> {
    let mut tenants = access::tenants(database, who, Act::ManagePolicies, asked)?;
    for rule in policy.rules() {
        let may = access::tenants(database, who, Act::Decide(rule.decision()), asked)?;
        tenants.retain(|tenant| may.contains(tenant));
    }
    Ok(tenants)
}
