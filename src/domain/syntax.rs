//! The forms of names, keys, durations and URLs.
//!
//! The API server's CEL rules and the operator's own checks are made from the same patterns and messages, so that they
//! cannot disagree. The patterns are in the common part of RE2 and the `regex` crate.

use std::sync::LazyLock;

use regex::Regex;

/// A form of text.
#[derive(Debug)]
pub struct Syntax {
    /// What the whole text matches.
    pub pattern: &'static str,
    /// What to change about a text that does not.
    pub message: &'static str,
    regex: LazyLock<Option<Regex>>,
}

impl Syntax {
    /// Whether a text has this form.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        // A pattern that does not compile refuses everything; a test compiles all of them.
        self.regex
            .as_ref()
            .is_some_and(|regex| regex.is_match(text))
    }
}

/// Declares forms.
macro_rules! forms {
    ($($(#[$doc:meta])* $name:ident = $pattern:literal, $message:literal;)+) => {
        $(
            $(#[$doc])*
            pub static $name: Syntax = Syntax {
                pattern: $pattern,
                message: $message,
                regex: LazyLock::new(|| Regex::new($pattern).ok()),
            };
        )+

        #[cfg(test)]
        const ALL: &[&Syntax] = &[$(&$name),+];
    };
}

forms! {
    /// A name of a Kubernetes object: a DNS subdomain.
    OBJECT_NAME = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
        "must have only lower-case letters, digits, - and ., and begin and end with a letter or digit";
    /// A name of a namespace: a DNS label.
    NAMESPACE = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
        "must have only lower-case letters, digits and -, and begin and end with a letter or digit";
    /// A name of an entry of a Secret.
    SECRET_KEY = r"^([.]?[-_a-zA-Z0-9]+)([.]+[-_a-zA-Z0-9]+)*[.]*$",
        "must have only letters, digits, -, _ and ., and not be . or begin with ..";
    /// A name of a token: one line.
    ONE_LINE = r"^[^\x00-\x20\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]*[^\x00-\x20\x7f-\x9f])?$",
        "must be one line, without blanks at its ends";
    /// A key or an ID of a custom role. It becomes a segment of a URL path.
    ROLE = r"^[A-Za-z0-9][-._A-Za-z0-9]*$",
        "must be a key or an ID of a role: letters, digits, -, _ and ., beginning with a letter or digit";
    /// A glob over keys of custom roles.
    ROLE_GLOB = r"^[-._*A-Za-z0-9]+$",
        "must be a key of a role, of letters, digits, -, _ and ., with * for any characters";
    /// A resource specifier of LaunchDarkly: `kind/name`, several joined by `:`. Which kinds there are is not checked, and after the
    /// first `;` nothing is: selectors have colons of their own, as attributes in braces have.
    SPECIFIER = r"^(acct|/?[a-z][-_a-z0-9]*/([^:;{\x00-\x1f]|\{[^}\x00-\x1f]*\}?)+(:/?[a-z][-_a-z0-9]*/([^:;{\x00-\x1f]|\{[^}\x00-\x1f]*\}?)+)*)(;[^\x00-\x1f]*)?$",
        "must be a resource specifier, kind/name, several of them joined by :, with * only in names, such as proj/web, proj/web:env/* or proj/web:env/*:flag/*";
    /// A duration; the numbers are bounded so that no sum can overflow.
    DURATION = r"^([0-9]{1,5}h([0-9]{1,6}m)?([0-9]{1,8}s)?|[0-9]{1,6}m([0-9]{1,8}s)?|[0-9]{1,8}s)$",
        "must be a duration such as 720h, 90m or 1h30m";
    /// A key of a label or annotation.
    LABEL_KEY = r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?$",
        "must have valid keys such as team or example.com/team";
    /// A value of a label.
    LABEL_VALUE = r"^([A-Za-z0-9]([-._A-Za-z0-9]*[A-Za-z0-9])?)?$",
        "must have a value of at most 63 letters, digits, -, _ and ., beginning and ending with a letter or digit";
    /// A key of a label or annotation that belongs to Kubernetes, to GitOps tools or to this operator. They decide who
    /// manages, prunes or trusts a Secret.
    RESERVED_KEY = r"^([-.a-z0-9]+[.])?(kubernetes[.]io|k8s[.]io|argoproj[.]io|helm[.]sh|fluxcd[.]io|ldtokens[.]dev)/",
        "must not use keys below kubernetes.io, k8s.io, argoproj.io, helm.sh, fluxcd.io or ldtokens.dev";
    /// A key of a label or annotation that a controller goes by which copies Secrets elsewhere, or takes keys out of them. Nothing ends such
    /// a copy with the object, and who may read it is not said by the namespace.
    SPREADING_KEY = r"^(([-.a-z0-9]+[.])?(akuity[.]io|appscode[.]com|bitnami[.]com|carvel[.]dev|cattle[.]io|cert-manager[.]io|clustersecret[.]io|emberstack[.]com|external-secrets[.]io|jenkins[.]io|k14s[.]io|kyverno[.]io|loft[.]sh|mittwald[.]de|open-cluster-management[.]io|tekton[.]dev|x-k8s[.]io)|k8s-replicator|synator)/",
        "must not use keys of controllers that copy Secrets elsewhere, such as replicator.v1.mittwald.de/replicate-to: nothing ends a copy; leave them out, and make an AccessToken in each namespace that needs a key";
    /// The beginning of keys of labels and annotations, with all of the prefix: what begins like a domain may be another one.
    KEY_PREFIX = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*/[-._A-Za-z0-9]*$",
        "must be the beginning of keys up to the slash or further, such as example.com/ or example.com/team-";
    /// A URL with host, port and path; what must not be in it has rules of its own.
    URL = r"^[a-z]+://([A-Za-z0-9]([-.A-Za-z0-9]*[A-Za-z0-9])?|\[[0-9A-Fa-f:]+\])(:(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3}))?([/?#][^ ]*)?$",
        "must be a URL such as https://app.launchdarkly.com, with a port and a path if need be";
    /// A URL whose traffic cannot be read on the way.
    SAFE_SCHEME = r"^(https://|http://(localhost|127[.][0-9]{1,3}[.][0-9]{1,3}[.][0-9]{1,3}|\[::1\])([:/]|$))",
        "must begin with https://; http:// is only for loopback, such as http://127.0.0.1:8080";
    /// A URL without user name, query and fragment.
    PLAIN_URL = r"^[^@?#]*$",
        "must not have a user name, a query or a fragment";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles_and_can_stand_in_a_raw_cel_string() {
        for syntax in ALL {
            assert!(syntax.regex.is_some(), "{}", syntax.pattern);
            assert!(!syntax.pattern.contains('\''), "{}", syntax.pattern);
        }
    }

    #[test]
    fn forms_accept_and_refuse() {
        let cases: &[(&Syntax, &[&str], &[&str])] = &[
            (
                &OBJECT_NAME,
                &["a", "a-b.c", "0"],
                &["", "A", "-a", "a-", "a..b", ".a", "a_b"],
            ),
            (&NAMESPACE, &["a", "team-a"], &["a.b", "Team", ""]),
            (
                &SECRET_KEY,
                &["token", ".token", "a..b", "A_b-c.d", "a."],
                &["", ".", "..", "..a", "a/b", "a b"],
            ),
            (
                &ONE_LINE,
                &["a", "a b", "ü", "team/ci"],
                &["", " a", "a ", "a\nb", "a\u{85}b"],
            ),
            (
                &ROLE,
                &["deployer", "61095542756dba551110ae21", "a.b_c-d"],
                &["", ".", "..", "a/b", "ä"],
            ),
            (&ROLE_GLOB, &["*", "deploy-*"], &["", "a b", "a?"]),
            (
                &SPECIFIER,
                &[
                    "acct",
                    "proj/web",
                    "proj/*:env/*;a,b:flag/*",
                    "proj/*:env/*;{critical:true}:flag/*",
                    "proj/*:env/*:flag/*;view:x",
                    "proj/${roleAttribute/team:x}:env/*",
                ],
                &["", "*", "nonsense", "proj/x:*", "proj/", "/x", "proj/x\n"],
            ),
            (
                &LABEL_KEY,
                &["a", "x.io/a", "A_b.c"],
                &["", "/a", "x/", "X.io/a", "a b", "-a"],
            ),
            (&LABEL_VALUE, &["", "a", "a.b"], &["-", "a-", "a b"]),
            (
                &RESERVED_KEY,
                &[
                    "app.kubernetes.io/name",
                    "ldtokens.dev/x",
                    "argocd.argoproj.io/tracking-id",
                ],
                &[
                    "kubernetes.io",
                    "example.com/kubernetes.io",
                    "mykubernetes.io/x",
                    "helm.sh.example.com/x",
                ],
            ),
            (
                &SPREADING_KEY,
                &[
                    "replicator.v1.mittwald.de/replicate-to",
                    "reflector.v1.k8s.emberstack.com/reflection-allowed",
                    "kubed.appscode.com/sync",
                    "sealedsecrets.bitnami.com/managed",
                    "secretgen.carvel.dev/secret-type",
                    "external-secrets.io/x",
                    "reconcile.external-secrets.io/managed",
                    "clustersecret.io/x",
                    "generate.kyverno.io/clone-source",
                    "propagate.hnc.x-k8s.io/select",
                    "k8s-replicator/replicate-to",
                    "synator/sync",
                    "jenkins.io/credentials-type",
                    "cluster.open-cluster-management.io/backup",
                ],
                &[
                    "mittwald.de",
                    "example.com/mittwald.de",
                    "notmittwald.de/x",
                    "mittwald.de.example.com/x",
                    "reloader.stakater.com/match",
                    "my-synator/sync",
                ],
            ),
            (
                &KEY_PREFIX,
                &["example.com/", "example.com/team-", "a/"],
                &["", "/", "example.com", "Example.com/", "a/b/", "-/", "*/"],
            ),
            (
                &URL,
                &[
                    "https://app.launchdarkly.com",
                    "https://a:65535/x/",
                    "http://[::1]:8080",
                ],
                &[
                    "",
                    "app.launchdarkly.com",
                    "https://",
                    "https://a:65536",
                    "https://a:0",
                    "https://a b",
                    "https://-a",
                ],
            ),
            (
                &SAFE_SCHEME,
                &[
                    "https://x",
                    "http://localhost:1",
                    "http://127.0.0.1",
                    "http://[::1]/",
                ],
                &[
                    "http://x",
                    "http://localhost.example.com",
                    "http://127.0.0.1.example.com",
                    "ftp://x",
                ],
            ),
            (
                &PLAIN_URL,
                &["https://x/y"],
                &["https://u@x", "https://x?y", "https://x#y"],
            ),
        ];
        for (syntax, accepted, refused) in cases {
            for text in *accepted {
                assert!(
                    syntax.matches(text),
                    "{text:?} should be {}",
                    syntax.pattern
                );
            }
            for text in *refused {
                assert!(
                    !syntax.matches(text),
                    "{text:?} should not be {}",
                    syntax.pattern
                );
            }
        }
    }
}
