//! Identifiers and keys, all drawn from one seeded source.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::key::KeyValue;

/// The source of everything random. The same seed gives the same IDs and keys.
#[derive(Debug)]
pub struct Random {
    rng: StdRng,
}

impl Random {
    /// A source with a seed, or with one nobody knows.
    #[must_use]
    pub fn new(seed: Option<u64>) -> Self {
        Self {
            rng: StdRng::seed_from_u64(seed.unwrap_or_else(rand::random)),
        }
    }

    /// An object ID: 24 hexadecimal digits (documented).
    pub fn object_id(&mut self) -> String {
        use std::fmt::Write as _;
        let mut bytes = [0_u8; 12];
        self.rng.fill_bytes(&mut bytes);
        bytes.iter().fold(String::new(), |mut id, byte| {
            // Writing to a String cannot fail.
            let _ = write!(id, "{byte:02x}");
            id
        })
    }

    /// A UUID version 4.
    pub fn uuid(&mut self) -> String {
        let mut bytes = [0_u8; 16];
        self.rng.fill_bytes(&mut bytes);
        uuid::Builder::from_random_bytes(bytes)
            .into_uuid()
            .to_string()
    }

    /// A key: `api-` and a lower-case UUID version 4 (observed).
    pub fn key(&mut self) -> KeyValue {
        KeyValue::new(format!("api-{}", self.uuid()))
    }

    /// The generator itself, for shuffles and delays.
    pub fn rng(&mut self) -> &mut StdRng {
        &mut self.rng
    }
}
