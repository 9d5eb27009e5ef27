//! Puts what was found out about an account where the access tokens find it.

use crate::cluster::Cluster;
use crate::controller::account::conditions;
use crate::controller::account::context::AccountContext;
use crate::controller::account::credential;
use crate::controller::account::kinds::AccountObject;
use crate::controller::account::known::Checked;
use crate::controller::account::registry::Session;
use crate::domain::account::AccountKey;
use crate::domain::account::offer::Offer;
use crate::domain::problem::Problem;
use crate::launchdarkly::{Connect, TokensApi};

/// Puts what was found where the access tokens find it.
pub(in crate::controller) fn publish<C: Cluster, D: Connect, K: AccountObject>(
    ctx: &AccountContext<C, D>,
    object: &K,
    key: &AccountKey,
    finding: &Result<Checked<D::Api>, Problem>,
) {
    let uid = object.account_uid();
    if let Ok(Checked {
        session: Some(session),
        ..
    }) = finding
    {
        adopt_features(object, session);
    }
    let desired = object
        .desired()
        .map_err(|mistakes| credential::invalid(&mistakes));
    let standing = finding.as_ref().map(|checked| checked.finding.clone());
    let before = ctx.accounts.offer(key, &uid);
    let offer = Offer::new(&desired, standing.map_err(Clone::clone), before.as_ref());
    ctx.accounts.publish(key, &uid, offer);
}

/// What an earlier process found out about the instance is taken over from the status.
fn adopt_features<L: TokensApi, K: AccountObject>(object: &K, session: &Session<L>) {
    let Some(noted) = object.status().and_then(|status| status.features.as_ref()) else {
        return;
    };
    session.state.update_features(|features| {
        if features.probed_at.is_none() {
            features.reset = conditions::to_domain(noted.reset);
            features.expiry = conditions::to_domain(noted.expiry);
            features.probed_at = noted.probed_at;
        }
    });
}
