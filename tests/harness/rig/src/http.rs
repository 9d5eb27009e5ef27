//! Plain questions over http and https.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use ureq::Agent;
use ureq::http::Request;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use crate::RigError;
use crate::error::Doing;

/// A port on loopback that was free a moment ago.
///
/// # Errors
/// There is none.
pub fn free_port() -> Result<u16, RigError> {
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .doing(|| "find a free port".into())
}

/// An http client whose failures are those of the connection alone: every status is an answer.
#[derive(Debug, Clone)]
pub(crate) struct Http(Agent);

/// An answer: its status and its body.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) text: String,
}

impl Http {
    /// Trusts `ca`, certificates in PEM, for https.
    pub(crate) fn new(ca: Option<&str>) -> Result<Self, RigError> {
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .timeout_global(Some(Duration::from_secs(20)));
        if let Some(pem) = ca {
            let certificates: Vec<Certificate<'static>> = parse_pem(pem.as_bytes())
                .filter_map(|item| match item {
                    Ok(PemItem::Certificate(certificate)) => Some(Ok(certificate)),
                    Ok(_) => None,
                    Err(error) => Some(Err(error)),
                })
                .collect::<Result<_, _>>()
                .map_err(|error| RigError::Unexpected(format!("the CA is unreadable: {error}")))?;
            let roots = RootCerts::Specific(Arc::new(certificates));
            config = config.tls_config(TlsConfig::builder().root_certs(roots).build());
        }
        Ok(Self(config.build().into()))
    }

    /// Sends a request, with a JSON body unless that is null; a header may give that another type.
    pub(crate) fn send(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Result<Answer, RigError> {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let typed = headers.iter().any(|(name, _)| *name == "Content-Type");
        if !body.is_empty() && !typed {
            request = request.header("Content-Type", "application/json");
        }
        let failed = |error: &dyn std::fmt::Display| {
            RigError::Unexpected(format!("{method} {url}: {error}"))
        };
        let request = request.body(body).map_err(|error| failed(&error))?;
        let mut response = self.0.run(request).map_err(|error| failed(&error))?;
        let text = response
            .body_mut()
            .read_to_string()
            .map_err(|error| failed(&error))?;
        Ok(Answer {
            status: response.status().as_u16(),
            text,
        })
    }

    /// Asks for a page.
    pub(crate) fn get(&self, url: &str) -> Result<Answer, RigError> {
        self.send("GET", url, &[], &Value::Null)
    }
}
