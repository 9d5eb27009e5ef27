//! Whether a key may be reset.

use super::view::View;
use crate::domain::cause::Cause;
use crate::domain::ids::TokenId;
use crate::domain::observed::Feature;

/// Whether a reset of this token cuts no key that somebody may still use: not the operator's own, none in its grace, and none
/// of a token whose history was lost, which may have been reset a moment ago (I5, I6).
pub(super) fn may_reset(view: &View<'_>, token_id: &TokenId) -> bool {
    let available = view
        .account()
        .is_ok_and(|account| account.reset == Feature::Available);
    available && may_be_reset(view, token_id)
}

pub(super) fn may_be_reset(view: &View<'_>, token_id: &TokenId) -> bool {
    let last = view.observed.record.history.first();
    let reclaimed = last.is_some_and(|entry| entry.cause == Cause::Reclaimed);
    !view.in_grace() && !view.is_credential(token_id) && !reclaimed
}

/// Whether a reset may kill this token's key. Whether it leaves the previous one alive, and what it does to one that is in its grace, is
/// nothing to a revocation; only the operator's own key is spared.
pub(super) fn may_revoke(view: &View<'_>, token_id: &TokenId) -> bool {
    view.account().is_ok() && !view.is_credential(token_id)
}
