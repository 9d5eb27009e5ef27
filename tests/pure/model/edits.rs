//! What users and others do.

use launchdarkly_token_operator::domain::ids::TokenId;
use launchdarkly_token_operator::domain::record::Record;
use launchdarkly_token_operator::domain::time::plus;

use super::execute::Physics;
use super::ledger::Ledger;
use super::world::{Core, Object, Role, Secret, Spec, new_key};

/// One thing that somebody else does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Edit {
    /// A setting that LaunchDarkly fixes at creation.
    Role,
    /// A setting that a `PATCH` changes.
    Description,
    /// The Secret gets another name.
    Rename,
    /// A new trigger value.
    Trigger,
    /// A new revoke value.
    Revoke,
    /// A new cut-off value.
    CutOff,
    /// The object is deleted.
    DeleteObject,
    /// The status is lost, as after a backup that leaves it out.
    LoseStatus,
    /// The Secret is deleted.
    DeleteSecret,
    /// The key in the Secret is overwritten.
    OverwriteKey,
    /// Our labels are taken off the Secret.
    StripSecret,
    /// The Secret is replaced by somebody else's.
    TakeSecret,
    /// The token is deleted at LaunchDarkly.
    DeleteToken,
    /// The token's key is reset at LaunchDarkly, and the previous one ends at once.
    ResetToken,
    /// The token's role is changed at LaunchDarkly.
    DriftToken,
}

impl Edit {
    /// Whether it could be done.
    pub fn apply(self, core: &mut Core, ledger: &mut Ledger, physics: Physics) -> bool {
        match self {
            Self::Role => respec(core, |spec| spec.role = Role::Writer),
            Self::Description => respec(core, |spec| spec.description += 1),
            Self::Rename => respec(core, |spec| spec.secret = "api"),
            Self::Trigger => respec(core, |spec| spec.triggers += 1),
            Self::Revoke => {
                ledger.revoking = true;
                respec(core, |spec| spec.revokes += 1)
            }
            Self::CutOff => {
                // Every key ends on purpose, and the outage is accepted.
                ledger.published.clear();
                respec(core, |spec| spec.cut_offs += 1)
            }
            Self::DeleteObject => delete_object(core, ledger),
            Self::LoseStatus => change(core, |object| object.record = Record::default()),
            Self::DeleteSecret => {
                let taken = secret_in_use(core).and_then(|name| core.secrets.remove(&name));
                taken.is_some_and(|secret| {
                    ledger.loses_secret(core, &secret.key);
                    true
                })
            }
            Self::OverwriteKey => tamper(core, ledger, |secret, key| secret.key = new_key(key)),
            Self::StripSecret => touch(core, |secret| secret.intact = false),
            Self::TakeSecret => tamper(core, ledger, |secret, _| secret.ours = false),
            Self::DeleteToken => {
                let Some(id) = token_in_use(core) else {
                    return false;
                };
                ledger.excuse_token(&id);
                core.tokens.remove(&id).is_some()
            }
            Self::ResetToken => {
                let number = core.next();
                let Some(id) = token_in_use(core) else {
                    return false;
                };
                ledger.excuse_token(&id);
                let now = plus(core.clock, physics.offset);
                core.tokens.get_mut(&id).is_some_and(|token| {
                    for (_, end) in &mut token.keys {
                        *end = Some(now);
                    }
                    token.keys.push((new_key(number), None));
                    true
                })
            }
            Self::DriftToken => {
                let Some(id) = token_in_use(core) else {
                    return false;
                };
                core.tokens.get_mut(&id).is_some_and(|token| {
                    token.role = Role::Writer;
                    true
                })
            }
        }
    }
}

fn change(core: &mut Core, edit: impl FnOnce(&mut Object)) -> bool {
    core.object.as_mut().is_some_and(|object| {
        edit(object);
        object.revision += 1;
        true
    })
}

fn respec(core: &mut Core, edit: impl FnOnce(&mut Spec)) -> bool {
    change(core, |object| {
        edit(&mut object.spec);
        object.generation += 1;
    })
}

/// Without a finalizer the object is gone at once.
fn delete_object(core: &mut Core, ledger: &mut Ledger) -> bool {
    let now = core.clock;
    let Some(object) = core.object.as_mut().filter(|o| o.deleted_at.is_none()) else {
        return false;
    };
    // Whoever deletes the object does not count on its keys.
    ledger.published.clear();
    if object.finalizer {
        object.deleted_at = Some(now);
        object.generation += 1;
        object.revision += 1;
    } else {
        core.object = None;
    }
    true
}

fn secret_in_use(core: &Core) -> Option<String> {
    let record = &core.object.as_ref()?.record;
    Some(record.secret.as_ref()?.name.clone())
}

/// Something about the Secret in use changes.
fn touch(core: &mut Core, edit: impl FnOnce(&mut Secret)) -> bool {
    let Some(secret) = secret_in_use(core).and_then(|name| core.secrets.get_mut(&name)) else {
        return false;
    };
    edit(secret);
    secret.revision += 1;
    true
}

/// Its key is not what consumers may count on any more.
fn tamper(core: &mut Core, ledger: &mut Ledger, edit: impl FnOnce(&mut Secret, u32)) -> bool {
    let number = core.next();
    let name = secret_in_use(core);
    if let Some(secret) = name.and_then(|name| core.secrets.get(&name)) {
        ledger.loses_secret(core, &secret.key);
    }
    touch(core, |secret| edit(secret, number))
}

fn token_in_use(core: &Core) -> Option<TokenId> {
    let record = &core.object.as_ref()?.record;
    Some(record.token.as_ref()?.id.clone())
}
