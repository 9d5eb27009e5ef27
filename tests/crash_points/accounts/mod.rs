//! Accounts: what they inherit and what not, and their stories, cut at every effect.

mod anew;
mod ghosts;
mod stories;
mod world;
