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
    /// Have a token opened that was kept sealed.
    Unseal,
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
    #[error("forbidden: {} of another tenant may not {act} for tenant {tenant}", role.with_article())]
    OtherTenant {
        /// What they are.
        role: Role,
        /// What they want to do.
        act: Act,
        /// The tenant for which they want to do it.
        tenant: TenantId,
    },
    /// They may look at everything and change nothing.
    #[error("forbidden: {} may view everything, but not {act}", role.with_article())]
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

    fn with_article(self) -> &'static str {
        match self {
            Role::Administrator => "an administrator",
            Role::GlobalAdministrator => "a global administrator",
            Role::Analyst => "an analyst",
            Role::GlobalAnalyst => "a global analyst",
            Role::None => "nobody",
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
            Act::Unseal => "unseal a token",
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

#[cfg(test)]
mod tests {
    use super::super::decision::Mode;
    use super::*;

    const ACTS: [Act; 18] = [
        Act::View,
        Act::Register,
        Act::Decide(Decision::Patch(Mode::Block)),
        Act::Decide(Decision::Patch(Mode::Monitor)),
        Act::Decide(Decision::MarkFalse),
        Act::Decide(Decision::Close),
        Act::Decide(Decision::Reopen),
        Act::Note,
        Act::Tick,
        Act::Learn,
        Act::Unseal,
        Act::BuildPatches,
        Act::Import,
        Act::ManageScope,
        Act::ManagePolicies,
        Act::ManageNodes,
        Act::ManageUsers,
        Act::SwitchModule,
    ];

    /// What somebody hears.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Answer {
        Yes,
        NoRole,
        OtherTenant,
        ReadOnly,
        ModuleOff,
    }

    /// For each role: looking, changing, and what is done while the module is off; for the own tenant with
    /// the module on and off, then for another one with the module on and off.
    #[test]
    fn who_may_do_what() {
        use Answer::{ModuleOff as Off, NoRole, OtherTenant as Other, ReadOnly, Yes};
        let rows: [(Role, [[Answer; 3]; 4]); 5] = [
            (Role::Administrator, [[Yes; 3], [Off, Off, Yes], [Other; 3], [Other; 3]]),
            (Role::GlobalAdministrator, [[Yes; 3], [Off, Off, Yes], [Yes; 3], [Off, Off, Yes]]),
            (
                Role::Analyst,
                [[Yes, ReadOnly, ReadOnly], [Off, ReadOnly, ReadOnly], [Other; 3], [Other; 3]],
            ),
            (
                Role::GlobalAnalyst,
                [
                    [Yes, ReadOnly, ReadOnly],
                    [Off, ReadOnly, ReadOnly],
                    [Yes, ReadOnly, ReadOnly],
                    [Off, ReadOnly, ReadOnly],
                ],
            ),
            (Role::None, [[NoRole; 3]; 4]),
        ];
        assert_eq!(rows.map(|(role, _)| role), Role::ALL);
        for (role, expected) in rows {
            let who = User { role, tenant: TenantId("shop".into()) };
            let cases = [("shop", true), ("shop", false), ("bank", true), ("bank", false)];
            for ((tenant, enabled), expected) in cases.into_iter().zip(expected) {
                let tenant = Tenant { id: TenantId(tenant.into()), enabled };
                for act in ACTS {
                    let expected = match act {
                        Act::View => expected[0],
                        Act::SwitchModule | Act::ManageUsers => expected[2],
                        _ => expected[1],
                    };
                    let answer = match permit(&who, act, &tenant) {
                        Ok(()) => Answer::Yes,
                        Err(Denied::NoRole(denied)) => {
                            assert_eq!(denied, act);
                            Answer::NoRole
                        }
                        Err(Denied::OtherTenant { .. }) => Answer::OtherTenant,
                        Err(Denied::ReadOnly { .. }) => Answer::ReadOnly,
                        Err(Denied::ModuleOff(id)) => {
                            assert_eq!(id, tenant.id);
                            Answer::ModuleOff
                        }
                    };
                    assert_eq!(answer, expected, "{role} {act:?} {tenant:?}");
                }
            }
        }
    }

    #[test]
    fn the_module_is_off_until_it_is_switched_on() {
        let tenant = Tenant::default();
        let root = User { role: Role::GlobalAdministrator, tenant: TenantId::default() };
        let denied = permit(&root, Act::View, &tenant).unwrap_err();
        assert_eq!(
            denied.to_string(),
            "the module is off for tenant default; an administrator can switch it on"
        );
        let on = Tenant { enabled: permit(&root, Act::SwitchModule, &tenant).is_ok(), ..tenant };
        assert_eq!(permit(&root, Act::View, &on), Ok(()));
    }

    #[test]
    fn denials_say_who_and_what() {
        let tenant = Tenant { enabled: true, ..Tenant::default() };
        let say = |role, tenant_of_user: &str, act| {
            let who = User { role, tenant: TenantId(tenant_of_user.into()) };
            permit(&who, act, &tenant).unwrap_err().to_string()
        };
        let close = Act::Decide(Decision::Close);
        assert_eq!(
            say(Role::Analyst, "default", close),
            "forbidden: an analyst may view everything, but not close a leak"
        );
        assert_eq!(
            say(Role::Administrator, "shop", close),
            "forbidden: an administrator of another tenant may not close a leak for tenant default"
        );
        assert_eq!(
            say(Role::None, "default", Act::View),
            "forbidden: whoever has no role may not view anything"
        );
    }
}
