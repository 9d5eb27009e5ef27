//! Refusals: status, code and message as documented, bodies as observed.

use serde_json::{Value, json};

use super::call::Answer;
use crate::state::statement::Statement;
use crate::state::world::World;
use crate::switches::{ErrorCode, ErrorId, UnauthorizedBody};

/// A call that was not done, and why.
#[derive(Debug, Clone)]
pub struct Refusal {
    status: u16,
    code: &'static str,
    message: String,
    access: Option<(Value, Value)>,
    /// Whether the call that was not authorized had a credential at all.
    with_credential: bool,
}

impl Refusal {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            access: None,
            with_credential: false,
        }
    }

    /// 400 (documented).
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "invalid_request", message)
    }

    /// 401 for a call without a credential, or with one that opens nothing; the body is a switch.
    #[must_use]
    pub fn unauthorized(with_credential: bool) -> Self {
        Self {
            with_credential,
            ..Self::new(401, "unauthorized", "")
        }
    }

    /// 401 for `Authorization: Bearer`, which is the way of OAuth tokens (observed).
    #[must_use]
    pub fn bearer() -> Self {
        Self::new(401, "invalid_token", "invalid access token")
    }

    /// 403 without details, for what the plan or a limit forbids.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(403, "forbidden", message)
    }

    /// 403 with the action, the resource and the statement that forbids it (observed).
    #[must_use]
    pub fn denied(action: &str, resource: &str, statement: Option<&Statement>) -> Self {
        let mut reason = json!({ "effect": "deny" });
        if let Some(Value::Object(members)) = statement.map(|statement| json!(statement)) {
            reason = Value::Object(members);
        }
        let access = json!({ "action": action, "resource": resource });
        Self {
            access: Some((reason, access)),
            ..Self::forbidden("Access to the requested resource was denied")
        }
    }

    /// 404 (documented).
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(404, "not_found", "Invalid resource identifier")
    }

    /// 405 (documented).
    #[must_use]
    pub fn method_not_allowed() -> Self {
        Self::new(405, "method_not_allowed", "Method not allowed")
    }

    /// 409; also for duplicates (observed elsewhere in the API).
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(409, "optimistic_locking_error", message)
    }

    /// 410, for a route that is gone (unknown: a switch).
    #[must_use]
    pub fn gone() -> Self {
        Self::new(410, "gone", "This endpoint has been removed")
    }

    /// 415 (unknown: a switch).
    #[must_use]
    pub fn unsupported_media_type() -> Self {
        Self::new(
            415,
            "unsupported_media_type",
            "Content-Type must be application/json",
        )
    }

    /// 422 (documented).
    pub fn patch_failed(message: impl Into<String>) -> Self {
        Self::new(422, "patch_failed", message)
    }

    /// 429 (observed).
    #[must_use]
    pub fn rate_limited() -> Self {
        let message = "You've exceeded the API rate limit. Try again later.";
        Self::new(429, "rate_limited", message)
    }

    /// The documented refusal of a status, for faults that name a status and no body.
    #[must_use]
    pub fn of_status(status: u16) -> Self {
        match status {
            400 => Self::invalid("Invalid request body"),
            401 => Self::unauthorized(true),
            403 => Self::forbidden("Access to the requested resource was denied"),
            404 => Self::not_found(),
            405 => Self::method_not_allowed(),
            409 => Self::conflict("Conflict. Optimistic lock error. Try again later."),
            410 => Self::gone(),
            415 => Self::unsupported_media_type(),
            422 => Self::patch_failed("Unprocessable entity. Could not apply patch."),
            429 => Self::rate_limited(),
            _ => Self::new(status, "internal_service_error", "Internal service error"),
        }
    }

    /// The answer that tells of the refusal.
    pub fn answer(&self, world: &mut World) -> Answer {
        let mut message = self.message.as_str();
        if self.code == "unauthorized" {
            message = match world.switches.unauthorized_body {
                UnauthorizedBody::AccessToken => "Invalid access token",
                UnauthorizedBody::Key if self.with_credential => "Invalid key",
                UnauthorizedBody::AccountId | UnauthorizedBody::Key => "Invalid account ID header",
                UnauthorizedBody::Empty => return Answer::empty(401),
            };
        }
        let mut body = json!({ "message": message });
        if world.switches.error_code == ErrorCode::Present {
            body["code"] = Value::from(self.code);
        }
        if let Some((reason, access)) = &self.access {
            body["reason"] = reason.clone();
            body["access"] = access.clone();
        }
        // The bodies of these three were observed, without an ID.
        let observed = matches!(self.status, 401 | 403 | 429);
        if world.switches.error_id == ErrorId::Present && !observed {
            body["id"] = Value::from(world.random.uuid());
        }
        Answer::of_json(self.status, &body)
    }
}
