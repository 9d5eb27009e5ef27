//! What keeps secrets and foreign text out of everything that people read (I7).

mod key;
pub mod text;

pub use key::{Key, KeyError, LastFour};
