//! What a Secret says is believed only with evidence: whoever can write Secrets of a namespace can write anything into them.

use super::view::View;
use crate::domain::ids::{Attempt, TokenId};
use crate::domain::observed::{Remote, SecretKeyProof, Source};
use crate::domain::step::{LookStep, Step, WaitStep};

/// Whether a token that the Secret names was made for this object.
pub(super) enum Evidence {
    /// Its marker says so, or its key is in the Secret and works.
    Ours,
    /// It was not, or it is gone.
    Nothing,
    /// Somebody has to be asked first.
    Ask(Step),
}

/// Looks at the [`token_in_question`](super::token_in_question). Its marker counts if it names an attempt that `counts`: any other may be
/// a copy.
pub(super) fn evidence(
    view: &View<'_>,
    token_id: &TokenId,
    counts: impl Fn(&Attempt) -> bool,
) -> Evidence {
    // Whoever cannot be asked is waited for.
    let ask = |step| Evidence::Ask(view.account().map_or_else(|wait| wait, |_| step));
    match &view.observed.remote {
        Remote::Present(facts) if facts.attempt.as_ref().is_some_and(counts) => Evidence::Ours,
        Remote::Present(facts) if facts.source != Source::Listing => by_key(view, token_id),
        Remote::Present(_) | Remote::Unknown => ask(Step::Look(LookStep::FetchToken {
            token_id: token_id.clone(),
        })),
        Remote::Absent {
            confirmed: true, ..
        } => Evidence::Nothing,
        Remote::Absent {
            confirmed: false,
            first,
        } => match view.second_look(token_id, *first) {
            rest @ Step::Wait(WaitStep::Rest { .. }) => Evidence::Ask(rest),
            fetch => ask(fetch),
        },
    }
}

fn by_key(view: &View<'_>, token_id: &TokenId) -> Evidence {
    if view.observed.claimed_by.is_some() {
        return Evidence::Nothing;
    }
    let key = view.secret().and_then(|secret| secret.key.clone());
    match (view.observed.secret_key, key) {
        (SecretKeyProof::Accepted, _) => Evidence::Ours,
        (SecretKeyProof::Rejected, _) | (SecretKeyProof::Unasked, None) => Evidence::Nothing,
        (SecretKeyProof::Unasked, Some(fingerprint)) => Evidence::Ask(match view.account() {
            Ok(_) => Step::Look(LookStep::ProveSecretKey {
                fingerprint,
                token_id: token_id.clone(),
            }),
            Err(wait) => wait,
        }),
    }
}
