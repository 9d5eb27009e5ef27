//! Resource specifiers: `kind/name`, several of them joined by `:`, each with selectors after `;`.

/// Splits a specifier into its parts. A colon within a selector (`;view:x`, `;{critical:true}`) or an
/// attribute (`${roleAttribute/x}`) joins nothing.
fn parts(specifier: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth, mut selects) = (Vec::new(), 0, 0_usize, false);
    for (at, sign) in specifier.char_indices() {
        match sign {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ';' if depth == 0 => selects = true,
            ':' if depth == 0 && (!selects || begins_part(&specifier[at + 1..])) => {
                parts.push(&specifier[start..at]);
                (start, selects) = (at + 1, false);
            }
            _ => {}
        }
    }
    parts.push(&specifier[start..]);
    parts
}

/// Whether a part begins here: a kind, and a name after it.
fn begins_part(rest: &str) -> bool {
    let part = rest.split([':', ';']).next().unwrap_or_default();
    split(part).is_some()
}

/// The kind and the name of a part without its selectors.
fn split(part: &str) -> Option<(&str, &str)> {
    // The documentation has an example with a slash before the kind.
    let (kind, name) = part.strip_prefix('/').unwrap_or(part).split_once('/')?;
    let is_kind = !kind.is_empty()
        && kind
            .chars()
            .all(|sign| sign.is_ascii_lowercase() || sign == '-');
    (is_kind && !name.is_empty()).then_some((kind, name))
}

/// The kinds that a specifier names, as in `proj:env:flag`; none for what is no specifier.
///
/// `nonsense`, `proj/x:*` and `*` were refused by a live account. Which kinds there are is not
/// checked: LaunchDarkly adds some every year.
#[must_use]
pub fn kind(specifier: &str) -> Option<String> {
    if specifier == "acct" {
        return Some(specifier.to_owned());
    }
    let kind = |part: &str| {
        let bare = part.split(';').next().unwrap_or_default();
        split(bare).map(|(kind, _)| kind.to_owned())
    };
    let kinds: Option<Vec<_>> = parts(specifier).into_iter().map(kind).collect();
    kinds.map(|kinds| kinds.join(":"))
}

#[cfg(test)]
mod tests {
    use super::kind;

    #[test]
    fn a_specifier_names_the_kinds_of_its_parts() {
        for (specifier, expected) in [
            ("proj/web", Some("proj")),
            ("proj/*:env/*:flag/*", Some("proj:env:flag")),
            ("proj/*:env/*;a,b:flag/*", Some("proj:env:flag")),
            ("proj/*:env/*;qa_*:/flag/*", Some("proj:env:flag")),
            ("proj/*:env/*;{critical:true}:flag/*", Some("proj:env:flag")),
            ("proj/*:env/*:flag/*;view:x", Some("proj:env:flag")),
            ("proj/${roleAttribute/team:x}:env/*", Some("proj:env")),
            ("proj/*:aiconfig/*", Some("proj:aiconfig")),
            ("service-token/*", Some("service-token")),
            ("member/*:token/*", Some("member:token")),
            ("acct", Some("acct")),
            ("nonsense", None),
            ("proj/x:*", None),
            ("*", None),
            ("", None),
            ("proj/", None),
            ("/x", None),
            ("proj/x:", None),
        ] {
            assert_eq!(kind(specifier).as_deref(), expected, "{specifier}");
        }
    }
}
