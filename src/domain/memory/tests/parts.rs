//! The pending call, the key in the Secret, roles and failures.

use super::*;
use crate::domain::time::minus;

pub(super) fn intent(attempt: &str) -> Intent {
    Intent {
        operation: PendingOperation::Create,
        attempt: attempt.into(),
        cause: crate::domain::cause::Cause::Created,
        start_time: at(100),
        holder: "operator-1".into(),
        token_id: None,
        secret_name: "web".into(),
        spec_hash: settings("desired").hash(),
        token_name: "web".into(),
        handles: Vec::new(),
        previous_key_expiration_time: None,
    }
}

#[test]
fn a_key_is_in_hand_for_its_own_attempt_until_it_is_published() {
    let mut memory = Memory::<Shown>::default();
    let arrangement = Box::new(Arrangement {
        layout: desired().secret,
        grace: SignedDuration::from_hours(1),
    });
    memory
        .call
        .arm(&intent("attempt1"), arrangement, Clocks::agreeing(at(0)));
    assert!(matches!(
        memory
            .call
            .pending(&"attempt1".into(), Clocks::agreeing(at(0))),
        PendingCall::Armed(_)
    ));
    assert_eq!(
        memory
            .call
            .pending(&"attempt2".into(), Clocks::agreeing(at(0))),
        PendingCall::Empty
    );
    memory
        .call
        .progress(&"attempt1".into(), CallProgress::Uncertain);
    assert_eq!(
        memory
            .call
            .pending(&"attempt1".into(), Clocks::agreeing(at(0))),
        PendingCall::Empty
    );
    memory.receive(
        &"attempt1".into(),
        IssuedKey {
            token_id: "token-1".into(),
            fingerprint: "v1:key".into(),
            creation_time: None,
            observed_hash: settings("desired").hash(),
            differs: Vec::new(),
            previous_key_expiration_time: None,
            since: at(110),
            proof: Proof::Unasked,
        },
    );
    assert!(memory.call.holds_key());
    assert_eq!(memory.token.last_write, Some(at(110)));
    memory.call.prove(&"attempt1".into(), Proof::Accepted);
    let held = memory
        .call
        .pending(&"attempt1".into(), Clocks::agreeing(at(0)));
    assert!(matches!(
        held,
        PendingCall::Held {
            proof: Proof::Accepted,
            ..
        }
    ));
    memory.published(&Record::default());
    assert!(!memory.call.holds_key());
}

#[test]
fn a_refused_key_counts_as_dead_after_a_second_refusal_a_settle_time_later() {
    let mut memory = Memory::<Shown>::default();
    let (key, token) = ("v1:key".into(), "token-1".into());
    let known = &mut memory.secret_key;
    assert!(!known.note_refusal(&key, &token, at(100), SETTLE));
    assert!(!known.note_refusal(&key, &token, at(159), SETTLE));
    assert!(!known.note_refusal(&"v1:other".into(), &token, at(160), SETTLE));
    assert!(!known.note_refusal(&key, &token, at(161), SETTLE));
    assert!(known.note_refusal(&key, &token, at(221), SETTLE));
    let observed = memory.observed(&Ok(desired()), read(230), None::<&Listing>, |_| None);
    assert_eq!(observed.secret_key, SecretKeyProof::Rejected);
}

#[test]
fn a_missing_role_is_looked_for_again_after_a_minute_and_one_that_was_found_stays_known() {
    let mut asks = desired();
    asks.settings.grant = Grant::CustomRoles(["deployer".to_owned()].into());
    let asks = Ok(asks);
    let mut roles = RoleMemory::default();
    assert_eq!(roles.observed(&asks, at(100)), Roles::Unknown);
    roles.note(vec!["deployer".into()], Err("deployer".into()), at(100));
    assert_eq!(
        roles.observed(&asks, at(159)),
        Roles::Missing("deployer".into())
    );
    assert_eq!(roles.observed(&asks, at(160)), Roles::Unknown);
    let found = vec![("role-1".into(), "deployer".to_owned())];
    roles.note(vec!["deployer".into()], Ok(found), at(200));
    assert_eq!(
        roles.observed(&asks, at(9_000)),
        Roles::Resolved(vec!["role-1".into()])
    );
    assert_eq!(
        roles.observed(&Ok(desired()), at(100)),
        Roles::Resolved(Vec::new())
    );
}

#[test]
fn failures_are_counted_for_each_kind_of_step_until_it_works() {
    let mut retries = Retries::default();
    let failed = |step, times| Retry {
        step,
        problem: Problem::retry(Reason::LaunchDarklyUnavailable, "503"),
        until: at(100),
        generation: 1,
        times,
    };
    retries.note(failed(StepKind::CreateToken, 1));
    retries.note(failed(StepKind::ProveKey, 1));
    retries.note(failed(StepKind::CreateToken, 2));
    let known = retries.shown(Clocks::agreeing(at(0))).into_iter();
    let known: BTreeMap<_, _> = known.map(|r| (r.step, r.times)).collect();
    assert_eq!(
        known,
        BTreeMap::from([(StepKind::CreateToken, 2), (StepKind::ProveKey, 1)])
    );
    retries.succeeded(StepKind::CreateToken);
    assert_eq!(retries.failures(StepKind::CreateToken), 0);
    assert_eq!(retries.failures(StepKind::ProveKey), 1);
}

#[test]
fn what_is_remembered_is_shown_on_a_clock_that_was_set_as_if_it_had_been_right_before() {
    let hour = SignedDuration::from_hours(3);
    let mut memory: Memory<Shown> = Memory::default();
    memory.token.note_look(shown("desired"), at(100));
    memory.call.unanswered_at = Some(at(100));
    memory.retries.note(Retry {
        step: StepKind::PublishKey,
        problem: Problem::retry(Reason::Recovering, "busy"),
        until: at(160),
        generation: 1,
        times: 1,
    });
    // Nobody has touched the steady clock.
    let mut read = read(110);
    read.clocks.local = minus(at(110), hour);
    let listing: Option<&Listing> = None;
    let observed = memory.observed(&Ok(desired()), read, listing, |_| None);
    assert_eq!(observed.calls_ended_by, minus(at(100), hour));
    assert_eq!(observed.retries[0].until, minus(at(160), hour));
    assert_eq!(seen(observed.remote).0, minus(at(100), hour));
}
