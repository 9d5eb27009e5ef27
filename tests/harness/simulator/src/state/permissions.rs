//! What a caller may do to tokens.

use super::statement::{Effect, Statement};
use super::token::{BaseRole, Rights};

/// The sum of a caller's roles, within the limit its creator had.
#[derive(Debug, Clone)]
pub struct Permissions {
    roles: Vec<Role>,
    cap: Option<Box<Permissions>>,
}

#[derive(Debug, Clone)]
enum Role {
    Base(BaseRole),
    Policy(Vec<Statement>),
}

impl Role {
    fn permits(&self, action: &str, resource: &str) -> Result<(), Denied> {
        let permitted = match self {
            Self::Base(BaseRole::Reader) => false,
            Self::Base(BaseRole::Admin) => true,
            // Of the base roles only administrators manage tokens (documented).
            Self::Base(BaseRole::Writer) => resource.starts_with("proj/"),
            Self::Policy(statements) => return policy_permits(statements, action, resource),
        };
        if permitted { Ok(()) } else { Err(Denied(None)) }
    }
}

/// Why something is not permitted: the statement that forbids it, if one does.
#[derive(Debug, Clone)]
pub struct Denied(pub Option<Statement>);

impl Permissions {
    /// The permissions of a base role.
    #[must_use]
    pub fn of_role(role: BaseRole) -> Self {
        Self {
            roles: vec![Role::Base(role)],
            cap: None,
        }
    }

    /// The permissions of several policies; the most permissive of them counts (documented).
    #[must_use]
    pub fn of_policies(policies: Vec<Vec<Statement>>) -> Self {
        Self {
            roles: policies.into_iter().map(Role::Policy).collect(),
            cap: None,
        }
    }

    /// The same, but never more than `cap`.
    #[must_use]
    pub fn within(mut self, cap: Option<Permissions>) -> Self {
        self.cap = cap.map(Box::new);
        self
    }

    /// Whether the caller is an administrator.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        let admin = |role: &Role| matches!(role, Role::Base(BaseRole::Admin));
        self.roles.iter().any(admin) && self.cap.as_ref().is_none_or(|cap| cap.is_admin())
    }

    /// Checks one action on one resource.
    ///
    /// # Errors
    /// [`Denied`] when no role permits it, or the creator could not have done it.
    pub fn check(&self, action: &str, resource: &str) -> Result<(), Denied> {
        let mut denial = Denied(None);
        let permitted = self
            .roles
            .iter()
            .any(|role| match role.permits(action, resource) {
                Ok(()) => true,
                Err(Denied(None)) => false,
                Err(denied) => {
                    denial = denied;
                    false
                }
            });
        if !permitted {
            return Err(denial);
        }
        match &self.cap {
            Some(cap) => cap.check(action, resource),
            None => Ok(()),
        }
    }

    /// Whether whoever has these permissions could do all that `rights` would permit, judged
    /// simply: base roles by rank, statements by reading what they name as literal text.
    #[must_use]
    pub fn covers(&self, rights: &Rights, policies: &[Vec<Statement>]) -> bool {
        if self.is_admin() {
            return true;
        }
        match rights {
            Rights::Role(asked) => self.roles.iter().any(|role| match role {
                Role::Base(own) => own >= asked,
                Role::Policy(_) => *asked == BaseRole::Reader,
            }),
            Rights::Custom(_) | Rights::Inline(_) => policies
                .iter()
                .flatten()
                .all(|asked| self.covers_statement(asked)),
        }
    }

    fn covers_statement(&self, asked: &Statement) -> bool {
        if asked.effect == Effect::Deny {
            return true;
        }
        // What is not named cannot be compared with what is permitted.
        asked.not_actions.is_empty()
            && asked.not_resources.is_empty()
            && asked.resources.iter().all(|resource| {
                let permitted = |action: &String| self.check(action, resource).is_ok();
                asked.actions.iter().all(permitted)
            })
    }
}

fn policy_permits(policy: &[Statement], action: &str, resource: &str) -> Result<(), Denied> {
    let of = |effect: Effect| {
        policy
            .iter()
            .find(|statement| statement.effect == effect && statement.matches(action, resource))
    };
    match (of(Effect::Deny), of(Effect::Allow)) {
        (Some(statement), _) => Err(Denied(Some(statement.clone()))),
        (None, Some(_)) => Ok(()),
        (None, None) => Err(Denied(None)),
    }
}
