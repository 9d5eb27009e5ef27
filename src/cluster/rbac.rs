//! Secrets by consent: a namespace lets the operator at its Secrets by a RoleBinding to a ClusterRole that nobody is bound to otherwise.

use std::sync::Arc;

/// The ClusterRole that namespaces bind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptIn {
    role: Arc<str>,
}

impl OptIn {
    /// `role` is a name that a ClusterRole can have.
    #[must_use]
    pub fn new(role: &str) -> Self {
        Self { role: role.into() }
    }

    /// What lets the operator at the Secrets of `namespace`: a RoleBinding in YAML, on one line, ready to be applied.
    ///
    /// The API server's `refusal` says who was refused, which a process does not know of itself.
    #[must_use]
    pub fn advice(&self, namespace: &str, refusal: &str) -> String {
        let role = &self.role;
        let Some(subject) = user(refusal).and_then(subject) else {
            return format!(
                "the operator may not use the Secrets of namespace {namespace:?}; bind it to ClusterRole {role:?} there"
            );
        };
        format!(
            "the operator may not use the Secrets of namespace {namespace:?}; to let it, apply \
             {{apiVersion: {GROUP}/v1, kind: RoleBinding, metadata: {{name: {role:?}, namespace: {namespace:?}}}, \
             roleRef: {{apiGroup: {GROUP}, kind: ClusterRole, name: {role:?}}}, subjects: [{subject}]}}"
        )
    }
}

const GROUP: &str = "rbac.authorization.k8s.io";

/// The longest name that is repeated: that of a service account with its namespace. No foreign text is echoed unbounded (I7).
const LONGEST_USER: usize = 340;

/// The user of `secrets "web" is forbidden: User "…" cannot get resource "secrets" …`.
fn user(refusal: &str) -> Option<&str> {
    let (_, from) = refusal.split_once("User \"")?;
    let (user, _) = from.split_once("\" cannot ")?;
    let plain = |c: char| c.is_ascii_alphanumeric() || ":-._@".contains(c);
    (user.len() <= LONGEST_USER && user.chars().all(plain)).then_some(user)
}

fn subject(user: &str) -> Option<String> {
    let Some(account) = user.strip_prefix("system:serviceaccount:") else {
        return Some(format!("{{kind: User, apiGroup: {GROUP}, name: {user:?}}}"));
    };
    let (namespace, name) = account.split_once(':')?;
    Some(format!(
        "{{kind: ServiceAccount, name: {name:?}, namespace: {namespace:?}}}"
    ))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::rbac::v1::RoleBinding;

    use super::*;

    fn refusal(user: &str) -> String {
        format!(
            "secrets \"web\" is forbidden: User \"{user}\" cannot get resource \"secrets\" in API group \"\" in the namespace \"123\""
        )
    }

    fn binding(user: &str) -> RoleBinding {
        let advice = OptIn::new("keys-secret-writer").advice("123", &refusal(user));
        let (_, yaml) = advice.split_once("apply ").unwrap();
        serde_saphyr::from_str(yaml).unwrap()
    }

    #[test]
    fn the_advice_is_a_role_binding_for_whoever_was_refused() {
        let binding = binding("system:serviceaccount:operators:keys");
        assert_eq!(binding.metadata.namespace.as_deref(), Some("123"));
        assert_eq!(binding.role_ref.name, "keys-secret-writer");
        let subject = &binding.subjects.unwrap()[0];
        assert_eq!(subject.kind, "ServiceAccount");
        assert_eq!(subject.name, "keys");
        assert_eq!(subject.namespace.as_deref(), Some("operators"));
    }

    #[test]
    fn a_person_who_runs_the_operator_is_named_too() {
        let subject = &binding("ada@example.com").subjects.unwrap()[0];
        assert_eq!(
            (subject.kind.as_str(), subject.name.as_str()),
            ("User", "ada@example.com")
        );
    }

    #[test]
    fn words_that_name_nobody_are_not_repeated() {
        let endless = "x".repeat(5000);
        for words in ["no", &refusal("a\"}, b: {\""), &refusal(&endless)] {
            let advice = OptIn::new("w").advice("team-a", words);
            assert!(
                advice.ends_with("bind it to ClusterRole \"w\" there"),
                "{advice}"
            );
        }
    }

    #[test]
    fn the_longest_names_fit_into_a_condition() {
        let longest = |length| "n".repeat(length);
        let user = format!("system:serviceaccount:{}:{}", longest(63), longest(253));
        let role = format!("{}-secret-writer", longest(52));
        let advice = OptIn::new(&role).advice(&longest(63), &refusal(&user));
        assert!(advice.ends_with("]}"), "{advice}");
        assert!(
            advice.len() <= crate::api::conditions::MAX_MESSAGE,
            "{}",
            advice.len()
        );
    }
}
