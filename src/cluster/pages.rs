//! Lists, a page at a time: what is in memory at once does not grow with the number of objects.

use std::fmt::Debug;

use kube::api::{Api, ListParams};
use serde::de::DeserializeOwned;

/// How many objects a page has. The API server takes objects of one and a half MiB, and a page of them is in memory twice while it is
/// read.
pub const PAGE: u32 = 10;

/// Lists all that `params` select and keeps what `pick` makes of each.
///
/// # Errors
/// A page could not be read.
pub async fn list<K, T>(
    api: &Api<K>,
    params: ListParams,
    mut pick: impl FnMut(K) -> Option<T>,
) -> Result<Vec<T>, kube::Error>
where
    K: Clone + DeserializeOwned + Debug,
{
    let mut params = params.limit(PAGE);
    let mut picked = Vec::new();
    loop {
        let page = api.list(&params).await?;
        picked.extend(page.items.into_iter().filter_map(&mut pick));
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(picked),
        }
    }
}
