//! The audit log.

use serde_json::{Value, json};

use super::statement::glob;

/// One entry of the audit log.
#[derive(Debug, Clone)]
pub struct AuditEntry {
    /// Object ID.
    pub id: String,
    /// When, milliseconds since the epoch.
    pub date: i64,
    /// The action, such as `createAccessToken`.
    pub action: String,
    /// The resource specifier of the token.
    pub resource: String,
    /// The token's name at that time.
    pub name: String,
    /// Whether a service token was changed.
    pub service: bool,
    /// The token that did it: `_id`, `name`, `ending`, `serviceToken`.
    pub by_token: Option<Value>,
    /// The member who did it, where none of the tokens did.
    pub by_member: Option<Value>,
}

impl AuditEntry {
    /// The entry as the API shows it. The value of `kind` is inferred.
    #[must_use]
    pub fn representation(&self, account_id: &str) -> Value {
        let kind = if self.service {
            "service-token"
        } else {
            "token"
        };
        let link =
            json!({ "href": format!("/api/v2/auditlog/{}", self.id), "type": "application/json" });
        let mut entry = json!({
            "_id": self.id,
            "_accountId": account_id,
            "_links": { "self": link },
            "date": self.date,
            "accesses": [{ "action": self.action, "resource": self.resource }],
            "kind": kind,
            "name": self.name,
            "description": "",
            "shortDescription": self.action,
            "titleVerb": self.action,
            "target": { "_links": { "self": link }, "name": self.name, "resources": [self.resource] },
        });
        if let Some(token) = &self.by_token {
            entry["token"] = token.clone();
        }
        if let Some(member) = &self.by_member {
            entry["member"] = member.clone();
        }
        entry
    }

    /// Whether the entry lies in the asked range and fits the text and the resource specifier.
    #[must_use]
    pub fn fits(&self, wish: &AuditWish) -> bool {
        wish.after.is_none_or(|after| self.date > after)
            && wish.before.is_none_or(|before| self.date < before)
            && wish
                .text
                .as_ref()
                .is_none_or(|text| self.name.contains(text.as_str()))
            && wish
                .spec
                .as_ref()
                .is_none_or(|spec| glob(spec, &self.resource))
    }
}

/// What a reader of the audit log asked for.
#[derive(Debug, Clone, Default)]
pub struct AuditWish {
    /// Only entries before this time, milliseconds since the epoch.
    pub before: Option<i64>,
    /// Only entries after this time, milliseconds since the epoch.
    pub after: Option<i64>,
    /// Only entries whose name contains this.
    pub text: Option<String>,
    /// Only entries about resources that fit this specifier.
    pub spec: Option<String>,
    /// At most so many entries.
    pub limit: usize,
}
