//! The dashboard's queries, answered by a Prometheus that scrapes a running operator.

use rig::wait;
use serde_json::Value;

use crate::alerts::assert_known;
use crate::stage::{PATIENCE, rendered, stage};

/// The dashboard as the chart gives it to Grafana.
pub fn dashboard() -> Value {
    let objects = rendered();
    let map = objects.iter().find(|one| one["kind"] == "ConfigMap");
    let text = &map.unwrap()["data"]["launchdarkly-token-operator.json"];
    serde_json::from_str(text.as_str().unwrap()).unwrap()
}

/// A query as Grafana sends it, all jobs and namespaces chosen.
pub fn sent(query: &str, interval: &str) -> String {
    [
        ("$__rate_interval", interval),
        ("$job", ".*"),
        ("$namespace", ".*"),
    ]
    .iter()
    .fold(query.to_owned(), |text, (name, value)| {
        text.replace(name, value)
    })
}

#[test]
fn every_query_of_the_dashboard_gives_a_result() {
    let (dashboard, prometheus) = (dashboard(), &stage().prometheus);
    let mut queries = 0;
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        for target in panel["targets"].as_array().into_iter().flatten() {
            let query = sent(target["expr"].as_str().unwrap(), "5m");
            assert!(!query.contains('$'), "{title}: {query}");
            assert_known(prometheus, &query);
            queries += 1;
            wait::until_ok(PATIENCE, title, || {
                match prometheus.query(&query).unwrap().as_slice() {
                    [] => Err(format!("nothing: {query}")),
                    _ => Ok(()),
                }
            })
            .unwrap();
        }
    }
    assert!(queries > 30, "{queries}");
}

#[test]
fn every_panel_takes_its_data_from_the_chosen_source_and_has_a_place_of_its_own() {
    let dashboard = dashboard();
    let mut places = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let side = |name: &str| panel["gridPos"][name].as_u64().unwrap();
        let (left, top) = (side("x"), side("y"));
        let (right, bottom) = (left + side("w"), top + side("h"));
        assert!(right <= 24, "{}", panel["title"]);
        for (title, other_left, other_top, other_right, other_bottom) in &places {
            let apart = left >= *other_right
                || right <= *other_left
                || top >= *other_bottom
                || bottom <= *other_top;
            assert!(apart, "{} lies on {title}", panel["title"]);
        }
        places.push((panel["title"].clone(), left, top, right, bottom));
        for target in panel["targets"].as_array().into_iter().flatten() {
            assert_eq!(target["datasource"]["uid"], "${datasource}");
        }
    }
    for variable in ["datasource", "job", "namespace"] {
        let list = dashboard["templating"]["list"].as_array().unwrap();
        assert!(
            list.iter().any(|known| known["name"] == variable),
            "{variable}"
        );
    }
}
