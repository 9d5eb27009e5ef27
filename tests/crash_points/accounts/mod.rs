//! Accounts: what they inherit and what not, and their stories, cut at every effect.

mod anew;
mod stories;
mod world;
