//! How old an object is.

use jiff::{SignedDuration, Timestamp};
use kube::api::ObjectMeta;

use crate::domain::time::plus;

/// Until then an object is new: what was applied together with it, such as its account or a RoleBinding, may still be missing.
pub(super) fn new_until(metadata: &ObjectMeta, settle: SignedDuration) -> Option<Timestamp> {
    let created = metadata.creation_timestamp.as_ref()?;
    Some(plus(created.0, settle))
}
