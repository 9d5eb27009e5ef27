//! What an account's spec asks for.

use crate::domain::namespaces::AdmittedNamespaces;
use crate::domain::policy::AccountPolicy;

/// Everything an account's spec says, with all defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredAccount {
    /// Where the API is. Whether its host is allowed is the operator's to say.
    pub api_url: String,
    /// The name of the Secret with the credential.
    pub credentials_name: String,
    /// The entry of that Secret.
    pub credentials_key: String,
    /// The only authorities to trust, in PEM; `None` for those of the system.
    pub ca_bundle: Option<String>,
    /// What may be asked for.
    pub policy: AccountPolicy,
    /// Who may ask, for the cluster kind; `None` means: only the account's own namespace.
    pub allowed_namespaces: Option<AdmittedNamespaces>,
}
