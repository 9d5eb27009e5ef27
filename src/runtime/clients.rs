//! The connections to the API server, each with the patience that its use allows.

use std::time::Duration;

use axum::http::HeaderValue;
use axum::http::header::USER_AGENT;
use kube::client::ClientBuilder;
use kube::config::InferConfigError;
use kube::{Client, Config};

use super::args::{LeadershipArgs, PROGRAM, TimingArgs};
use super::build_info;
use super::leader::LeaseTiming;
use super::metrics::Metrics;
use super::requests::Counting;

/// How long a connection to the API server may take.
const CONNECT: Duration = Duration::from_secs(5);

/// Clients for different uses; they share nothing, so that none waits for another's connections.
///
/// None repeats a request by itself: kube's own retries can hold a call for minutes, past the lease it began under.
#[derive(Clone)]
pub struct Clients {
    /// For single reads and writes: no answer within twice the request timeout is an error.
    pub calls: Client,
    /// For watches, which may be silent for minutes.
    pub watches: Client,
    /// For the Lease.
    pub lease: Client,
}

/// Why there are no clients.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Neither a kubeconfig nor a service account.
    #[error("no kubeconfig and no service account to speak to the API server with")]
    Config(#[from] InferConfigError),
    /// The configuration does not make a client.
    #[error("cannot make a client for the API server")]
    Client(#[from] kube::Error),
}

impl Clients {
    /// Makes the clients, whose requests `metrics` counts, from `KUBECONFIG`, `~/.kube/config` or the pod's service account; connects to nothing yet.
    ///
    /// # Errors
    /// [`ClientError`], when none of them is there or makes sense.
    pub async fn infer(
        timing: &TimingArgs,
        leadership: &LeadershipArgs,
        metrics: &Metrics,
    ) -> Result<Self, ClientError> {
        let mut config = Config::infer().await?;
        let agent = format!("{PROGRAM}/{}", build_info::VERSION);
        config
            .headers
            .extend(HeaderValue::try_from(agent).map(|agent| (USER_AGENT, agent)));
        let lease = LeaseTiming {
            duration: leadership.lease_duration,
        };
        Ok(Self {
            calls: patient(&config, Some(timing.request_timeout * 2), metrics)?,
            watches: patient(&config, None, metrics)?,
            lease: patient(&config, Some(lease.deadline()), metrics)?,
        })
    }
}

fn patient(
    config: &Config,
    read: Option<Duration>,
    metrics: &Metrics,
) -> Result<Client, ClientError> {
    let mut config = config.clone();
    config.default_retry = false;
    config.connect_timeout = Some(read.map_or(CONNECT, |read| read.min(CONNECT)));
    config.read_timeout = read;
    // Else the time that a connection lay idle would count as time without an answer.
    config.reset_reader_on_write = true;
    let client = ClientBuilder::try_from(config)?;
    Ok(client.with_layer(&Counting(metrics.clone())).build())
}
