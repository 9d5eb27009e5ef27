//! Who is calling, what they may see, and what they may do.

use super::call::Call;
use super::refusal::Refusal;
use crate::state::permissions::Denied;
use crate::state::token::Token;
use crate::state::world::World;
use crate::switches::ExpiredToken;

/// The token whose key came with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// The token.
    pub index: usize,
    /// Which of its keys.
    pub key: u32,
}

/// Finds the token whose key a call carries, be the key still good or not. Changes nothing.
#[must_use]
pub fn identify(world: &World, call: &Call) -> Option<Caller> {
    let credential = call.find_header("Authorization")?;
    let (index, key) = world.tokens.find_key(credential)?;
    Some(Caller { index, key })
}

/// Whether the caller's key works now.
#[must_use]
pub fn works(world: &World, caller: &Caller) -> bool {
    let token = world.tokens.at(caller.index);
    let mut keys = token.keys.iter();
    let key = keys.find(|key| key.number == caller.key);
    key.is_some_and(|key| token.accepts(key, world.now()))
}

/// Finds the caller or refuses the call: any key of a token that works now will do.
///
/// # Errors
/// 401 for a missing, unknown, expired or deleted credential.
pub fn authenticate(world: &World, call: &Call) -> Result<Caller, Refusal> {
    let bearer = call.find_header("Authorization").is_some_and(|value| {
        value
            .get(..7)
            .is_some_and(|word| word.eq_ignore_ascii_case("bearer "))
    });
    if bearer {
        return Err(Refusal::bearer());
    }
    identify(world, call)
        .filter(|caller| works(world, caller))
        .ok_or_else(|| Refusal::unauthorized(call.find_header("Authorization").is_some()))
}

/// Whether the caller may see a token: all service tokens and its member's own personal tokens;
/// with `all`, an administrator sees everybody's (documented).
#[must_use]
pub fn sees(world: &World, caller: &Caller, token: &Token, all: bool) -> bool {
    let own = world.tokens.at(caller.index);
    token.service
        || (!own.service && own.member_id == token.member_id)
        || (all && world.permissions(caller.index).is_admin())
}

/// Whether a token that was not deleted still shows, its expiry considered.
#[must_use]
pub fn lingers(world: &World, token: &Token) -> bool {
    world.switches.expired_token == ExpiredToken::Listed || !token.expired(world.now())
}

/// Finds a token the caller may see.
///
/// # Errors
/// 404 for an unknown or malformed ID.
pub fn visible(world: &World, id: &str, caller: &Caller) -> Result<usize, Refusal> {
    world
        .tokens
        .find(id)
        .filter(|index| {
            let token = world.tokens.at(*index);
            token.exists() && lingers(world, token) && sees(world, caller, token, true)
        })
        .ok_or_else(Refusal::not_found)
}

/// Checks that the caller may do `action` to the token at `index`.
///
/// # Errors
/// 403 that names the action and the token.
pub fn allow(world: &World, caller: &Caller, action: &str, index: usize) -> Result<(), Refusal> {
    allow_on(world, caller, action, &world.tokens.at(index).resource())
}

/// Checks that the caller may do `action` to `resource`.
///
/// # Errors
/// 403 that names the action and the resource.
pub fn allow_on(
    world: &World,
    caller: &Caller,
    action: &str,
    resource: &str,
) -> Result<(), Refusal> {
    let permissions = world.permissions(caller.index);
    permissions
        .check(action, resource)
        .map_err(|Denied(statement)| Refusal::denied(action, resource, statement.as_ref()))
}
