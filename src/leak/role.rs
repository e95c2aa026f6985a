//! Who may do what.

use std::fmt;

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::decision::Decision;
use super::record::TenantId;

/// What somebody is. The global ones are so for every tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Role {
    /// May do everything, for the tenant that they belong to.
    Administrator,
    /// May do everything, for every tenant.
    GlobalAdministrator,
    /// May look at everything and change nothing, for the tenant that they belong to.
    Analyst,
    /// May look at everything and change nothing, for every tenant.
    GlobalAnalyst,
    /// May do nothing.
    #[default]
    None,
}

/// Something that can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// Look at leaks, their history, attempts, ratings and reports.
    View,
    /// Register a leak by hand, or have a scan register what it finds.
    Register,
    /// Decide about a leak.
    Decide(Decision),
    /// Say something to a leak.
    Note,
    /// Tick off a place where a token is used, or take that back.
    Tick,
    /// Say what was learned of a token: whether it is valid, replaced, how much it reaches.
    Learn,
    /// Build a patch set out of what was decided.
    BuildPatches,
    /// Take in what nodes saw: attempts, confirmations.
    Import,
    /// Say what is scanned.
    ManageScope,
    /// Write a policy that decides.
    ManagePolicies,
    /// Enrol a node, or remove one.
    ManageNodes,
    /// Say who is what.
    ManageUsers,
    /// Switch the module on or off for the tenant.
    SwitchModule,
}

/// Somebody who wants to do something.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case", deny_unknown_fields))]
pub struct User {
    /// What they are.
    pub role: Role,
    /// The tenant that they belong to.
    pub tenant: TenantId,
}

/// A tenant. The module is off for it until somebody switches it on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case", deny_unknown_fields))]
pub struct Tenant {
    /// Which one.
    pub id: TenantId,
    /// Whether the module is on for it.
    pub enabled: bool,
}

/// Why somebody may not do something.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Denied {
    /// They have no role.
    #[error("forbidden: whoever has no role may not {0}")]
    NoRole(Act),
    /// They belong to another tenant.
    #[error("forbidden: {role} of another tenant may not {act} for tenant {tenant}")]
    OtherTenant {
        /// What they are.
        role: Role,
        /// What they want to do.
        act: Act,
        /// The tenant for which they want to do it.
        tenant: TenantId,
    },
    /// They may look at everything and change nothing.
    #[error("forbidden: {role} may view everything, but not {act}")]
    ReadOnly {
        /// What they are.
        role: Role,
        /// What they want to do.
        act: Act,
    },
    /// The module is off for the tenant.
    #[error("the module is off for tenant {0}; an administrator can switch it on")]
    ModuleOff(TenantId),
}

/// Whether `who` may do `act` for `tenant`. Nothing else says who may do what.
///
/// # Errors
///
/// [`Denied`], of several reasons the first: no role, another tenant, a role that changes nothing, the
/// module off. While the module is off, administrators may say who is what and switch it on.
pub fn permit(who: &User, act: Act, tenant: &Tenant) -> Result<(), Denied> {
    let role = who.role;
    if role == Role::None {
        return Err(Denied::NoRole(act));
    }
    if !role.is_global() && who.tenant != tenant.id {
        return Err(Denied::OtherTenant { role, act, tenant: tenant.id.clone() });
    }
    if act != Act::View && !role.changes() {
        return Err(Denied::ReadOnly { role, act });
    }
    match tenant.enabled || matches!(act, Act::SwitchModule | Act::ManageUsers) {
        true => Ok(()),
        false => Err(Denied::ModuleOff(tenant.id.clone())),
    }
}

impl Role {
    /// All roles.
    pub const ALL: [Role; 5] = [
        Role::Administrator,
        Role::GlobalAdministrator,
        Role::Analyst,
        Role::GlobalAnalyst,
        Role::None,
    ];

    /// `administrator`, `global-administrator`, `analyst`, `global-analyst` or `none`.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Administrator => "administrator",
            Role::GlobalAdministrator => "global-administrator",
            Role::Analyst => "analyst",
            Role::GlobalAnalyst => "global-analyst",
            Role::None => "none",
        }
    }

    fn is_global(self) -> bool {
        matches!(self, Role::GlobalAdministrator | Role::GlobalAnalyst)
    }

    fn changes(self) -> bool {
        matches!(self, Role::Administrator | Role::GlobalAdministrator)
    }
}

/// As a sentence goes on: "may not …".
impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Act::View => "view anything",
            Act::Register => "register a leak",
            Act::Decide(Decision::Patch(_)) => "patch a leak",
            Act::Decide(Decision::MarkFalse) => "mark a leak false",
            Act::Decide(Decision::Close) => "close a leak",
            Act::Decide(Decision::Reopen) => "reopen a leak",
            Act::Note => "write a note",
            Act::Tick => "tick off a place",
            Act::Learn => "say what was learned of a token",
            Act::BuildPatches => "build a patch set",
            Act::Import => "import attempts",
            Act::ManageScope => "change what is scanned",
            Act::ManagePolicies => "write policies",
            Act::ManageNodes => "enrol nodes",
            Act::ManageUsers => "give roles",
            Act::SwitchModule => "switch the module on or off",
        })
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
