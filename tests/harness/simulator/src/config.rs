//! How a simulator starts.

use std::net::SocketAddr;

use crate::state::roles::CustomRole;
use crate::state::token::BaseRole;
use crate::switches::Switches;

/// What a simulator starts with.
#[derive(Debug, Clone)]
pub struct Config {
    /// The address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The seed of IDs, keys and chance; nobody knows it when left out.
    pub seed: Option<u64>,
    /// The switches, the profile among them.
    pub switches: Switches,
    /// The account's ID (24 hexadecimal digits); drawn when left out.
    pub account_id: Option<String>,
    /// The token that is there from the start.
    pub managing: ManagingToken,
    /// Custom roles that are there from the start; IDs left empty are drawn.
    pub roles: Vec<CustomRole>,
    /// How far the clock is ahead of the wall clock, in milliseconds.
    pub clock_offset_ms: i64,
    /// Serves https with a certificate for these names and addresses; http when empty.
    pub tls_names: Vec<String>,
}

/// The token that manages the others.
#[derive(Debug, Clone)]
pub struct ManagingToken {
    /// Its key; drawn when left out.
    pub key: Option<crate::KeyValue>,
    /// Service token or personal token.
    pub service: bool,
    /// Its role.
    pub role: BaseRole,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            seed: None,
            switches: Switches::default(),
            account_id: None,
            managing: ManagingToken {
                key: None,
                service: true,
                role: BaseRole::Admin,
            },
            roles: Vec::new(),
            clock_offset_ms: 0,
            tls_names: Vec::new(),
        }
    }
}

impl Config {
    /// The same with another seed.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// The same with this key for the managing token.
    #[must_use]
    pub fn managing_key(mut self, key: &str) -> Self {
        self.managing.key = Some(crate::KeyValue::new(key));
        self
    }

    /// The same with one more custom role, known by this key; it permits nothing.
    #[must_use]
    pub fn role(mut self, key: &str) -> Self {
        self.roles.push(CustomRole::named(key));
        self
    }

    /// The same served by https, with a certificate for `localhost`, `127.0.0.1` and `::1`.
    #[must_use]
    pub fn tls(mut self) -> Self {
        self.tls_names = ["localhost", "127.0.0.1", "::1"]
            .map(str::to_owned)
            .to_vec();
        self
    }
}
