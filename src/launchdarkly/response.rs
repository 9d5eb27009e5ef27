//! From what came back, or did not, to what it means.

use std::error::Error;
use std::{io, iter};

use reqwest::{Response, StatusCode};
use zeroize::Zeroizing;

use crate::launchdarkly::error::{ApiError, Operation, TransportError, TransportKind};
use crate::launchdarkly::wire;
use crate::redaction::Key;
use crate::redaction::text::presentable;

/// Room for the usual answer when its length is not told, in bytes.
const USUAL_SIZE: usize = 4_096;

/// The most that is read of an error's body, in bytes.
const REFUSAL_LIMIT: usize = 64 << 10;

/// Reads the body of a success into memory that is wiped afterwards, since it may have a key. The transport's own
/// buffers are out of reach.
pub(super) async fn body(
    operation: Operation,
    response: Response,
) -> Result<Zeroizing<Vec<u8>>, ApiError> {
    let limit = wire::size_limit(operation);
    match read(response, limit).await {
        Ok(Some(body)) => Ok(body),
        Ok(None) => Err(ApiError::Unreadable {
            operation,
            why: "is too large",
        }),
        Err(error) => Err(ApiError::Uncertain {
            operation,
            source: transport(&error),
        }),
    }
}

/// What an answer that is no success means; its body, if any, is only good for details.
pub(super) async fn refusal(operation: Operation, response: Response, key: &Key) -> ApiError {
    let status = response.status();
    let body = read(response, REFUSAL_LIMIT).await.ok().flatten();
    let refusal = wire::refusal(body.as_deref().map_or(&[], Vec::as_slice));
    classify(operation, status, refusal, key)
}

/// Statuses first, `code` second, `message` never: it is for people.
pub(super) fn classify(
    operation: Operation,
    status: StatusCode,
    refusal: wire::ErrorBody,
    key: &Key,
) -> ApiError {
    let show = |text: Option<String>, otherwise: &str| {
        let shown = presentable(text.as_deref().unwrap_or_default(), Some(key));
        if shown.is_empty() {
            otherwise.to_owned()
        } else {
            shown
        }
    };
    let code = show(refusal.code, "without a code");
    let message = show(refusal.message, "no explanation");
    let access = refusal.access.unwrap_or_default();
    let status = status.as_u16();
    match status {
        401 => ApiError::Unauthorized,
        403 => ApiError::Forbidden {
            action: show(access.action, operation.into()),
            resource: show(access.resource, "this account"),
        },
        404 => ApiError::NotFound { operation },
        405 | 410 => ApiError::MethodGone { operation, status },
        409 => ApiError::Conflict { operation, message },
        422 if code == "patch_failed" => ApiError::PatchFailed { message },
        400 | 413 | 415 | 422 => ApiError::Invalid {
            operation,
            status,
            code,
            message,
        },
        _ => ApiError::Server { operation, status },
    }
}

/// Why a request got no answer, and whether it was sent at all.
pub(super) fn no_answer(operation: Operation, error: &reqwest::Error) -> ApiError {
    let source = transport(error);
    if error.is_connect() || error.is_builder() {
        ApiError::NotSent { operation, source }
    } else {
        ApiError::Uncertain { operation, source }
    }
}

/// `None` when there is more than `limit` bytes.
async fn read(
    mut response: Response,
    limit: usize,
) -> Result<Option<Zeroizing<Vec<u8>>>, reqwest::Error> {
    let told = response
        .content_length()
        .and_then(|n| usize::try_from(n).ok());
    let mut body = Zeroizing::new(Vec::with_capacity(told.unwrap_or(USUAL_SIZE).min(limit)));
    while let Some(chunk) = response.chunk().await? {
        let needed = body.len() + chunk.len();
        if needed > limit {
            return Ok(None);
        }
        if needed > body.capacity() {
            // Growing in place would leave a copy behind that nobody wipes.
            let mut larger = Zeroizing::new(Vec::with_capacity(needed.max(2 * body.capacity())));
            larger.extend_from_slice(&body);
            body = larger;
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

/// Keeps the kind and the innermost cause: the outer layers name addresses, and a proxy's may have a password.
fn transport(error: &reqwest::Error) -> TransportError {
    let outermost: &(dyn Error + 'static) = error;
    let causes: Vec<_> = iter::successors(Some(outermost), |cause: &&(dyn Error + 'static)| {
        (*cause).source()
    })
    .collect();
    let kind = if causes.iter().any(|cause| is_tls(*cause)) {
        TransportKind::Tls
    } else if error.is_timeout() {
        TransportKind::Timeout
    } else if error.is_dns() {
        TransportKind::Dns
    } else if error.is_connect() {
        TransportKind::Connect
    } else {
        TransportKind::Broken
    };
    match causes.last() {
        Some(innermost) if causes.len() > 1 => TransportError::new(kind, innermost),
        _ => TransportError::new(kind, &"no details"),
    }
}

fn is_tls(cause: &(dyn Error + 'static)) -> bool {
    // An `io::Error` hands out its content's cause, not its content, which may be another one.
    let inner = cause
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref);
    cause.is::<rustls::Error>() || inner.is_some_and(|inner| is_tls(inner))
}
