//! What a spec asks for, and what of it is heard.

use crate::api::AccessToken;
use crate::api::validate;
use crate::cluster::secret::snapshot::SecretSnapshot;
use crate::domain::decide::heard;
use crate::domain::desired::{Desired, secret_layout};
use crate::domain::policy::AccountPolicy;
use crate::domain::problem::Problem;
use crate::domain::reason::Reason;
use crate::domain::record::Record;
use crate::domain::secret::SecretLayout;

/// What a spec asks for, or its mistakes.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    pub(super) desired: Result<Desired, Problem>,
    /// That part about the Secret that is valid, whatever the rest is.
    pub(super) asked: Option<SecretLayout>,
    /// How the Secret is laid out now.
    pub(super) layout: SecretLayout,
}

impl Wish {
    pub(super) fn of(object: &AccessToken, record: &Record) -> Self {
        let desired = validate::desired(object)
            .map_err(|mistakes| Problem::user(Reason::InvalidSpec, explain(&mistakes)));
        Self::new(desired, validate::layout(object), record)
    }

    fn new(
        desired: Result<Desired, Problem>,
        asked: Option<SecretLayout>,
        record: &Record,
    ) -> Self {
        let layout = secret_layout(&heard(&desired, record), asked.as_ref(), record);
        Self {
            desired,
            asked,
            layout,
        }
    }

    /// The same without what the account does not let a Secret have: of that the Secret keeps what it has. `None` where it lets it have
    /// all.
    pub(super) fn within(
        &self,
        policy: &AccountPolicy,
        secret: Option<&SecretSnapshot>,
        record: &Record,
    ) -> Option<Self> {
        policy.allows_metadata(&self.layout).err()?;
        let has = secret.map(|secret| SecretLayout {
            labels: secret.labels.clone(),
            annotations: secret.annotations.clone(),
            ..SecretLayout::default()
        });
        let (mut desired, mut asked) = (self.desired.clone(), self.asked.clone());
        if let Ok(desired) = &mut desired {
            policy.keep_metadata(&mut desired.secret, has.as_ref());
        }
        if let Some(asked) = &mut asked {
            policy.keep_metadata(asked, has.as_ref());
        }
        Some(Self::new(desired, asked, record))
    }
}

/// All mistakes of a spec in one line.
fn explain(mistakes: &[validate::Invalid]) -> String {
    mistakes
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}
