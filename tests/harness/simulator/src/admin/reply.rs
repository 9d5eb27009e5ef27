//! Answers of the admin interface, and its way of reading bodies.

use axum::Json;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// A JSON answer, or an error with a message.
pub type Reply = Result<Json<Value>, Refused>;

/// An error with a message.
#[derive(Debug)]
pub struct Refused(StatusCode, String);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "message": self.1 }))).into_response()
    }
}

/// 200 with a JSON body.
///
/// # Errors
/// Never; it is a [`Reply`].
#[expect(
    clippy::unnecessary_wraps,
    reason = "handlers end in it as in the other two"
)]
pub fn ok(body: Value) -> Reply {
    Ok(Json(body))
}

/// 400 with a message.
pub fn bad(message: impl Into<String>) -> Refused {
    Refused(StatusCode::BAD_REQUEST, message.into())
}

/// 404.
pub fn missing() -> Refused {
    Refused(
        StatusCode::NOT_FOUND,
        "there is nothing by that name".to_owned(),
    )
}

/// A JSON body, whatever its `Content-Type`; curl sends another one by default.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: serde::de::DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Refused> {
        let bytes = axum::body::to_bytes(request.into_body(), 1 << 20)
            .await
            .map_err(|error| bad(error.to_string()))?;
        let bytes: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        serde_json::from_slice(bytes)
            .map(Self)
            .map_err(|error| bad(error.to_string()))
    }
}
