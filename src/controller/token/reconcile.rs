//! One reconcile of one object: observe, decide, execute, again and again, until there is nothing to do now.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;
use tracing::Instrument as _;

use crate::api::AccessToken;
use crate::cluster::{Cluster, ClusterError};
use crate::controller::age::new_until;
use crate::controller::failure::Failure;
use crate::controller::token::context::Context;
use crate::controller::token::events;
use crate::controller::token::events::log_name;
use crate::controller::token::execute::execute;
use crate::controller::token::memory::ObjectMemory;
use crate::controller::token::observe::observe;
use crate::controller::token::ownership::{Ownership, ownership};
use crate::controller::token::requests::come_back;
use crate::controller::token::reservation::register;
use crate::controller::token::status::with_status;
use crate::controller::token::world::World;
use crate::domain::decide::{decide, instead_of_call, record_at_rest};
use crate::domain::ids::ObjectUid;
use crate::domain::memory::back_off;
use crate::domain::observed::Retry;
use crate::domain::problem::Recovery;
use crate::domain::reason::Reason;
use crate::domain::step::{Step, StepKind, WaitStep};
use crate::domain::time::{plus, whole_second_up};
use crate::launchdarkly::TokensApi;
use crate::runtime::metrics::OutcomeLabel;
use crate::traces;

/// More steps than any situation needs: beyond it something is wrong, and it is slowed down.
const MAX_STEPS: usize = 40;
/// More rounds than racing with others explains: beyond it, somebody writes all the time, and it is slowed down.
const MAX_STALE_READS: usize = 3;
/// The longest wait without a look at the wall clock, which may have been set.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// How soon somebody may have given the right to a Secret.
const ASK_FOR_RIGHT: SignedDuration = SignedDuration::from_secs(30);
/// The same for an object that may have been applied together with the RoleBinding.
const ASK_FOR_RIGHT_SOON: SignedDuration = SignedDuration::from_secs(2);
/// The wait when the next time is past already.
const OVERDUE_WAIT: Duration = Duration::from_secs(2);

/// When to look at the object again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
pub enum Outcome {
    /// After this time at the latest.
    Again(Duration),
    /// The object is gone.
    Gone,
    /// This process may not act any more.
    Stop,
}

/// Reconciles one object, as a cache showed it.
pub async fn reconcile<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    object: AccessToken,
) -> Outcome {
    let uid = ObjectUid::new(object.uid().unwrap_or_default());
    let memory = ctx.memory(&uid);
    let mut memory = memory.lock().await;
    let outcome = match newest(ctx, object, &memory).await {
        Ok(object) => {
            if let Some(outcome) = not_ours(ctx, &object, &memory).await {
                outcome
            } else {
                ctx.forget_changed_secrets(&object.namespace().unwrap_or_default(), &mut memory);
                let outcome = Box::pin(reconcile_until_settled(ctx, object, &mut memory)).await;
                memory.forget_large_secrets();
                outcome
            }
        }
        Err(outcome) => outcome,
    };
    drop(memory);
    traces::note("ldtokens.outcome", <&str>::from(outcome));
    if outcome == Outcome::Gone {
        ctx.forget(&uid);
        ctx.accounts.release(&uid, ctx.clock.steady());
    }
    outcome
}

/// What to do about an object that is not, or not surely, for this installation. A key that is in hand is published in any case:
/// nobody else has it.
async fn not_ours<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    object: &AccessToken,
    memory: &ObjectMemory,
) -> Option<Outcome> {
    if memory.holds_key() {
        return None;
    }
    let wait = match ownership(ctx, object).await {
        Ok(Ownership::Ours) => return None,
        Ok(Ownership::Theirs) => LONGEST_WAIT,
        Ok(Ownership::Unclear) => OVERDUE_WAIT,
        Err(error) => {
            tracing::warn!(object = %log_name(object), %error, "could not read whose account it is");
            traces::interrupted();
            OVERDUE_WAIT
        }
    };
    // Whoever takes over from another installation must know who uses its accounts.
    register(ctx, object);
    Some(Outcome::Again(wait))
}

/// A cache may lag behind what this process wrote: what is older than that is read again, and so is what the cache has only a part of,
/// which it shows without a version.
async fn newest<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    object: AccessToken,
    memory: &ObjectMemory,
) -> Result<AccessToken, Outcome> {
    let older = match (version(&object), memory.written_version) {
        (Some(shown), Some(written)) => shown < written,
        (None, _) => true,
        (Some(_), None) => false,
    };
    if older {
        return live(ctx, &object).await;
    }
    Ok(object)
}

/// The object as the API server has it.
async fn live<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    object: &AccessToken,
) -> Result<AccessToken, Outcome> {
    let namespace = object.namespace().unwrap_or_default();
    match ctx
        .cluster
        .read_object::<AccessToken>(Some(&namespace), &object.name_any())
        .await
    {
        Ok(Some(live)) if live.uid() == object.uid() => Ok(live),
        Ok(_) => Err(Outcome::Gone),
        Err(_) => {
            traces::interrupted();
            Err(Outcome::Again(Duration::from_secs(1)))
        }
    }
}

/// Resource versions of one kind can be compared as numbers (Kubernetes says so since 1.35).
fn version(object: &AccessToken) -> Option<u128> {
    object.resource_version()?.parse().ok()
}

async fn reconcile_until_settled<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    mut object: AccessToken,
    memory: &mut ObjectMemory,
) -> Outcome {
    let mut stale_reads = 0;
    for _ in 0..MAX_STEPS {
        register(ctx, &object);
        let world = match observe(ctx, &object, memory).await {
            Ok(world) => world,
            Err(error) => {
                tracing::warn!(object = %log_name(&object), %error, "could not read what is needed");
                traces::interrupted();
                return Outcome::Again(Duration::from_secs(2));
            }
        };
        for kind in come_back(&mut memory.requests, &object, &world.observed.record) {
            events::came_back(ctx, &object, kind).await;
        }
        let listing = world.listing.as_deref();
        memory.facts.keep_up_with(&world.observed, listing);
        let mut step = decide(&world.desired, &world.observed);
        if ctx.draining.is_cancelled() && step.begins_call() {
            match instead_of_call(&world.desired, &world.observed) {
                Some(other) => step = other,
                None => return Outcome::Again(LONGEST_WAIT),
            }
        }
        if step.is_pause() {
            return pause(ctx, object, &world, &step, memory).await;
        }
        let kind = step.kind();
        ctx.metrics.stepped(kind.as_str());
        tracing::debug!(object = %log_name(&object), step = kind.as_str(), "step");
        let span = traces::step(kind.as_str());
        let executed = Box::pin(execute(ctx, &mut object, &world, memory, step));
        match executed.instrument(span.clone()).await {
            Ok(()) if kind == StepKind::RemoveFinalizer => return Outcome::Gone,
            Ok(()) => {
                memory.facts.retries.succeeded(kind);
                memory.written_version = version(&object).max(memory.written_version);
            }
            Err(failure) => {
                traces::failed(&span, failure.problem.reason.as_str());
                if failure.must_stop() {
                    return Outcome::Stop;
                }
                if failure.doubts_credential {
                    ctx.accounts.doubt(&world.account_key);
                }
                if failure.stale && stale_reads == MAX_STALE_READS {
                    return Outcome::Again(Duration::from_secs(1));
                }
                if failure.stale {
                    stale_reads += 1;
                    match reread(ctx, object, memory).await {
                        Ok(live) => object = live,
                        Err(outcome) => return outcome,
                    }
                } else {
                    note_failure(ctx, &object, kind, failure, memory);
                }
            }
        }
    }
    tracing::error!(object = %log_name(&object), "no end in sight; slowing down");
    Outcome::Again(Duration::from_secs(30))
}

/// What was decided on has changed: everything is read again, past every cache.
async fn reread<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    object: AccessToken,
    memory: &mut ObjectMemory,
) -> Result<AccessToken, Outcome> {
    memory.secrets.clear();
    live(ctx, &object).await
}

fn note_failure<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    object: &AccessToken,
    kind: StepKind,
    failure: Failure,
    memory: &mut ObjectMemory,
) {
    let times = memory.facts.retries.failures(kind);
    let moment = ctx.clock.moment();
    let now = moment.wall;
    let draw = uuid::Uuid::new_v4().as_bytes()[0];
    let backed_off = plus(now, back_off(times, draw));
    let until = match failure.not_before {
        Some(time) => time.max(backed_off),
        None if failure.problem.reason == Reason::SecretAccessDenied => {
            backed_off.min(plus(now, ASK_FOR_RIGHT))
        }
        None => backed_off,
    };
    tracing::warn!(
        object = %log_name(object), step = kind.as_str(), reason = failure.problem.reason.as_str(), until = %whole_second_up(until),
        "{}", failure.problem.message
    );
    ctx.metrics
        .step_failed(kind.as_str(), failure.problem.reason);
    let cause = object
        .status
        .as_ref()
        .and_then(|status| status.pending.as_ref());
    let rotates = matches!(
        kind,
        StepKind::CreateToken | StepKind::ResetKey | StepKind::PublishKey
    );
    if let Some(pending) = cause.filter(|_| rotates) {
        ctx.metrics
            .rotated(pending.cause.into(), OutcomeLabel::Error);
    }
    let mut problem = failure.problem;
    // A credential that is refused while its object is deleted will hardly be accepted again.
    if failure.doubts_credential && object.metadata.deletion_timestamp.is_some() {
        problem.recovery = Recovery::User;
    }
    memory.facts.retries.note(Retry {
        step: kind,
        problem,
        until: moment.steadily(until),
        generation: object.metadata.generation.unwrap_or_default(),
        times: times.saturating_add(1),
    });
}

/// Nothing to do now: what there is to say is said, once.
async fn pause<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    object: AccessToken,
    world: &World<L>,
    step: &Step,
    memory: &mut ObjectMemory,
) -> Outcome {
    let until = match step {
        Step::Wait(WaitStep::Hold { problem, until }) => match problem.reason {
            Reason::AccountNotFound | Reason::AccountNotReady => {
                new_until(&object.metadata, ctx.timing.settle)
                    .filter(|at| *at > ctx.clock.now())
                    .or(*until)
            }
            Reason::SecretAccessDenied if until.is_none() => Some(ask_for_right_at(ctx, &object)),
            _ => *until,
        },
        Step::Wait(WaitStep::Rest { until }) => *until,
        _ => None,
    };
    traces::note("ldtokens.step", step.kind().as_str());
    if let Step::Wait(WaitStep::Hold { problem, .. }) = step {
        traces::note("ldtokens.reason", problem.reason.as_str());
    }
    note_budget(ctx, world, step);
    let speaks = world.observed.finalizer || world.observed.deletion.is_none();
    if speaks && !waits_for_others(world) {
        let before = object.status.clone().unwrap_or_default();
        let record = record_at_rest(&world.desired, &world.observed);
        let next = with_status(ctx, &object, world, &record, step);
        let after = next.status.clone().unwrap_or_default();
        if after != before {
            match ctx.cluster.replace_status(&next).await {
                Ok(written) => {
                    memory.written_version = version(&written).max(memory.written_version);
                    events::conditions_changed(ctx, &written, &before, &after).await;
                    events::policy_leaks(ctx, &written, Some(&before)).await;
                }
                Err(ClusterError::Conflict | ClusterError::NotFound) => {
                    memory.secrets.clear();
                    return Outcome::Again(Duration::from_millis(100));
                }
                Err(ClusterError::NotLeading(_)) => return Outcome::Stop,
                Err(error) => {
                    tracing::warn!(object = %log_name(&object), %error, "could not write the status");
                    return Outcome::Again(Duration::from_secs(2));
                }
            }
        }
    }
    Outcome::Again(wait(until, ctx.clock.now()))
}

/// Nobody tells of a new RoleBinding: a Secret that could not be read is asked for again.
fn ask_for_right_at<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    object: &AccessToken,
) -> Timestamp {
    let now = ctx.clock.now();
    let is_new = new_until(&object.metadata, ctx.timing.settle).is_some_and(|at| at > now);
    plus(
        now,
        if is_new {
            ASK_FOR_RIGHT_SOON
        } else {
            ASK_FOR_RIGHT
        },
    )
}

/// Whether this is only the moment in which other objects make their losses known.
fn waits_for_others<L>(world: &World<L>) -> bool {
    let soon = plus(world.observed.clocks.local, SignedDuration::from_secs(2));
    world.observed.retries.iter().any(|retry| {
        let waits = (world.observed.clocks.local..soon).contains(&retry.until);
        retry.step == StepKind::RecordIntent && retry.problem.reason == Reason::Recovering && waits
    })
}

/// An object that is held back keeps counting as a loss; one that is content does not (I14).
fn note_budget<C: Cluster, L: TokensApi>(ctx: &Context<C, L>, world: &World<L>, step: &Step) {
    let Some(session) = &world.session else {
        return;
    };
    let waiting_for_others = waits_for_others(world);
    let held = step.is_held_by_budget();
    if held || !waiting_for_others {
        let identity = &world.observed.identity;
        let state = &session.state;
        let news = state.note_unasked(identity, held, ctx.clock.steady());
        if news {
            ctx.accounts.budget_changed();
        }
    }
}

fn wait(until: Option<Timestamp>, now: Timestamp) -> Duration {
    let Some(until) = until else {
        return LONGEST_WAIT;
    };
    let wait = Duration::try_from(until.duration_since(now)).unwrap_or_default();
    if wait.is_zero() {
        // What is due but waits for something else is looked at again before long, not at once.
        return OVERDUE_WAIT;
    }
    // A hair later than the time itself, so that it has passed by then.
    (wait + Duration::from_millis(20)).min(LONGEST_WAIT)
}
