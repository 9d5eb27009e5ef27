//! What a token may do, read from a create body or a patched token.

use serde_json::{Map, Value};

use super::refusal::Refusal;
use crate::state::roles::CustomRole;
use crate::state::statement::Statement;
use crate::state::token::{BaseRole, Rights};
use crate::state::world::World;
use crate::switches::{RoleConflict, RoleMissing};

/// What was asked for, before the rules are applied.
#[derive(Debug)]
pub struct Wish {
    role: Option<BaseRole>,
    custom_roles: Vec<String>,
    inline_role: Vec<Statement>,
}

/// How custom roles may be answers.
#[derive(Debug, Clone, Copy)]
pub struct Names {
    /// By key.
    pub keys: bool,
    /// By ID.
    pub ids: bool,
}

impl Wish {
    /// Reads `role`, `customRoleIds` and `inlineRole`; null and empty ones count as absent.
    ///
    /// # Errors
    /// 400 for a value of the wrong shape.
    pub fn read(members: &Map<String, Value>) -> Result<Self, Refusal> {
        let inline_role: Vec<Statement> = member(members, "inlineRole")?.unwrap_or_default();
        if let Some(problem) = inline_role.iter().find_map(Statement::problem) {
            return Err(Refusal::invalid(problem));
        }
        Ok(Self {
            role: member(members, "role")?,
            custom_roles: member(members, "customRoleIds")?.unwrap_or_default(),
            inline_role,
        })
    }

    /// Applies the rules: exactly one kind, role names resolved, the plan permitting.
    ///
    /// # Errors
    /// 400 for none or two kinds and for unknown roles, 403 for what the plan lacks.
    pub fn settle(self, world: &World, names: Names, creator: usize) -> Result<Rights, Refusal> {
        let kinds = usize::from(self.role.is_some())
            + usize::from(!self.custom_roles.is_empty())
            + usize::from(!self.inline_role.is_empty());
        if kinds > 1 && world.switches.role_conflict == RoleConflict::Refuse {
            let message = "only one of role, customRoleIds and inlineRole may be set";
            return Err(Refusal::invalid(message));
        }
        if let Some(role) = self.role {
            return Ok(Rights::Role(role));
        }
        if !self.custom_roles.is_empty() {
            let ids = self
                .custom_roles
                .iter()
                .map(|name| resolve(world, name, names));
            let ids = ids.collect::<Result<Vec<_>, _>>()?;
            return plan(world.switches.plan_custom_roles, Rights::Custom(ids));
        }
        if !self.inline_role.is_empty() {
            return plan(
                world.switches.plan_inline_roles,
                Rights::Inline(self.inline_role),
            );
        }
        match world.switches.role_missing {
            RoleMissing::Refuse => Err(Refusal::invalid(
                "one of role, customRoleIds and inlineRole must be set",
            )),
            RoleMissing::Reader => Ok(Rights::Role(BaseRole::Reader)),
            RoleMissing::Creator => Ok(world.tokens.at(creator).facts.rights.clone()),
        }
    }
}

/// A member of a JSON object, null counting as absent.
///
/// # Errors
/// 400 for a value of the wrong type.
pub fn member<T: serde::de::DeserializeOwned>(
    members: &Map<String, Value>,
    name: &str,
) -> Result<Option<T>, Refusal> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => T::deserialize(value)
            .map(Some)
            .map_err(|_| Refusal::invalid(format!("{name} has a wrong value"))),
    }
}

fn resolve(world: &World, name: &str, names: Names) -> Result<String, Refusal> {
    let answers =
        |role: &&CustomRole| (names.keys && role.key == name) || (names.ids && role.id == name);
    let role = world.roles.iter().find(answers);
    let unknown = || Refusal::invalid(format!("there is no custom role {name}"));
    role.map(|role| role.id.clone()).ok_or_else(unknown)
}

fn plan(included: bool, rights: Rights) -> Result<Rights, Refusal> {
    if included {
        Ok(rights)
    } else {
        Err(Refusal::forbidden(
            "Your plan does not include this kind of role",
        ))
    }
}
