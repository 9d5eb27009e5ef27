//! A small world in which the production decision meets every order of crashes, lost and late answers, pauses and edits.
//!
//! # What is modelled
//!
//! One `AccessToken`, its Secrets, the tokens of one LaunchDarkly account, a leading operator and at most one paused
//! predecessor (`world`). The leader observes (`observe`), asks the production `decide`, and carries the step out
//! (`execute`; at LaunchDarkly `calls`, at Kubernetes `writes`). Before each step anything that the story has a budget for
//! may happen (`system`): a step is refused, lost, late or unanswered, or the process dies with it; the process dies between
//! two steps; it is paused right before a write to Kubernetes, overtaken, and wakes up later; time passes; users and others
//! change spec, status, Secret or token (`edits`). stateright visits every state that can be reached. In each of them I1 to
//! I6 must hold on the whole history (`ledger`, `properties`), the next step must keep the invariants of single decisions
//! (shared with `decide_properties`), and rounds without faults must bring everything right (`settle`).
//!
//! A reset at LaunchDarkly cuts every previous key but the newest, the strictest reading of what it may do.
//!
//! # What is left out
//!
//! - The lease: that a call to LaunchDarkly ends while its sender leads is assumed, so only writes to Kubernetes are overtaken.
//! - Stale reads: every look shows the world as it is. Only a paused process acts on an old one.
//! - Accounts, policy, replacement budget, rate limits, proofs that cannot be had, and an account that is managed with the key of an
//!   AccessToken: `decide_properties` has those.
//! - Judging what a predecessor that wakes up writes into a Secret that is not there: there is nothing to fence. That all
//!   comes right afterwards is judged.
//! - A key that somebody takes out of the Secret before the status knows it has its grace from then on, not from when the next
//!   one is there.
//!
//! # What does not hold
//!
//! No story has these, because then something stays behind:
//!
//! - A first key is about to be published by a paused process, and the object is deleted meanwhile: a Secret with a key that
//!   does not work.
//! - The status is lost, and the Secret renamed before it is rebuilt: the former Secret.
//! - The status is lost, and the object deleted before the next listing: a token that is younger than the last one.
//!
//! # To add a story
//!
//! Add a line to a file in `stories`: its name, how many states there must be at least (two thirds of what it prints is
//! good), the steps that must occur, where it begins (`applied` or `settled`) and its budget. Each fault more multiplies the
//! states; above 20 000 a smaller budget or two stories serve better. `cargo test --test pure model::NAME -- --nocapture` prints
//! states and steps, and for a violation the way that led there. For something new that may happen, add an `Edit` or a `Fate`.
//! A new property deserves a mutation in `mutations` that breaks it.
#![expect(
    clippy::print_stdout,
    reason = "how much was explored is told by the test's output"
)]

mod calls;
mod count;
mod desired;
mod edits;
mod execute;
mod ledger;
mod mutations;
mod observe;
mod properties;
mod scenarios;
mod settle;
mod stories;
mod system;
mod world;
mod writes;
