//! Waits until the API server knows our kinds.

use std::collections::BTreeSet;
use std::time::Duration;

use kube::{Client, Resource as _};

use super::readiness::Part;
use crate::api::{AccessToken, ClusterLaunchDarklyAccount, GROUP, LaunchDarklyAccount, VERSION};

/// How often is looked while something is missing.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Returns once all our kinds are served; `part` and the log tell meanwhile what is missing.
///
/// Asks for the kinds as any client may, so that no right to read `CustomResourceDefinition` objects is needed.
pub async fn wait(client: &Client, part: &Part) {
    while let Some(why) = in_the_way(served(client).await) {
        tracing::info!("waiting: {why}");
        part.waits(why);
        tokio::time::sleep(LOOK_EVERY).await;
    }
    part.is_ready();
}

/// What keeps us from going on, given the kinds that are served.
fn in_the_way(served: kube::Result<BTreeSet<String>>) -> Option<String> {
    match served {
        Ok(served) => {
            let missing = missing(&served);
            (!missing.is_empty()).then(|| {
                format!(
                    "CustomResourceDefinitions are missing: {}; apply the files in crds/",
                    missing.join(", ")
                )
            })
        }
        Err(error) => Some(format!("cannot ask the API server for its kinds: {error}")),
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
    use crate::runtime::telemetry::json::tests::Paper;

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

    #[tokio::test]
    async fn the_log_says_in_words_what_is_waited_for() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        // Knows no group.
        let server = wiremock::MockServer::start().await;
        let config = kube::Config::new(server.uri().parse().unwrap());
        let client = Client::try_from(config).unwrap();
        let part = crate::runtime::readiness::Readiness::default().expect("kinds");
        let paper = Paper::default();
        let logged = tracing::subscriber::set_default(paper.subscriber());
        let waiting = tokio::time::timeout(LOOK_EVERY / 2, wait(&client, &part));
        assert!(waiting.await.is_err());
        drop(logged);
        let text = paper.text();
        assert!(text.contains("accesstokens.ldtokens.dev"), "{text}");
        assert!(text.contains("apply the files in crds/"), "{text}");
        assert!(!text.contains("Part"), "{text}");
    }

    #[test]
    fn what_is_in_the_way_is_said_in_words_and_with_what_to_do() {
        assert_eq!(
            in_the_way(Ok(BTreeSet::from(["accesstokens".to_owned()]))).unwrap(),
            "CustomResourceDefinitions are missing: launchdarklyaccounts.ldtokens.dev, \
             clusterlaunchdarklyaccounts.ldtokens.dev; apply the files in crds/"
        );
        let all = [
            "accesstokens",
            "launchdarklyaccounts",
            "clusterlaunchdarklyaccounts",
        ];
        assert_eq!(in_the_way(Ok(all.map(str::to_owned).into())), None);
    }
}
