//! The reasons of conditions and warnings: one constant word for each, with what it means and what to do.

use strum::{EnumMessage as _, VariantArray as _};

/// Why a condition has its status.
///
/// The first paragraph of a variant's comment says what it means, the second what to do. `docs/conditions.md` is
/// generated from these comments.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    strum::IntoStaticStr,
    strum::Display,
    strum::EnumString,
    strum::EnumMessage,
    strum::VariantArray,
)]
pub enum Reason {
    /// The Secret holds a key that LaunchDarkly accepted, or the account's credential works.
    ///
    /// Nothing.
    Available,
    /// The account has as many tokens as its policy's `maxTokens` allows: of AccessTokens with those that they replaced, retained ones, and
    /// those that could not be deleted. Rotations go on; no AccessToken gets its first token.
    ///
    /// Delete AccessTokens, or retained tokens at LaunchDarkly, or raise `maxTokens`.
    Full,
    /// What is at LaunchDarkly or in the Secret is what was asked for.
    ///
    /// Nothing.
    Synced,
    /// The key was published before LaunchDarkly could confirm it, because it gave no usable answer for a minute. It is asked again.
    ///
    /// Nothing; look at LaunchDarkly's status if it stays.
    Unproven,
    /// The account's credential does not see the token, whose key works all the same: it was exchanged for one that sees less, such as
    /// another member's, who does not see personal tokens. Nothing is replaced, and nothing is forgotten.
    ///
    /// Give the account a credential that sees the token, such as one of an admin.
    NotVisible,
    /// LaunchDarkly shows tokens with this object's marker that it did not make, by the IDs of `status.unknownTokens`. The key in the
    /// Secret works. A description was copied by hand, or the cluster runs twice, for example after a restore; so they are left alone.
    ///
    /// Find out who uses them. Delete them at LaunchDarkly, or have them retire with grace: annotate the object with
    /// `ldtokens.dev/claim` and their IDs, separated by blanks.
    UnknownTokens,
    /// The previous key still works besides the current one, until `status.rotation.previousKeyExpirationTime` or the last `status.retiring`.
    ///
    /// Let consumers read the Secret again before that time.
    PreviousKeyValid,
    /// The first token is being created.
    ///
    /// Wait.
    Creating,
    /// The settings of the token, or the name of its Secret, are being changed.
    ///
    /// Wait; a Secret that was left before is kept for its grace first.
    Updating,
    /// The key is being changed by schedule or by request.
    ///
    /// Wait; the current key keeps working.
    Rotating,
    /// Another token takes the place of the current one.
    ///
    /// Wait; the current key keeps working.
    Replacing,
    /// A call was cut short, or a key was lost; the way back to a working key is being taken.
    ///
    /// Wait.
    Recovering,
    /// The object is being deleted, and its token and Secret with it unless `deletionPolicy` is Retain.
    ///
    /// Wait. If it hangs, the message says on what; annotation `ldtokens.dev/skip-cleanup: "true"` lets it go at once.
    Deleting,
    /// `spec.suspend` is true: no rotation, no correction and no edit is carried out.
    ///
    /// Set `spec.suspend` to false to go on.
    Suspended,
    /// A rotation that is due cannot be done now; the current key keeps working.
    ///
    /// See the message for the cause. It is tried again.
    RotationDelayed,
    /// The token at LaunchDarkly is not as it was left, and `driftPolicy` is Report.
    ///
    /// Undo the change at LaunchDarkly, put it into the spec, or set `driftPolicy` to Correct.
    Drifted,
    /// The spec breaks a rule that the API server did not enforce, for instance because its CRD is older.
    ///
    /// Change the field that the message names.
    InvalidSpec,
    /// The account named by `spec.accountRef` does not exist.
    ///
    /// Create it, or create the AccessToken again with another `accountRef`.
    AccountNotFound,
    /// The account exists but cannot be used now.
    ///
    /// Look at the account's own conditions.
    AccountNotReady,
    /// The account does not admit this namespace.
    ///
    /// Ask the owner of the ClusterLaunchDarklyAccount to add the namespace to `spec.allowedNamespaces`.
    NamespaceNotAllowed,
    /// The account's policy does not permit what was asked for. An existing key keeps working, and nothing new is created.
    ///
    /// Ask for less, or have the owner of the account change `spec.policy`.
    NotAllowedByPolicy,
    /// A custom role does not exist in the account.
    ///
    /// Correct `spec.customRoles`, or create the role at LaunchDarkly.
    RoleNotFound,
    /// A Secret of that name exists and does not belong to this AccessToken. It is left alone.
    ///
    /// Choose another `spec.secret.name`, delete the Secret, or give it away with annotation `ldtokens.dev/owned-by: <namespace>/<name>`.
    SecretForeign,
    /// The operator has no right to read or write Secrets in this namespace, or does not take the Secret in: it has more than 1,000 labels, annotations or entries.
    ///
    /// See the message. Bind the operator's ServiceAccount to the role for Secrets in this namespace. With `--opt-in-role` the message has the RoleBinding; it is noticed within a minute.
    SecretAccessDenied,
    /// The API server refuses the Secret: an admission policy, a quota, or an immutable Secret.
    ///
    /// See the message; lift the refusal, or delete the immutable Secret.
    SecretNotWritable,
    /// Somebody keeps deleting or overwriting the Secret: three times within an hour.
    ///
    /// Find out who, by the Secret's `managedFields` or the audit log, and stop it. The key is replaced when the first loss is an hour old.
    SecretContested,
    /// The namespace is being deleted: nothing can be created in it.
    ///
    /// Nothing.
    NamespaceTerminating,
    /// The Secret with the account's credential does not exist.
    ///
    /// Create the Secret that `spec.credentialsSecretRef` names.
    CredentialMissing,
    /// The Secret with the account's credential has no such entry, or the entry is not an access token.
    ///
    /// Put the access token, and nothing else, into the entry that `spec.credentialsSecretRef.key` names.
    CredentialInvalid,
    /// LaunchDarkly does not accept the account's credential.
    ///
    /// Put a valid access token into the credential Secret; it is picked up within a minute.
    CredentialRejected,
    /// The credential belongs to another LaunchDarkly account than the one this object is bound to. Nothing is changed in either.
    ///
    /// Put back a credential of the account in `status.accountId`; for another account create another object.
    AccountMismatch,
    /// The host of `spec.apiUrl` is not on the operator's list.
    ///
    /// Use one of LaunchDarkly's hosts, or start the operator with `--allowed-api-host`.
    HostNotAllowed,
    /// LaunchDarkly asked for a pause. The message says until when.
    ///
    /// Nothing; if it happens often, find out what else uses the account's API.
    RateLimited,
    /// LaunchDarkly refuses the call: the credential lacks a permission. The message names action and resource where LaunchDarkly does.
    ///
    /// Give the managing token the permission that the message names.
    Forbidden,
    /// LaunchDarkly cannot be reached, is too slow, or answers with a server error. It is tried again.
    ///
    /// Check network, proxy and LaunchDarkly's status.
    LaunchDarklyUnavailable,
    /// The answer is not what LaunchDarkly's API gives: a page of a proxy, cut short, or without the expected fields.
    ///
    /// Check `spec.apiUrl` and what stands between the operator and LaunchDarkly.
    UnexpectedAnswer,
    /// LaunchDarkly reports a change by somebody else at the same moment. It is tried again.
    ///
    /// Nothing.
    Conflict,
    /// LaunchDarkly refuses the request as wrong. The message has its code.
    ///
    /// Change what the message names; if nothing in the spec explains it, the account's plan may not have the feature.
    RequestRejected,
    /// LaunchDarkly has no such route or token.
    ///
    /// Check `spec.apiUrl`.
    NotFound,
    /// LaunchDarkly answered success but did not do what was asked. The message names the fields. It is not tried twice.
    ///
    /// Change the fields that the message names.
    NotApplied,
    /// A revoked key still works, or may: the message names what is in the way of a new key, or of the end of an old one. It is tried again.
    ///
    /// Remove what the message names. If an outage is better than a leaked key that works, end every key of the object at once: annotate it
    /// with `ldtokens.dev/cut-off`.
    RevokeBlocked,
    /// Every key of the object was ended on request (`ldtokens.dev/cut-off`), and a new one has not taken its place yet.
    ///
    /// See the other conditions; the new key follows as soon as nothing is in its way.
    KeyCutOff,
    /// A trigger, revoke or cut-off value that was handled before was set again; an event says so. Nothing is done.
    ///
    /// Use a value that was never used, such as the time: `ldtokens.dev/revoke="$(date +%s)"`.
    RequestRepeated,
    /// LaunchDarkly's reset endpoint is gone or refused; rotations go by replacement.
    ///
    /// Nothing; `rotation.strategy: Replace` says the same on purpose.
    ResetUnavailable,
    /// LaunchDarkly refused the throw-away token on which a reset is tried before a key in use is reset, or its reset; rotations go by
    /// replacement.
    ///
    /// Let the managing key make and reset that token, as the event says; or choose `rotation.strategy: Replace`.
    ResetUntried,
    /// LaunchDarkly refused twice to reset the key of this token; this rotation goes by replacement, and the next one tries a reset again.
    ///
    /// See why it was refused; `rotation.strategy: Replace` asks for no reset.
    ResetRefused,
    /// LaunchDarkly did not keep the previous key valid after a reset; rotations go by replacement from now on.
    ///
    /// Restart consumers that still use the previous key.
    OverlapBroken,
    /// LaunchDarkly does not know expiry dates here; old tokens are deleted at their time all the same.
    ///
    /// Nothing.
    ExpiryIgnored,
    /// The Secret holds the key of a token that another AccessToken answers for.
    ///
    /// Delete one of the two AccessTokens, or give this one another Secret.
    ClaimedElsewhere,
    /// Many keys of one namespace, or in many namespaces of one account, were lost at once. None of them is replaced, since the cause may be
    /// elsewhere.
    ///
    /// Find the cause: a restored backup, a cleaning script, another operator. Repairs go on when the number falls, and after an hour.
    MassChange,
    /// The operator's clock and LaunchDarkly's differ by more than a minute.
    ///
    /// Synchronise the node's clock.
    ClockSkew,
    /// The statements of `spec.inlineRole` only allow. Such a token was observed to list all projects of the account and to read their SDK
    /// keys all the same.
    ///
    /// Add a `deny` statement for what the token must not see: `viewProject` on `notResources` with its projects.
    LeakyPolicy,
    /// It is in use: AccessTokens still refer to the account, or the token is the account's credential.
    ///
    /// Delete these AccessTokens first; give the account another credential.
    InUse,
    /// Cleaning up was given up; the token in the message may still exist at LaunchDarkly.
    ///
    /// Delete the token by hand.
    LeftBehind,
}

impl Reason {
    /// All reasons, in the order of the documentation.
    #[must_use]
    pub fn all() -> &'static [Self] {
        Self::VARIANTS
    }

    /// The constant word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// What it means.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        self.paragraphs().0
    }

    /// What to do about it.
    #[must_use]
    pub fn advice(self) -> &'static str {
        self.paragraphs().1
    }

    fn paragraphs(self) -> (&'static str, &'static str) {
        self.get_documentation()
            .unwrap_or_default()
            .split_once("\n\n")
            .map_or(("", ""), |(meaning, advice)| {
                (meaning.trim(), advice.trim())
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_says_what_it_means_and_what_to_do() {
        for reason in Reason::all() {
            assert!(!reason.meaning().is_empty(), "{reason} has no meaning");
            assert!(!reason.advice().is_empty(), "{reason} has no advice");
            assert!(
                reason.advice().ends_with('.'),
                "{reason}: {}",
                reason.advice()
            );
        }
    }
}
