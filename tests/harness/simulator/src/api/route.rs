//! The routes and the patterns by which faults and rate limits name them.

/// A route of the API with what its path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// The token list.
    Tokens,
    /// One token.
    Token(String),
    /// The reset of one token.
    Reset(String),
    /// Who is calling.
    CallerIdentity,
    /// The custom-role list.
    Roles,
    /// One custom role, by key or ID.
    Role(String),
    /// The API versions.
    Versions,
    /// The audit log.
    AuditLog,
    /// Anything else.
    Unknown,
}

impl Route {
    /// The route of a path.
    #[must_use]
    pub fn of(path: &str) -> Self {
        let Some(rest) = path.strip_prefix("/api/v2/") else {
            return Self::Unknown;
        };
        let parts: Vec<&str> = rest.trim_end_matches('/').split('/').collect();
        match parts.as_slice() {
            ["tokens"] => Self::Tokens,
            ["tokens", id] => Self::Token((*id).to_owned()),
            ["tokens", id, "reset"] => Self::Reset((*id).to_owned()),
            ["caller-identity"] => Self::CallerIdentity,
            ["roles"] => Self::Roles,
            ["roles", name] => Self::Role((*name).to_owned()),
            ["versions"] => Self::Versions,
            ["auditlog"] => Self::AuditLog,
            _ => Self::Unknown,
        }
    }

    /// The pattern of the route.
    #[must_use]
    pub fn pattern(&self) -> &'static str {
        match self {
            Self::Tokens => "/api/v2/tokens",
            Self::Token(_) => "/api/v2/tokens/{id}",
            Self::Reset(_) => "/api/v2/tokens/{id}/reset",
            Self::CallerIdentity => "/api/v2/caller-identity",
            Self::Roles => "/api/v2/roles",
            Self::Role(_) => "/api/v2/roles/{key}",
            Self::Versions => "/api/v2/versions",
            Self::AuditLog => "/api/v2/auditlog",
            Self::Unknown => "unknown",
        }
    }
}
