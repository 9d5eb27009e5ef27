//! The `ConfigMap` of what deletions left behind, on the real API server.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, PostParams};
use launchdarkly_token_operator::cluster::Cluster as _;
use launchdarkly_token_operator::domain::ids::TokenId;
use launchdarkly_token_operator::domain::record::Identity;
use serde_json::json;

use crate::stage::{client, cluster_of};

fn object(namespace: &str, n: usize) -> Identity {
    Identity {
        uid: format!("uid-{n}").as_str().into(),
        namespace: namespace.to_owned(),
        name: "web".to_owned(),
    }
}

#[tokio::test]
async fn the_report_of_what_was_left_behind_stays_small_and_nobody_pushes_others_out() {
    let client = client().await;
    let cluster = cluster_of(client.clone());
    let maps = Api::<ConfigMap>::namespaced(client, "default");
    let many: BTreeMap<String, &str> = (0..499)
        .map(|n| (format!("many.web.uid-{n}"), "1"))
        .collect();
    let name = "launchdarkly-token-operator-left-behind";
    let map = json!({"metadata": {"name": name}, "data": many});
    let map = serde_json::from_value(map).unwrap();
    maps.create(&PostParams::default(), &map).await.unwrap();
    let tokens = ["61095542756dba551110ae21", "61095542756dba551110ae22"].map(TokenId::new);
    for (namespace, n) in [("few", 1000), ("many", 1001), ("few", 1002)] {
        let object = object(namespace, n);
        let reported = cluster.report_left_behind(&object, &tokens);
        reported.await.unwrap();
    }
    let data = maps.get(name).await.unwrap().data.unwrap();
    assert_eq!(data.len(), 500);
    let ids = "61095542756dba551110ae21,61095542756dba551110ae22";
    for key in ["few.web.uid-1000", "many.web.uid-1001", "few.web.uid-1002"] {
        assert_eq!(data.get(key).map(String::as_str), Some(ids), "{key}");
    }
}
