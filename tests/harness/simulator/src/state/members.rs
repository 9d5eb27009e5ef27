//! The account and its members.

use serde_json::{Value, json};

use super::token::BaseRole;

/// The account all tokens belong to.
#[derive(Debug, Clone)]
pub struct Account {
    /// The account's ID, as caller-identity tells it.
    pub id: String,
    /// The member who owns the account.
    pub owner_id: String,
}

/// A member of the account.
#[derive(Debug, Clone)]
pub struct Member {
    /// Object ID.
    pub id: String,
    /// Base role.
    pub role: BaseRole,
    /// E-mail address.
    pub email: String,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
}

impl Member {
    /// The `_member` summary of a token.
    #[must_use]
    pub fn summary(&self) -> Value {
        json!({
            "_id": self.id,
            "_links": { "self": { "href": format!("/api/v2/members/{}", self.id), "type": "application/json" } },
            "role": self.role,
            "email": self.email,
            "firstName": self.first_name,
            "lastName": self.last_name,
        })
    }
}
