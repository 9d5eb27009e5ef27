//! Waits until the API server knows our kinds.

use std::collections::BTreeSet;
use std::time::Duration;

use kube::{Client, Resource as _};

use super::readiness::Part;
use crate::api::{AccessToken, ClusterLaunchDarklyAccount, GROUP, LaunchDarklyAccount, VERSION};

/// How often is looked while something is missing.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Returns once all our kinds are served; `part` tells meanwhile what is missing.
///
/// Asks for the kinds as any client may, so that no right to read `CustomResourceDefinition` objects is needed.
pub async fn wait(client: &Client, part: &Part) {
    loop {
        match served(client).await {
            Ok(served) => match missing(&served).as_slice() {
                [] => return part.is_ready(),
                some => part.waits(format!(
                    "CustomResourceDefinitions are missing: {}; apply the files in crds/",
                    some.join(", ")
                )),
            },
            Err(error) => part.waits(format!("cannot ask the API server for its kinds: {error}")),
        }
        tracing::info!(missing = ?part, "waiting");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn served(client: &Client) -> kube::Result<BTreeSet<String>> {
    match client
        .list_api_group_resources(&format!("{GROUP}/{VERSION}"))
        .await
    {
        Ok(list) => Ok(list
            .resources
            .into_iter()
            .map(|resource| resource.name)
            .collect()),
        // The group appears with its first CustomResourceDefinition.
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(BTreeSet::new()),
        Err(error) => Err(error),
    }
}

fn missing(served: &BTreeSet<String>) -> Vec<String> {
    let ours = [
        AccessToken::plural(&()),
        LaunchDarklyAccount::plural(&()),
        ClusterLaunchDarklyAccount::plural(&()),
    ];
    ours.iter()
        .filter(|plural| !served.contains(plural.as_ref()))
        .map(|plural| format!("{plural}.{GROUP}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_missing_kind_is_named() {
        let served = [
            "accesstokens",
            "accesstokens/status",
            "launchdarklyaccounts",
        ];
        let served = served.into_iter().map(str::to_owned).collect();
        assert_eq!(
            missing(&served),
            ["clusterlaunchdarklyaccounts.ldtokens.dev"]
        );
        assert_eq!(missing(&BTreeSet::new()).len(), 3);
    }
}
