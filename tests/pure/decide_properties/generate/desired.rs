//! Anything a user may ask for.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use launchdarkly_token_operator::domain::desired::{
    Desired, DriftPolicy, Rotation, Strategy as Way,
};
use launchdarkly_token_operator::domain::ids::FormerHashes;
use launchdarkly_token_operator::domain::secret::SecretLayout;
use launchdarkly_token_operator::domain::settings::{
    BaseRole, Effect, Grant, Statement, TokenSettings,
};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::mostly;
use crate::decide_properties::worlds::{a_token, hours, minutes, revoke, seconds, trigger};

pub fn any_desired() -> BoxedStrategy<Desired> {
    (
        settings(),
        layout(),
        rotation(),
        select(vec![DriftPolicy::Correct, DriftPolicy::Report]),
        prop::bool::weighted(0.15),
    )
        .prop_map(
            |(settings, secret, rotation, drift_policy, suspend)| Desired {
                settings,
                secret,
                rotation,
                drift_policy,
                suspend,
            },
        )
        .boxed()
}

pub fn settings() -> BoxedStrategy<TokenSettings> {
    let grant = prop_oneof![
        3 => Just(Grant::Role(BaseRole::Reader)),
        1 => Just(Grant::Role(BaseRole::Admin)),
        1 => Just(Grant::CustomRoles(BTreeSet::from(["deploy".to_owned()]))),
        1 => select(vec![vec![Effect::Allow], vec![Effect::Allow, Effect::Deny]])
            .prop_map(|effects| Grant::Inline(effects.into_iter().map(statement).collect())),
    ];
    (
        grant,
        prop::bool::weighted(0.7),
        select(vec![None, Some(20_240_415)]),
    )
        .prop_map(
            |(grant, service_token, default_api_version)| TokenSettings {
                grant,
                service_token,
                default_api_version,
                ..a_token().0.settings
            },
        )
        .boxed()
}

fn statement(effect: Effect) -> Statement {
    Statement {
        effect,
        resources: vec!["proj/web".to_owned()],
        not_resources: Vec::new(),
        actions: vec!["*".to_owned()],
        not_actions: Vec::new(),
    }
}

fn layout() -> BoxedStrategy<SecretLayout> {
    (
        mostly("web".to_owned(), Just("api".to_owned())),
        select(vec![None, Some("previous".to_owned())]),
    )
        .prop_map(|(name, previous_key)| SecretLayout {
            name,
            previous_key,
            ..a_token().0.secret
        })
        .boxed()
}

fn rotation() -> BoxedStrategy<Rotation> {
    let times: Vec<(Option<SignedDuration>, SignedDuration)> = vec![
        (None, hours(6)),
        (Some(hours(24)), hours(6)),
        (Some(hours(1)), minutes(30)),
        (Some(minutes(2)), seconds(30)),
        (Some(minutes(3)), minutes(2)),
    ];
    let triggers = vec![trigger("a"), trigger("b")];
    let revokes = vec![revoke("a"), revoke("b")];
    (
        select(vec![Way::Reset, Way::Replace]),
        select(times),
        mostly(Vec::new(), subsequence(triggers, 0..=2)),
        mostly(Vec::new(), subsequence(revokes, 0..=2)),
    )
        .prop_map(
            |(strategy, (interval, grace), triggers, revokes)| Rotation {
                strategy,
                interval,
                grace,
                triggers,
                revokes,
                former: FormerHashes::default(),
            },
        )
        .boxed()
}
