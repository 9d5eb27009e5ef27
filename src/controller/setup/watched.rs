//! How objects are watched, so that what is in memory does not grow with what anybody may write into them: in small pages, and cut as they
//! arrive.

use std::io;

use futures::{Stream, TryStreamExt as _};
use kube::api::Api;
use kube::runtime::controller::Controller;
use kube::runtime::reflector::store::Writer;
use kube::runtime::watcher::{Config, Event, watcher};
use kube::runtime::{WatchStreamExt as _, reflector};
use serde::Serialize;

use crate::api::{AccessToken, TOKEN_FINALIZER};
use crate::cluster::{Received, pages};

/// How much an object that is kept whole may say, in bytes of JSON; that it may say more than any sensible one does is no reason to hold it.
const KEPT_WHOLE: usize = 16 << 10;

/// A watch whose first list comes in small pages.
pub(super) fn in_pages() -> Config {
    Config::default().page_size(pages::PAGE)
}

/// A controller whose cache has the objects [cut](cut).
pub(super) fn controller(objects: Api<Received<AccessToken>>) -> Controller<AccessToken> {
    let writer = Writer::default();
    let store = writer.as_reader();
    let shown = reflector(writer, cut_as_they_come(watcher(objects, in_pages())));
    Controller::for_stream(shown.applied_objects(), store)
}

fn cut_as_they_come<E>(
    events: impl Stream<Item = Result<Event<Received<AccessToken>>, E>>,
) -> impl Stream<Item = Result<Event<AccessToken>, E>> {
    events.map_ok(|event| match event {
        Event::Apply(Received(object)) => Event::Apply(cut(object)),
        Event::InitApply(Received(object)) => Event::InitApply(cut(object)),
        Event::Delete(Received(object)) => Event::Delete(cut(object)),
        Event::Init => Event::Init,
        Event::InitDone => Event::InitDone,
    })
}

/// An object that says more than is kept loses what only its own reconcile needs, and with it the version: so it is read again before
/// anything is decided on it.
fn cut(mut object: AccessToken) -> AccessToken {
    let (metadata, spec) = (&mut object.metadata, &mut object.spec);
    let said = size(&(&metadata.annotations, &metadata.finalizers, &*spec));
    if said <= KEPT_WHOLE {
        return object;
    }
    metadata.resource_version = None;
    metadata.annotations = None;
    if let Some(finalizers) = &mut metadata.finalizers {
        finalizers.retain(|name| name == TOKEN_FINALIZER);
        finalizers.shrink_to_fit();
    }
    // Which of the grants it is remains.
    spec.inline_role = spec.inline_role.as_ref().map(|_| Vec::new());
    spec.custom_roles = spec.custom_roles.as_ref().map(|_| Vec::new());
    if let Some(secret) = &mut spec.secret {
        secret.template = None;
    }
    object
}

/// How many bytes of JSON it takes. What cannot be written is as good as too large.
fn size(value: &impl Serialize) -> usize {
    let mut counted = Counted(0);
    serde_json::to_writer(&mut counted, value).map_or(usize::MAX, |()| counted.0)
}

struct Counted(usize);

impl io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::access_token::AccessTokenSpec;

    fn object(finalizers: usize) -> AccessToken {
        let mut object = AccessToken::new("web", AccessTokenSpec::default());
        object.metadata.resource_version = Some("7".into());
        object.metadata.annotations = Some([("ldtokens.dev/rotate".into(), "1".into())].into());
        let others = (0..finalizers).map(|n| format!("example.com/finalizer-{n}"));
        object.metadata.finalizers = Some(others.chain([TOKEN_FINALIZER.to_owned()]).collect());
        object
    }

    #[test]
    fn an_object_of_a_usual_size_is_kept_as_it_is() {
        assert_eq!(cut(object(10)), object(10));
    }

    #[test]
    fn of_an_object_that_says_too_much_little_is_kept_and_no_version() {
        let actions: Vec<String> = (0..50).map(|n| format!("action-{n}")).collect();
        let statement = json!({"effect": "allow", "resources": ["proj/*"], "actions": actions});
        let mut large = object(0);
        large.spec.inline_role = serde_json::from_value(json!(vec![statement; 50])).unwrap();
        for object in [object(1_000), large] {
            let grants = (
                object.spec.inline_role.is_some(),
                object.spec.custom_roles.is_some(),
            );
            let kept = cut(object);
            assert!(size(&kept) < 1 << 10, "{kept:?}");
            assert_eq!(kept.metadata.resource_version, None);
            assert!(kept.has_finalizer());
            assert_eq!(
                (
                    kept.spec.inline_role.is_some(),
                    kept.spec.custom_roles.is_some()
                ),
                grants
            );
        }
    }
}
