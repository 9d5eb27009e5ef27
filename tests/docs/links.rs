//! Links within the repository.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use crate::pages::{self, Page};

/// The anchors of a page, as GitHub makes them from its headings.
fn anchors(page: &Page) -> BTreeSet<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut anchors = BTreeSet::new();
    for heading in &page.headings {
        let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
        let plain: String = heading.to_lowercase().chars().filter(kept).collect();
        let name = plain.replace(' ', "-");
        let before = seen.entry(name.clone()).or_default();
        anchors.insert(match *before {
            0 => name,
            n => format!("{name}-{n}"),
        });
        *before += 1;
    }
    anchors
}

/// The path without `.` and `..`.
fn straightened(path: &Path) -> PathBuf {
    let mut straight = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                straight.pop();
            }
            Component::CurDir => {}
            other => straight.push(other),
        }
    }
    straight
}

#[test]
fn every_link_leads_to_a_file_and_every_anchor_to_a_heading() {
    let pages = pages::all();
    let by_path: BTreeMap<_, _> = pages
        .iter()
        .map(|page| (page.path.clone(), anchors(page)))
        .collect();
    let (mut wrong, mut followed) = (Vec::new(), 0);
    for page in &pages {
        for link in &page.links {
            if link.starts_with("https://") {
                continue;
            }
            followed += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() {
                page.path.clone()
            } else {
                straightened(&page.path.parent().unwrap().join(file))
            };
            let there = match by_path.get(&target) {
                Some(anchors) => anchor.is_empty() || anchors.contains(anchor),
                None => anchor.is_empty() && pages::root().join(&target).exists(),
            };
            if !there {
                wrong.push(format!("{}: {link}", page.path.display()));
            }
        }
    }
    assert!(followed > 30, "only {followed} links were followed");
    pages::verdict("links that lead nowhere", &wrong);
}
