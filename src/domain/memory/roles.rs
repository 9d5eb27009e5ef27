//! Custom roles that were looked up.

use jiff::{SignedDuration, Timestamp};

use crate::domain::desired::Desired;
use crate::domain::ids::RoleId;
use crate::domain::observed::Roles;
use crate::domain::policy::ResolvedRole;
use crate::domain::problem::Problem;

/// That a role is missing is believed this long.
const MISSING_BELIEVED: SignedDuration = SignedDuration::from_mins(1);

/// The custom roles that were looked up last.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct RoleMemory(Option<RolesAnswer>);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct RolesAnswer {
    asked: Vec<String>,
    /// Ids and keys, or the role that is missing.
    found: Result<Vec<(RoleId, String)>, String>,
    at: Timestamp,
}

impl RoleMemory {
    /// Notes the ids and keys of the roles that were asked for, or the one that is missing.
    pub fn note(
        &mut self,
        asked: Vec<String>,
        found: Result<Vec<(RoleId, String)>, String>,
        at: Timestamp,
    ) {
        self.0 = Some(RolesAnswer { asked, found, at });
    }

    /// Roles may not be what they were.
    pub fn forget(&mut self) {
        self.0 = None;
    }

    /// When they were looked up.
    #[must_use]
    pub fn seen_at(&self) -> Option<Timestamp> {
        self.0.as_ref().map(|answer| answer.at)
    }

    /// The custom roles that are asked for: resolved, or the one that is missing; `None` where nobody knows.
    #[must_use]
    pub fn resolved(
        &self,
        desired: &Desired,
        now: Timestamp,
    ) -> Option<Result<Vec<ResolvedRole>, String>> {
        let asked = desired.asked_roles();
        if asked.is_empty() {
            return Some(Ok(Vec::new()));
        }
        let known = self.0.as_ref().filter(|known| known.asked == asked)?;
        // A missing role is looked for again soon; one that was found stays known for what is settled.
        match &known.found {
            Ok(roles) => {
                let role = |(id, key): &(RoleId, String)| ResolvedRole {
                    id: id.clone(),
                    key: key.clone(),
                };
                Some(Ok(roles.iter().map(role).collect()))
            }
            Err(missing) if now.duration_since(known.at) < MISSING_BELIEVED => {
                Some(Err(missing.clone()))
            }
            Err(_) => None,
        }
    }

    /// The same, as decisions look at it.
    #[must_use]
    pub fn observed(&self, desired: &Result<Desired, Problem>, now: Timestamp) -> Roles {
        let Ok(desired) = desired else {
            return Roles::Unknown;
        };
        match self.resolved(desired, now) {
            None => Roles::Unknown,
            Some(Err(missing)) => Roles::Missing(missing),
            Some(Ok(roles)) => Roles::Resolved(roles.into_iter().map(|role| role.id).collect()),
        }
    }
}
