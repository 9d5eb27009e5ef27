//! What is computed when somebody asks: a series for each object, which vanishes with it.

use std::fmt;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue};
use prometheus_client::metrics::MetricType;

use super::catalogue;

/// All that is shown of the objects at this moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Samples {
    /// The `AccessToken` objects; none where there are too many to show.
    pub tokens: Vec<TokenSample>,
    /// The accounts.
    pub accounts: Vec<AccountSample>,
}

/// What is shown of an `AccessToken`. Holds no token ID and nothing of a key.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TokenSample {
    /// `metadata.namespace`.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
    /// Status of the condition Ready; `None` before the first reconcile.
    pub ready: Option<bool>,
    /// Its reason, one of the constant words.
    pub reason: Option<&'static str>,
    /// Kind of the account.
    pub account_kind: &'static str,
    /// Name of the account.
    pub account: String,
    /// A base role, `customRoles` or `inlineRole`.
    pub grant: &'static str,
    /// Whether it is a service token.
    pub service_token: bool,
    /// How it rotates.
    pub strategy: &'static str,
    /// `spec.suspend`.
    pub suspended: bool,
    /// When the key changed last.
    pub last_rotation: Option<Timestamp>,
    /// When it changes next, if the schedule is in force.
    pub next_rotation: Option<Timestamp>,
    /// Until when the previous key works.
    pub previous_key_expiration: Option<Timestamp>,
    /// When the token in use ends.
    pub expiration: Option<Timestamp>,
    /// Tokens that the object answers for.
    pub live_tokens: usize,
}

/// What is shown of an account.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AccountSample {
    /// `LaunchDarklyAccount` or `ClusterLaunchDarklyAccount`.
    pub kind: &'static str,
    /// `metadata.namespace`; empty for the cluster kind.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
    /// Why the credential cannot be used, one of the constant words; `Available` when it can.
    pub reason: &'static str,
    /// Whether the credential can be used.
    pub ready: bool,
    /// Objects that use the account.
    pub access_tokens: usize,
    /// What is known through the credential; `None` when there never was one that worked.
    pub behind: Option<RemoteAccountSample>,
}

/// What is known of an account through its credential.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RemoteAccountSample {
    /// Tokens with our marker that have no owner; `None` as long as that cannot be told.
    pub orphaned: Option<usize>,
    /// Tokens that carry an object's marker and that it does not know.
    pub unknown: usize,
    /// Tokens whose deletion was given up.
    pub left_behind: usize,
    /// Whether the replacement budget holds all replacements.
    pub mass_change: bool,
    /// What to add to the local clock to get LaunchDarkly's, in seconds.
    pub clock_offset: f64,
}

/// Tells what there is to show.
pub(super) type SampleSource = Arc<dyn Fn() -> Samples + Send + Sync>;

/// Shows what its source tells, once there is one.
#[derive(Clone, Default)]
pub(super) struct Objects(pub(super) Arc<OnceLock<SampleSource>>);

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Objects").finish_non_exhaustive()
    }
}

impl Collector for Objects {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(source) = self.0.get() else {
            return Ok(());
        };
        let facts = source();
        let out = &mut encoder;
        tokens(out, &facts.tokens)?;
        accounts(out, &facts.accounts)
    }
}

/// Writes a gauge: for each thing the labels that it has besides `labels`, and the values.
pub(super) fn gauge<T, V: EncodeGaugeValue>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &'static str,
    things: &[T],
    series: impl Fn(&T) -> Vec<(Vec<(&'static str, &str)>, V)>,
) -> fmt::Result {
    let mut things = things.iter().flat_map(series).peekable();
    if things.peek().is_none() {
        return Ok(());
    }
    let help = format!("{}.", catalogue::meaning(name));
    let mut metric = encoder.encode_descriptor(name, &help, None, MetricType::Gauge)?;
    for (labels, value) in things {
        metric.encode_family(&labels)?.encode_gauge(&value)?;
    }
    Ok(())
}

type Labels<'a> = Vec<(&'static str, &'a str)>;

impl TokenSample {
    fn labels(&self) -> Labels<'_> {
        vec![("namespace", &self.namespace), ("name", &self.name)]
    }

    fn labels_and<'a>(&'a self, label: &'static str, value: &'a str) -> Labels<'a> {
        let mut labels = self.labels();
        labels.push((label, value));
        labels
    }
}

fn tokens(out: &mut DescriptorEncoder<'_>, tokens: &[TokenSample]) -> fmt::Result {
    gauge(out, "launchdarkly_accesstoken_ready_status", tokens, |t| {
        let states = [
            ("True", Some(true)),
            ("False", Some(false)),
            ("Unknown", None),
        ];
        let one = |(word, state)| (t.labels_and("condition", word), i64::from(t.ready == state));
        states.map(one).into()
    })?;
    gauge(out, "launchdarkly_accesstoken_status_reason", tokens, |t| {
        let one = |reason| (t.labels_and("reason", reason), 1_i64);
        t.reason.map(one).into_iter().collect()
    })?;
    info(out, tokens)?;
    let mut time = |name, of: fn(&TokenSample) -> Option<Timestamp>| {
        gauge(out, name, tokens, |t| {
            let one = |time: Timestamp| (t.labels(), time.as_second());
            of(t).map(one).into_iter().collect()
        })
    };
    time(
        "launchdarkly_accesstoken_last_rotation_timestamp_seconds",
        |t| t.last_rotation,
    )?;
    time(
        "launchdarkly_accesstoken_next_rotation_timestamp_seconds",
        |t| t.next_rotation,
    )?;
    time(
        "launchdarkly_accesstoken_previous_key_expiration_timestamp_seconds",
        |t| t.previous_key_expiration,
    )?;
    time(
        "launchdarkly_accesstoken_expiration_timestamp_seconds",
        |t| t.expiration,
    )?;
    gauge(out, "launchdarkly_accesstoken_live_tokens", tokens, |t| {
        vec![(t.labels(), super::gauge(t.live_tokens))]
    })
}

fn info(out: &mut DescriptorEncoder<'_>, tokens: &[TokenSample]) -> fmt::Result {
    if tokens.is_empty() {
        return Ok(());
    }
    let help = format!("{}.", catalogue::meaning("launchdarkly_accesstoken_info"));
    let mut metric =
        out.encode_descriptor("launchdarkly_accesstoken", &help, None, MetricType::Info)?;
    let word = |holds| if holds { "true" } else { "false" };
    for token in tokens {
        let mut labels = token.labels();
        labels.extend([
            ("account_kind", token.account_kind),
            ("account", &token.account),
            ("grant", token.grant),
            ("service_token", word(token.service_token)),
            ("strategy", token.strategy),
            ("suspended", word(token.suspended)),
        ]);
        metric.encode_info(&labels)?;
    }
    Ok(())
}

impl AccountSample {
    fn labels(&self) -> Labels<'_> {
        let mut labels = vec![("kind", self.kind)];
        if !self.namespace.is_empty() {
            labels.push(("namespace", &self.namespace));
        }
        labels.push(("name", &self.name));
        labels
    }

    fn labels_and<'a>(&'a self, label: &'static str, value: &'a str) -> Labels<'a> {
        let mut labels = self.labels();
        labels.push((label, value));
        labels
    }
}

fn accounts(out: &mut DescriptorEncoder<'_>, accounts: &[AccountSample]) -> fmt::Result {
    gauge(out, "launchdarkly_account_ready_status", accounts, |a| {
        [("True", true), ("False", false)]
            .map(|(word, state)| (a.labels_and("condition", word), i64::from(a.ready == state)))
            .into()
    })?;
    gauge(out, "launchdarkly_account_status_reason", accounts, |a| {
        vec![(a.labels_and("reason", a.reason), 1_i64)]
    })?;
    gauge(out, "launchdarkly_account_access_tokens", accounts, |a| {
        vec![(a.labels(), super::gauge(a.access_tokens))]
    })?;
    let mut number = |name, of: fn(&RemoteAccountSample) -> Option<f64>| {
        gauge(out, name, accounts, |a| {
            let value = a.behind.as_ref().and_then(of);
            value.map(|value| (a.labels(), value)).into_iter().collect()
        })
    };
    number("launchdarkly_account_orphaned_tokens", |b| {
        b.orphaned.map(float)
    })?;
    number("launchdarkly_account_unknown_tokens", |b| {
        Some(float(b.unknown))
    })?;
    number("launchdarkly_account_left_behind_tokens", |b| {
        Some(float(b.left_behind))
    })?;
    number("launchdarkly_account_mass_change", |b| {
        Some(f64::from(u8::from(b.mass_change)))
    })?;
    number("launchdarkly_account_clock_offset_seconds", |b| {
        Some(b.clock_offset)
    })
}

fn float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
