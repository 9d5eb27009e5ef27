//! Builders of the worlds that decisions are made in; they read as the situation.

mod follow;
mod given;
mod names;
mod obstacles;
mod situations;
mod token;

pub use given::{Given, given};
pub use names::*;
pub use obstacles::*;
pub use situations::*;
pub use token::{DesiredToken, a_token};
