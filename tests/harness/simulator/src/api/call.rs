//! Calls and answers, free of any HTTP library.

use std::fmt;

use serde_json::Value;

/// One call to the API.
#[derive(Clone, Default)]
pub struct Call {
    /// The verb as sent.
    pub method: String,
    /// The path.
    pub path: String,
    /// The query, without the question mark.
    pub query: String,
    /// The headers, in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Call {
    /// A call without headers and body; `target` may carry a query.
    #[must_use]
    pub fn new(method: &str, target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            ..Self::default()
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds the credential.
    #[must_use]
    pub fn with_key(self, key: &str) -> Self {
        self.header("Authorization", key)
    }

    /// Adds a JSON body and its `Content-Type`.
    #[must_use]
    pub fn json(mut self, body: &Value) -> Self {
        self.body = body.to_string().into_bytes();
        self.header("Content-Type", "application/json")
    }

    /// The value of a header, whatever the case of its name.
    #[must_use]
    pub fn find_header(&self, name: &str) -> Option<&str> {
        let named = |(other, _): &&(String, String)| other.eq_ignore_ascii_case(name);
        self.headers
            .iter()
            .find(named)
            .map(|(_, value)| value.as_str())
    }

    /// The value of a query parameter, decoded.
    #[must_use]
    pub fn find_query(&self, name: &str) -> Option<String> {
        self.query.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (key == name).then(|| decode(value))
        })
    }

    /// The verb that counts: `POST` can stand for another one (documented).
    #[must_use]
    pub fn effective_method(&self) -> String {
        let tunnelled = self
            .find_header("X-HTTP-Method-Override")
            .map(str::to_ascii_uppercase)
            .filter(|verb| ["PATCH", "PUT", "DELETE"].contains(&verb.as_str()));
        match tunnelled {
            Some(verb) if self.method == "POST" => verb,
            _ => self.method.clone(),
        }
    }

    /// Whether the body is declared to be JSON.
    #[must_use]
    pub fn declares_json(&self) -> bool {
        let declared = self.find_header("Content-Type").unwrap_or_default();
        let kind = declared.split(';').next().unwrap_or_default();
        kind.trim().eq_ignore_ascii_case("application/json")
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers and bodies may hold keys.
        write!(f, "Call({} {})", self.method, self.path)
    }
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = (*first == b'%').then(|| after.get(..2)).flatten();
        let escaped = escaped.and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(byte) = escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            bytes.push(byte);
            rest = &after[2..];
        } else {
            bytes.push(if *first == b'+' { b' ' } else { *first });
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// One answer of the API.
#[derive(Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// An answer without a body.
    #[must_use]
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// An answer with a JSON body.
    #[must_use]
    pub fn of_json(status: u16, body: &Value) -> Self {
        let mut answer = Self::empty(status).header("Content-Type", "application/json");
        answer.body = body.to_string().into_bytes();
        answer
    }

    /// Sets a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers
            .retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The value of a header, whatever the case of its name.
    #[must_use]
    pub fn find_header(&self, name: &str) -> Option<&str> {
        let named = |(other, _): &&(String, String)| other.eq_ignore_ascii_case(name);
        self.headers
            .iter()
            .find(named)
            .map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The body of a create or reset answer holds a key.
        write!(f, "Answer({}, {} bytes)", self.status, self.body.len())
    }
}
